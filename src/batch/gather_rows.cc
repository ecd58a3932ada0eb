// One pass per column: a table of base pointers by source, then a copy per row.
#include "batch/gather_rows.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <cstring>
#include <limits>
#include <vector>

#include "batch/gather.h"

namespace weir {

namespace {

using arrow::Type;
using arrow::bit_util::GetBit;
using Sources = std::span<const ArrayDataPtr>;
using Rows = std::span<const SourceRow>;

constexpr int64_t kCopyBytes = 32;
constexpr int64_t kMaxTextBytes = std::numeric_limits<int32_t>::max() - 64;

/// Validity of the gathered rows; no bitmap when all are valid.
Status GatherValidity(Sources sources, Rows rows, BufferPtr* out, int64_t* null_count) {
  struct Bits {
    const uint8_t* bits;
    int64_t offset;
  };
  std::vector<Bits> valid;
  bool any = false;
  for (const auto& source : sources) {
    const bool nulls = source->MayHaveNulls();
    valid.push_back({nulls ? source->buffers[0]->data() : nullptr, source->offset});
    any = any || nulls;
  }
  for (const SourceRow& ref : rows) any = any || ref.source < 0;
  *null_count = 0;
  if (!any) return Status::OK();
  const auto count = static_cast<int64_t>(rows.size());
  WEIR_ASSIGN_OR_RETURN(auto bitmap, arrow::AllocateEmptyBitmap(count));
  uint8_t* bits = bitmap->mutable_data();
  int64_t set = 0;
  for (int64_t i = 0; i < count; ++i) {
    const SourceRow ref = rows[i];
    const bool is_valid = ref.source >= 0 && (valid[ref.source].bits == nullptr ||
                                              GetBit(valid[ref.source].bits, valid[ref.source].offset + ref.row));
    bits[i >> 3] |= static_cast<uint8_t>(is_valid << (i & 7));
    set += is_valid;
  }
  *null_count = count - set;
  if (*null_count > 0) *out = std::move(bitmap);
  return Status::OK();
}

template <class T>
Result<BufferPtr> GatherFixed(Sources sources, Rows rows) {
  std::vector<const T*> bases;
  for (const auto& source : sources) bases.push_back(source->GetValues<T>(1));
  WEIR_ASSIGN_OR_RETURN(auto buffer, arrow::AllocateBuffer(static_cast<int64_t>(rows.size() * sizeof(T))));
  auto* out = reinterpret_cast<T*>(buffer->mutable_data());
  for (size_t i = 0; i < rows.size(); ++i) out[i] = rows[i].source < 0 ? T{} : bases[rows[i].source][rows[i].row];
  return BufferPtr(std::move(buffer));
}

Result<BufferPtr> GatherBits(Sources sources, Rows rows) {
  WEIR_ASSIGN_OR_RETURN(auto buffer, arrow::AllocateEmptyBitmap(static_cast<int64_t>(rows.size())));
  uint8_t* out = buffer->mutable_data();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].source < 0) continue;
    const arrow::ArrayData& source = *sources[rows[i].source];
    const bool bit = GetBit(source.buffers[1]->data(), source.offset + rows[i].row);
    out[i >> 3] |= static_cast<uint8_t>(bit << (i & 7));
  }
  return BufferPtr(std::move(buffer));
}

/// Where the text of a source's row is: its own, or an entry of its dictionary.
struct TextSource {
  const int32_t* offsets;
  const int32_t* indices;  // null: plain
  const uint8_t* text;
  int64_t readable;
  const uint8_t* valid;
  int64_t valid_offset;

  explicit TextSource(const arrow::ArrayData& column) {
    const bool encoded = column.type->id() == Type::DICTIONARY;
    const arrow::ArrayData& plain = encoded ? *column.dictionary : column;
    indices = encoded ? column.GetValues<int32_t>(1) : nullptr;
    offsets = plain.GetValues<int32_t>(1);
    text = plain.buffers[2] ? plain.buffers[2]->data() : nullptr;
    readable = plain.buffers[2] ? plain.buffers[2]->size() : 0;
    valid = encoded && column.MayHaveNulls() ? column.buffers[0]->data() : nullptr;
    valid_offset = column.offset;
  }
  /// [begin, end) in `text`; a null of a dictionary column has no text.
  std::pair<int32_t, int32_t> At(int32_t row) const {
    if (indices != nullptr) {
      if (valid != nullptr && !GetBit(valid, valid_offset + row)) return {0, 0};
      row = indices[row];
    }
    return {offsets[row], offsets[row + 1]};
  }
};

Status GatherText(Sources sources, Rows rows, BufferPtr* offsets_out, BufferPtr* text_out) {
  std::vector<TextSource> from;
  for (const auto& source : sources) from.emplace_back(*source);
  const auto count = static_cast<int64_t>(rows.size());
  WEIR_ASSIGN_OR_RETURN(auto offset_buffer, arrow::AllocateBuffer((count + 1) * 4));
  auto* offsets = reinterpret_cast<int32_t*>(offset_buffer->mutable_data());
  std::vector<int32_t> begins(rows.size());
  int64_t total = 0;
  offsets[0] = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (rows[i].source >= 0) {
      const auto [begin, end] = from[rows[i].source].At(rows[i].row);
      begins[i] = begin;
      total += end - begin;
    }
    offsets[i + 1] = static_cast<int32_t>(total);
  }
  if (total > kMaxTextBytes) {
    return Status::CapacityError("a column of ", total, " bytes of text in one batch; at most 2 GiB fit");
  }
  WEIR_ASSIGN_OR_RETURN(auto text_buffer, arrow::AllocateBuffer(total + kCopyBytes));
  uint8_t* out = text_buffer->mutable_data();
  for (int64_t i = 0; i < count; ++i) {
    const int32_t length = offsets[i + 1] - offsets[i];
    if (length == 0) continue;
    const TextSource& source = from[rows[i].source];
    const uint8_t* in = source.text + begins[i];
    uint8_t* target = out + offsets[i];
    if (begins[i] + int64_t{length} + kCopyBytes <= source.readable) {
      for (int32_t at = 0; at < length; at += kCopyBytes) std::memcpy(target + at, in + at, kCopyBytes);
    } else {
      std::memcpy(target, in, length);
    }
  }
  *offsets_out = std::move(offset_buffer);
  *text_out = arrow::SliceBuffer(std::move(text_buffer), 0, total);
  return Status::OK();
}

bool ShareDictionary(Sources sources) {
  for (const auto& source : sources) {
    if (source->type->id() != Type::DICTIONARY || source->dictionary != sources[0]->dictionary) return false;
  }
  return !sources.empty();
}

/// Nested types: join the sources, then one gather.
Result<ArrayDataPtr> GatherNested(Sources sources, Rows rows) {
  arrow::ArrayVector arrays;
  std::vector<int64_t> starts;
  int64_t total = 0;
  for (const auto& source : sources) {
    arrays.push_back(arrow::MakeArray(source));
    starts.push_back(total);
    total += source->length;
  }
  if (total > std::numeric_limits<int32_t>::max()) return Status::CapacityError("more than 2^31 rows at once");
  WEIR_ASSIGN_OR_RETURN(auto joined, arrow::Concatenate(arrays));
  std::vector<int32_t> indices(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    indices[i] = rows[i].source < 0 ? -1 : static_cast<int32_t>(starts[rows[i].source] + rows[i].row);
  }
  return GatherColumn(joined->data(), indices);
}

struct Wide16 {
  uint64_t low = 0, high = 0;
};

}  // namespace

Result<ArrayDataPtr> GatherRows(const std::shared_ptr<arrow::DataType>& type, std::span<const ArrayDataPtr> sources,
                                std::span<const SourceRow> rows) {
  const auto count = static_cast<int64_t>(rows.size());
  if (type->id() == Type::NA || sources.empty()) return NullColumn(type, count);
  switch (type->id()) {
    case Type::LIST:
    case Type::MAP:
    case Type::STRUCT:
      return GatherNested(sources, rows);
    default:
      break;
  }
  BufferPtr validity, values, text;
  int64_t null_count = 0;
  WEIR_RETURN_NOT_OK(GatherValidity(sources, rows, &validity, &null_count));
  if (ShareDictionary(sources)) {
    WEIR_ASSIGN_OR_RETURN(values, GatherFixed<int32_t>(sources, rows));
    auto out = arrow::ArrayData::Make(sources[0]->type, count, {validity, values}, null_count);
    out->dictionary = sources[0]->dictionary;
    return out;
  }
  if (type->id() == Type::STRING || type->id() == Type::BINARY) {
    WEIR_RETURN_NOT_OK(GatherText(sources, rows, &values, &text));
    return arrow::ArrayData::Make(type, count, {validity, values, text}, null_count);
  }
  if (type->id() == Type::BOOL) {
    WEIR_ASSIGN_OR_RETURN(values, GatherBits(sources, rows));
  } else if (type->byte_width() == 4) {
    WEIR_ASSIGN_OR_RETURN(values, GatherFixed<int32_t>(sources, rows));
  } else if (type->byte_width() == 8) {
    WEIR_ASSIGN_OR_RETURN(values, GatherFixed<int64_t>(sources, rows));
  } else {
    WEIR_ASSIGN_OR_RETURN(values, GatherFixed<Wide16>(sources, rows));
  }
  return arrow::ArrayData::Make(type, count, {validity, values}, null_count);
}

int64_t AverageRowBytes(std::span<const Batch> batches) {
  int64_t bytes = 0, rows = 0;
  for (const Batch& batch : batches) {
    bytes += batch.size_bytes();
    rows += batch.num_rows();
  }
  return rows > 0 ? bytes / rows + 1 : 1;
}

}  // namespace weir
