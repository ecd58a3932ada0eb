// The kinds of columns that Generate makes.
#include "connectors/generate/field_maker.h"

#include <arrow/array/data.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "batch/types.h"
#include "connectors/nexmark/random.h"
#include "formats/text/value_text.h"

namespace weir::generate {
namespace {

using Random = nexmark::MixedRandom;

/// A fixed-width column by a function of (random numbers of this row, row number).
template <typename T, typename F>
class ValueMaker final : public FieldMaker {
 public:
  ValueMaker(std::shared_ptr<arrow::DataType> type, uint64_t seed, F value) : seed_(seed), value_(std::move(value)) {
    type_ = std::move(type);
  }
  Result<ArrayDataPtr> Make(int64_t first, int64_t count) const override {
    WEIR_ASSIGN_OR_RETURN(BufferPtr buffer, arrow::AllocateBuffer(count * static_cast<int64_t>(sizeof(T))));
    T* out = reinterpret_cast<T*>(buffer->mutable_data());
    for (int64_t i = 0; i < count; ++i) {
      Random random(seed_, first + i);
      out[i] = value_(random, first + i);
    }
    return arrow::ArrayData::Make(type_, count, {nullptr, std::move(buffer)}, 0);
  }

 private:
  const uint64_t seed_;
  const F value_;
};

template <typename T, typename F>
std::unique_ptr<FieldMaker> Values(std::shared_ptr<arrow::DataType> type, uint64_t seed, F value) {
  return std::make_unique<ValueMaker<T, F>>(std::move(type), seed, std::move(value));
}

class BooleanMaker final : public FieldMaker {
 public:
  BooleanMaker(uint64_t seed, double share) : seed_(seed), share_(share) { type_ = arrow::boolean(); }
  Result<ArrayDataPtr> Make(int64_t first, int64_t count) const override {
    WEIR_ASSIGN_OR_RETURN(auto bits, arrow::AllocateEmptyBitmap(count));
    for (int64_t i = 0; i < count; ++i) {
      if (Random(seed_, first + i).NextDouble() < share_) arrow::bit_util::SetBit(bits->mutable_data(), i);
    }
    return arrow::ArrayData::Make(type_, count, {nullptr, std::move(bits)}, 0);
  }

 private:
  const uint64_t seed_;
  const double share_;
};

class TextMaker final : public FieldMaker {
 public:
  TextMaker(uint64_t seed, int64_t length) : seed_(seed), length_(length) { type_ = arrow::utf8(); }
  Result<ArrayDataPtr> Make(int64_t first, int64_t count) const override {
    WEIR_ASSIGN_OR_RETURN(BufferPtr offsets, arrow::AllocateBuffer((count + 1) * 4));
    WEIR_ASSIGN_OR_RETURN(BufferPtr text, arrow::AllocateBuffer(count * length_));
    auto* ends = reinterpret_cast<int32_t*>(offsets->mutable_data());
    auto* out = reinterpret_cast<char*>(text->mutable_data());
    for (int64_t i = 0; i <= count; ++i) ends[i] = static_cast<int32_t>(i * length_);
    for (int64_t i = 0; i < count; ++i) {
      Random random(seed_, first + i);
      for (int64_t k = 0; k < length_; ++k) *out++ = static_cast<char>('a' + random.NextInt(26));
    }
    return arrow::ArrayData::Make(type_, count, {nullptr, std::move(offsets), std::move(text)}, 0);
  }

 private:
  const uint64_t seed_;
  const int64_t length_;
};

/// Draws the number of one of the values; texts leave as a dictionary column.
class ChoiceMaker final : public FieldMaker {
 public:
  ChoiceMaker(uint64_t seed, ArrayDataPtr values, std::vector<double> cumulative)
      : seed_(seed), values_(std::move(values)), cumulative_(std::move(cumulative)) {
    type_ = values_->type;
  }
  Result<ArrayDataPtr> Make(int64_t first, int64_t count) const override {
    const bool text = type_->id() == arrow::Type::STRING;
    WEIR_ASSIGN_OR_RETURN(BufferPtr buffer, arrow::AllocateBuffer(count * (text ? 4 : 8)));
    for (int64_t i = 0; i < count; ++i) {
      Random random(seed_, first + i);
      const double at = random.NextDouble() * cumulative_.back();
      auto choice = std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, at) - cumulative_.begin();
      if (text) {
        reinterpret_cast<int32_t*>(buffer->mutable_data())[i] = static_cast<int32_t>(choice);
      } else {
        reinterpret_cast<int64_t*>(buffer->mutable_data())[i] = values_->GetValues<int64_t>(1)[choice];
      }
    }
    if (!text) return arrow::ArrayData::Make(type_, count, {nullptr, std::move(buffer)}, 0);
    auto column =
        arrow::ArrayData::Make(arrow::dictionary(arrow::int32(), type_), count, {nullptr, std::move(buffer)}, 0);
    column->dictionary = values_;
    return column;
  }

 private:
  const uint64_t seed_;
  const ArrayDataPtr values_;
  const std::vector<double> cumulative_;
};

/// Another maker's values, some of them missing.
class NullMaker final : public FieldMaker {
 public:
  NullMaker(uint64_t seed, double share, std::unique_ptr<FieldMaker> values)
      : seed_(seed), share_(share), values_(std::move(values)) {
    type_ = values_->type();
  }
  Result<ArrayDataPtr> Make(int64_t first, int64_t count) const override {
    WEIR_ASSIGN_OR_RETURN(ArrayDataPtr column, values_->Make(first, count));
    WEIR_ASSIGN_OR_RETURN(auto valid, arrow::AllocateEmptyBitmap(count));
    for (int64_t i = 0; i < count; ++i) {
      if (Random(seed_, first + i).NextDouble() >= share_) arrow::bit_util::SetBit(valid->mutable_data(), i);
    }
    column->buffers[0] = std::move(valid);
    column->null_count = arrow::kUnknownNullCount;
    return column;
  }

 private:
  const uint64_t seed_;
  const double share_;
  const std::unique_ptr<FieldMaker> values_;
};

class Builder {
 public:
  Builder(const FieldConfig& config, uint64_t seed, const NodePtr& place, Diagnostics* diagnostics)
      : config_(config), seed_(seed), place_(place), diagnostics_(diagnostics) {}

  std::unique_ptr<FieldMaker> Make() {
    std::unique_ptr<FieldMaker> maker = MakeValues();
    if (!maker || config_.nulls == 0) return maker;
    return std::make_unique<NullMaker>(seed_ ^ 0x6E756C6C, config_.nulls, std::move(maker));
  }

 private:
  std::unique_ptr<FieldMaker> MakeValues() {
    switch (config_.kind) {
      case FieldKind::kSequence:
        return Values<int64_t>(arrow::int64(), seed_,
                               [start = config_.start, step = config_.step](Random&, int64_t row) {
                                 return static_cast<int64_t>(static_cast<uint64_t>(start) +
                                                             static_cast<uint64_t>(step) * static_cast<uint64_t>(row));
                               });
      case FieldKind::kInteger:
        return Integers();
      case FieldKind::kNumber:
        return Numbers();
      case FieldKind::kNormal:
        return Values<double>(arrow::float64(), seed_,
                              [mean = config_.mean, stddev = config_.stddev](Random& random, int64_t) {
                                // Box and Muller; 1 - u keeps the logarithm finite.
                                double radius = std::sqrt(-2 * std::log(1 - random.NextDouble()));
                                return mean + stddev * radius * std::cos(2 * std::numbers::pi * random.NextDouble());
                              });
      case FieldKind::kChoice:
        return Choice();
      case FieldKind::kText:
        return std::make_unique<TextMaker>(seed_, config_.length);
      case FieldKind::kBoolean:
        return std::make_unique<BooleanMaker>(seed_, config_.share);
      case FieldKind::kTime:
        return Times();
    }
    return nullptr;
  }

  std::unique_ptr<FieldMaker> Integers() {
    const double low = config_.min.value_or(0), high = config_.max.value_or(100);
    constexpr double kLimit = 1ull << 53;
    if (std::floor(low) != low || std::floor(high) != high || std::abs(low) > kLimit || std::abs(high) > kLimit) {
      return Fail("'min' and 'max' of integers must be integers within ± 2^53");
    }
    if (low > high) return Fail("'min' is greater than 'max'");
    return Values<int64_t>(arrow::int64(), seed_, [low, width = high - low + 1](Random& random, int64_t) {
      return static_cast<int64_t>(low) + static_cast<int64_t>(random.NextDouble() * width);
    });
  }

  std::unique_ptr<FieldMaker> Numbers() {
    const double low = config_.min.value_or(0), high = config_.max.value_or(1);
    if (!(low <= high)) return Fail("'min' is greater than 'max'");
    return Values<double>(arrow::float64(), seed_, [low, width = high - low](Random& random, int64_t) {
      return low + random.NextDouble() * width;
    });
  }

  std::unique_ptr<FieldMaker> Times() {
    int64_t from = 0;
    if (!config_.from.empty() && !ParseTimestamp(config_.from, &from)) {
      return Fail("'from' is not a time ('" + config_.from + "')", "write it as 2026-01-31T12:00:00Z");
    }
    return Values<int64_t>(TimestampType(), seed_,
                           [from, every = config_.every.us](Random&, int64_t row) { return from + every * row; });
  }

  std::unique_ptr<FieldMaker> Choice() {
    if (!config_.values || !config_.values->is_sequence() || config_.values->items().empty()) {
      return Fail("'choice' needs 'values', a list of at least one text or integer");
    }
    const auto& items = config_.values->items();
    const bool integers = std::all_of(items.begin(), items.end(), [](const NodePtr& item) { return item->AsInt64(); });
    arrow::StringBuilder texts;
    arrow::Int64Builder numbers;
    for (const NodePtr& item : items) {
      if (!item->is_scalar()) return Fail("a value of 'choice' must be a text or an integer, not " + item->Describe());
      Status added = integers ? numbers.Append(*item->AsInt64()) : texts.Append(item->text());
      if (!added.ok()) return Fail(added.message());
    }
    std::vector<double> cumulative = config_.weights;
    if (cumulative.empty()) cumulative.assign(items.size(), 1.0);
    if (cumulative.size() != items.size()) return Fail("'weights' must be as many as 'values'");
    for (size_t i = 0; i < cumulative.size(); ++i) {
      if (!(cumulative[i] >= 0)) return Fail("a weight is negative");
      if (i > 0) cumulative[i] += cumulative[i - 1];
    }
    if (cumulative.back() <= 0) return Fail("all weights are 0");
    auto values = integers ? static_cast<arrow::ArrayBuilder&>(numbers).Finish()
                           : static_cast<arrow::ArrayBuilder&>(texts).Finish();
    if (!values.ok()) return Fail(values.status().message());
    return std::make_unique<ChoiceMaker>(seed_, (*values)->data(), std::move(cumulative));
  }

  std::unique_ptr<FieldMaker> Fail(std::string message, std::string hint = "") {
    diagnostics_->Error(place_->source(), place_->span(), std::move(message), std::move(hint));
    return nullptr;
  }

  const FieldConfig& config_;
  const uint64_t seed_;
  const NodePtr place_;
  Diagnostics* const diagnostics_;
};

}  // namespace

const FieldSet<FieldConfig>& FieldConfig::Fields() {
  using C = FieldConfig;
  static const FieldSet<C> fields = [] {
    FieldSet<C> set;
    set.Enum("kind", &C::kind,
             {{"sequence", FieldKind::kSequence},
              {"integer", FieldKind::kInteger},
              {"number", FieldKind::kNumber},
              {"normal", FieldKind::kNormal},
              {"choice", FieldKind::kChoice},
              {"text", FieldKind::kText},
              {"boolean", FieldKind::kBoolean},
              {"time", FieldKind::kTime}},
             FieldDoc("How its values are made.").Required());
    set.Field("start", &C::start, FieldDoc("sequence: value of the first row.").Default("0"));
    set.Field("step", &C::step, FieldDoc("sequence: from one row to the next.").Default("1"));
    set.Field("min", &C::min, FieldDoc("integer, number: lowest value; 0 unless given."));
    set.Field("max", &C::max,
              FieldDoc("integer: highest value, 100 unless given; number: values are below it, 1 unless given."));
    set.Field("mean", &C::mean, FieldDoc("normal: mean.").Default("0"));
    set.Field("stddev", &C::stddev, FieldDoc("normal: standard deviation.").Default("1").Min("0"));
    set.Field("values", &C::values,
              FieldDoc("choice: texts or integers, one of which each row gets.")
                  .Type("list")
                  .JsonSchema(R"({"type": "array"})")
                  .Example("[red, green, blue]"));
    set.Field("weights", &C::weights, FieldDoc("choice: how often each value comes, relative to the others."));
    set.Field("length", &C::length, FieldDoc("text: number of letters.").Default("8").Min("0").Max("1000"));
    set.Field("share", &C::share, FieldDoc("boolean: share of rows that are true.").Default("0.5").Min("0").Max("1"));
    set.Field("from", &C::from, FieldDoc("time: of the first row.").Default("1970-01-01T00:00:00Z"));
    set.Field("every", &C::every, FieldDoc("time: from one row to the next.").Default("1s"));
    set.Field("nulls", &C::nulls, FieldDoc("Share of rows that have no value.").Default("0").Min("0").Max("1"));
    return set;
  }();
  return fields;
}

std::unique_ptr<FieldMaker> MakeField(const FieldConfig& config, uint64_t seed, const NodePtr& place,
                                      Diagnostics* diagnostics) {
  return Builder(config, seed, place, diagnostics).Make();
}

}  // namespace weir::generate
