// Sampling of columns for their Parquet encoding.
#include "formats/parquet/encoding_choice.h"

#include <arrow/array/data.h>
#include <arrow/type.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string_view>

namespace weir {
namespace {

constexpr double kMaxDictionaryBytes = 1 << 20;  // the writer's limit

/// Counts distinct 64-bit hashes; open addressing in a table four times the sample, reused from column to column.
class DistinctCounter {
 public:
  DistinctCounter() : slots_(4 * std::bit_ceil(static_cast<size_t>(kEncodingSampleRows))) {}

  void Clear() {
    std::fill(slots_.begin(), slots_.end(), 0);
    distinct_ = 0;
  }

  void Add(uint64_t hash) {
    hash |= 1;  // 0 marks a free slot
    for (size_t at = hash >> 32;; ++at) {
      uint64_t& slot = slots_[at & (slots_.size() - 1)];
      if (slot == hash) return;
      if (slot == 0) {
        slot = hash;
        ++distinct_;
        return;
      }
    }
  }

  int64_t distinct() const { return distinct_; }

 private:
  std::vector<uint64_t> slots_;
  int64_t distinct_ = 0;
};

uint64_t Mix(uint64_t x) {  // finaliser of MurmurHash3
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdULL;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

uint64_t HashText(std::string_view text) {
  uint64_t hash = text.size();
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    hash = Mix(hash ^ word);
  }
  uint64_t word = 0;
  std::memcpy(&word, text.data() + i, text.size() - i);
  return Mix(hash ^ word);
}

struct Sample {
  int64_t rows = 0;
  int64_t distinct = 0;
  int64_t bytes = 0;  // of texts
  int64_t min = INT64_MAX;
  int64_t max = INT64_MIN;
};

/// Values at a fixed stride over all batches; nulls are left out.
template <class Visit>
void VisitSample(std::span<const Batch> batches, int column, Visit visit) {
  int64_t total = 0;
  for (const Batch& batch : batches) total += batch.num_rows();
  int64_t stride = std::max<int64_t>(1, total / kEncodingSampleRows);
  int64_t next = 0;
  for (const Batch& batch : batches) {
    const arrow::ArrayData& data = *batch.column(column);
    for (; next < batch.num_rows(); next += stride) {
      if (!data.IsNull(next)) visit(data, next);
    }
    next -= batch.num_rows();
  }
}

template <class T>
Sample SampleFixed(std::span<const Batch> batches, int column, DistinctCounter* counter) {
  Sample sample;
  VisitSample(batches, column, [&](const arrow::ArrayData& data, int64_t row) {
    if (sample.rows == kEncodingSampleRows) return;
    T value = data.GetValues<T>(1)[row];
    int64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    counter->Add(Mix(static_cast<uint64_t>(bits)));
    if constexpr (std::is_integral_v<T>) {
      sample.min = std::min<int64_t>(sample.min, value);
      sample.max = std::max<int64_t>(sample.max, value);
    }
    ++sample.rows;
  });
  sample.distinct = counter->distinct();
  return sample;
}

std::string_view TextAt(const arrow::ArrayData& data, int64_t row) {
  const int32_t* offsets = data.GetValues<int32_t>(1);
  const char* bytes = data.buffers[2] ? reinterpret_cast<const char*>(data.buffers[2]->data()) : "";
  return {bytes + offsets[row], static_cast<size_t>(offsets[row + 1] - offsets[row])};
}

Sample SampleText(std::span<const Batch> batches, int column, DistinctCounter* counter) {
  Sample sample;
  VisitSample(batches, column, [&](const arrow::ArrayData& data, int64_t row) {
    if (sample.rows == kEncodingSampleRows) return;
    if (data.dictionary) {
      counter->Add(Mix(static_cast<uint64_t>(data.GetValues<int32_t>(1)[row]) ^
                       reinterpret_cast<uintptr_t>(data.dictionary.get())));
      sample.bytes += TextAt(*data.dictionary, data.GetValues<int32_t>(1)[row]).size();
    } else {
      std::string_view text = TextAt(data, row);
      counter->Add(HashText(text));
      sample.bytes += text.size();
    }
    ++sample.rows;
  });
  sample.distinct = counter->distinct();
  return sample;
}

/// How many different values `sample` comes from, if all were equally frequent: the D for which D (1 - e^(-n/D)) = d,
/// by bisection. Skewed data has fewer frequent ones, so this errs on the side of more.
double EstimateDistinct(const Sample& sample) {
  double n = static_cast<double>(sample.rows), d = static_cast<double>(sample.distinct);
  double low = d, high = 1e9;
  if (sample.rows == sample.distinct) return high;
  for (int i = 0; i < 50; ++i) {
    double middle = (low + high) / 2;
    (middle * -std::expm1(-n / middle) < d ? low : high) = middle;
  }
  return high;
}

/// Values repeat enough for a dictionary to pay, and it fits into a page: the writer gives a larger one up half-way.
bool Repeats(const Sample& sample, int64_t total_rows) {
  if (sample.rows == 0) return true;
  double distinct = EstimateDistinct(sample);
  double bytes_per_value = 4 + static_cast<double>(sample.bytes) / static_cast<double>(sample.rows);
  return distinct * 2 <= static_cast<double>(total_rows) && distinct * bytes_per_value <= kMaxDictionaryBytes;
}

/// A dictionary index takes a third of the bits that a difference takes, or less: few values, far apart.
bool FewAndFarApart(const Sample& sample) {
  if (sample.rows == 0 || sample.distinct * 16 > sample.rows) return false;
  uint64_t range = static_cast<uint64_t>(sample.max) - static_cast<uint64_t>(sample.min);
  return std::bit_width(range) > 3 * std::bit_width(static_cast<uint64_t>(sample.distinct));
}

ColumnEncoding Choose(std::span<const Batch> batches, int column, const arrow::DataType& type,
                      DistinctCounter* counter) {
  counter->Clear();
  int64_t total_rows = 0;
  for (const Batch& batch : batches) total_rows += batch.num_rows();
  switch (type.id()) {
    case arrow::Type::INT64:
    case arrow::Type::TIMESTAMP: {
      Sample sample = SampleFixed<int64_t>(batches, column, counter);
      return FewAndFarApart(sample) ? ColumnEncoding::kDictionary : ColumnEncoding::kDelta;
    }
    case arrow::Type::DATE32: {
      Sample sample = SampleFixed<int32_t>(batches, column, counter);
      return FewAndFarApart(sample) ? ColumnEncoding::kDictionary : ColumnEncoding::kDelta;
    }
    case arrow::Type::DOUBLE: {
      Sample sample = SampleFixed<double>(batches, column, counter);
      return Repeats(sample, total_rows) ? ColumnEncoding::kDictionary : ColumnEncoding::kPlain;
    }
    case arrow::Type::STRING:
    case arrow::Type::BINARY: {
      Sample sample = SampleText(batches, column, counter);
      return Repeats(sample, total_rows) ? ColumnEncoding::kDictionary : ColumnEncoding::kPlain;
    }
    case arrow::Type::BOOL:
      return ColumnEncoding::kPlain;
    default:
      return ColumnEncoding::kDefault;
  }
}

}  // namespace

std::vector<ColumnEncoding> ChooseEncodings(std::span<const Batch> rows) {
  std::vector<ColumnEncoding> choices;
  if (rows.empty()) return choices;
  DistinctCounter counter;
  const arrow::Schema& schema = *rows[0].schema();
  for (int i = 0; i < schema.num_fields(); ++i) {
    bool pruned = rows[0].is_pruned(i);
    choices.push_back(pruned ? ColumnEncoding::kDefault : Choose(rows, i, *schema.field(i)->type(), &counter));
  }
  return choices;
}

}  // namespace weir
