// Gather kernels over raw buffers. Strings are copied 32 bytes at a time over their end, into slack behind the buffer.
#include "batch/gather.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/memory_pool.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <cstring>
#include <limits>
#include <utility>

#include "base/check.h"
#include "batch/compute_init.h"

namespace weir {

namespace {

using arrow::Type;
using Rows = std::span<const int32_t>;

constexpr int64_t kMaxTextBytes = std::numeric_limits<int32_t>::max() - 64;  // utf8 offsets are int32
constexpr int64_t kCopyBytes = 32;

struct Wide16 {
  uint64_t low = 0, high = 0;
};

bool HasNegative(Rows rows) {
  int32_t sign = 0;
  for (int32_t row : rows) sign |= row;
  return sign < 0;
}

/// A validity bitmap for `rows` of `column`; none when there is no null among them.
template <bool kNullRows>
Status GatherValidity(const arrow::ArrayData& column, Rows rows, BufferPtr* out, int64_t* null_count) {
  *null_count = 0;
  const bool has_nulls = column.MayHaveNulls();
  if (!kNullRows && !has_nulls) return Status::OK();
  const auto count = static_cast<int64_t>(rows.size());
  WEIR_ASSIGN_OR_RETURN(auto bitmap, arrow::AllocateEmptyBitmap(count));
  uint8_t* bits = bitmap->mutable_data();
  const uint8_t* in = has_nulls ? column.buffers[0]->data() : nullptr;
  int64_t valid = 0;
  for (int64_t i = 0; i < count; ++i) {
    bool set = true;
    if (kNullRows && rows[i] < 0) {
      set = false;
    } else if (in) {
      set = arrow::bit_util::GetBit(in, column.offset + rows[i]);
    }
    bits[i >> 3] |= static_cast<uint8_t>(set << (i & 7));
    valid += set;
  }
  *null_count = count - valid;
  if (*null_count > 0) *out = std::move(bitmap);
  return Status::OK();
}

template <class T, bool kNullRows>
Result<BufferPtr> GatherFixed(const T* in, Rows rows) {
  WEIR_ASSIGN_OR_RETURN(auto buffer, arrow::AllocateBuffer(static_cast<int64_t>(rows.size() * sizeof(T))));
  auto* out = reinterpret_cast<T*>(buffer->mutable_data());
  for (size_t i = 0; i < rows.size(); ++i) {
    if constexpr (kNullRows) {
      out[i] = rows[i] < 0 ? T{} : in[rows[i]];
    } else {
      out[i] = in[rows[i]];
    }
  }
  return BufferPtr(std::move(buffer));
}

template <bool kNullRows>
Result<BufferPtr> GatherWidth(const arrow::ArrayData& column, Rows rows) {
  const int width = column.type->id() == Type::DICTIONARY ? 4 : column.type->byte_width();
  if (width == 4) return GatherFixed<int32_t, kNullRows>(column.GetValues<int32_t>(1), rows);
  if (width == 8) return GatherFixed<int64_t, kNullRows>(column.GetValues<int64_t>(1), rows);
  if (width == 16) return GatherFixed<Wide16, kNullRows>(column.GetValues<Wide16>(1), rows);
  return Status::TypeError("a column of type ", column.type->ToString(), " does not flow");
}

template <bool kNullRows>
Result<BufferPtr> GatherBits(const arrow::ArrayData& column, Rows rows) {
  WEIR_ASSIGN_OR_RETURN(auto buffer, arrow::AllocateEmptyBitmap(static_cast<int64_t>(rows.size())));
  uint8_t* out = buffer->mutable_data();
  const uint8_t* in = column.buffers[1]->data();
  for (size_t i = 0; i < rows.size(); ++i) {
    bool bit = (!kNullRows || rows[i] >= 0) && arrow::bit_util::GetBit(in, column.offset + rows[i]);
    out[i >> 3] |= static_cast<uint8_t>(bit << (i & 7));
  }
  return BufferPtr(std::move(buffer));
}

/// Offsets and bytes of `rows` of a utf8 or binary column.
template <bool kNullRows>
Status GatherText(const arrow::ArrayData& column, Rows rows, BufferPtr* offsets_out, BufferPtr* text_out) {
  const auto count = static_cast<int64_t>(rows.size());
  const int32_t* from = column.GetValues<int32_t>(1);
  WEIR_ASSIGN_OR_RETURN(auto offset_buffer, arrow::AllocateBuffer((count + 1) * 4));
  auto* to = reinterpret_cast<int32_t*>(offset_buffer->mutable_data());
  int64_t total = 0;
  to[0] = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (!kNullRows || rows[i] >= 0) total += from[rows[i] + 1] - from[rows[i]];
    to[i + 1] = static_cast<int32_t>(total);
  }
  if (total > kMaxTextBytes) {
    return Status::CapacityError("a column of ", total, " bytes of text in one batch; at most 2 GiB fit");
  }
  WEIR_ASSIGN_OR_RETURN(auto text_buffer, arrow::AllocateBuffer(total + kCopyBytes));
  uint8_t* out = text_buffer->mutable_data();
  const uint8_t* in = column.buffers[2] ? column.buffers[2]->data() : nullptr;
  const int64_t readable = column.buffers[2] ? column.buffers[2]->size() : 0;
  for (int64_t i = 0; i < count; ++i) {
    if (kNullRows && rows[i] < 0) continue;
    const int32_t length = to[i + 1] - to[i];
    const int32_t begin = from[rows[i]];
    uint8_t* target = out + to[i];
    if (begin + int64_t{length} + kCopyBytes <= readable) {
      for (int32_t at = 0; at < length; at += kCopyBytes) std::memcpy(target + at, in + begin + at, kCopyBytes);
    } else if (length > 0) {
      std::memcpy(target, in + begin, length);
    }
  }
  *offsets_out = std::move(offset_buffer);
  *text_out = arrow::SliceBuffer(std::move(text_buffer), 0, total);
  return Status::OK();
}

template <bool kNullRows>
Result<ArrayDataPtr> GatherStruct(const ArrayDataPtr& column, Rows rows);

Result<ArrayDataPtr> TakeRows(const ArrayDataPtr& column, Rows rows) {
  EnsureCompute();
  const auto count = static_cast<int64_t>(rows.size());
  WEIR_ASSIGN_OR_RETURN(auto bitmap, arrow::AllocateBitmap(count));
  int64_t nulls = 0;
  for (int64_t i = 0; i < count; ++i) {
    arrow::bit_util::SetBitTo(bitmap->mutable_data(), i, rows[i] >= 0);
    nulls += rows[i] < 0;
  }
  auto wrapped = std::make_shared<arrow::Buffer>(reinterpret_cast<const uint8_t*>(rows.data()), count * 4);
  auto indices =
      arrow::ArrayData::Make(arrow::int32(), count, {nulls ? BufferPtr(std::move(bitmap)) : nullptr, wrapped}, nulls);
  WEIR_ASSIGN_OR_RETURN(auto taken, arrow::compute::Take(arrow::Datum(column), arrow::Datum(indices),
                                                         arrow::compute::TakeOptions::NoBoundsCheck()));
  return taken.array();
}

template <bool kNullRows>
Result<ArrayDataPtr> GatherTyped(const ArrayDataPtr& column, Rows rows) {
  const Type::type id = column->type->id();
  const auto count = static_cast<int64_t>(rows.size());
  if (id == Type::NA) return arrow::ArrayData::Make(column->type, count, {nullptr}, count);
  if (id == Type::LIST || id == Type::MAP) return TakeRows(column, rows);
  if (id == Type::STRUCT) return GatherStruct<kNullRows>(column, rows);
  BufferPtr validity, values, text;
  int64_t null_count = 0;
  WEIR_RETURN_NOT_OK(GatherValidity<kNullRows>(*column, rows, &validity, &null_count));
  if (id == Type::STRING || id == Type::BINARY) {
    WEIR_RETURN_NOT_OK(GatherText<kNullRows>(*column, rows, &values, &text));
    return arrow::ArrayData::Make(column->type, count, {validity, values, text}, null_count);
  }
  if (id == Type::BOOL) {
    WEIR_ASSIGN_OR_RETURN(values, GatherBits<kNullRows>(*column, rows));
  } else {
    WEIR_ASSIGN_OR_RETURN(values, GatherWidth<kNullRows>(*column, rows));
  }
  auto out = arrow::ArrayData::Make(column->type, count, {validity, values}, null_count);
  out->dictionary = column->dictionary;
  return out;
}

template <bool kNullRows>
Result<ArrayDataPtr> GatherStruct(const ArrayDataPtr& column, Rows rows) {
  const auto count = static_cast<int64_t>(rows.size());
  BufferPtr validity;
  int64_t null_count = 0;
  WEIR_RETURN_NOT_OK(GatherValidity<kNullRows>(*column, rows, &validity, &null_count));
  std::vector<ArrayDataPtr> children;
  for (const ArrayDataPtr& child : column->child_data) {
    WEIR_ASSIGN_OR_RETURN(auto gathered, GatherTyped<kNullRows>(child->Slice(column->offset, column->length), rows));
    children.push_back(std::move(gathered));
  }
  return arrow::ArrayData::Make(column->type, count, {validity}, std::move(children), null_count);
}

bool SameDictionary(const arrow::ArrayData& a, const arrow::ArrayData& b) {
  if (a.dictionary == b.dictionary) return true;
  const arrow::ArrayData &x = *a.dictionary, &y = *b.dictionary;
  return x.length == y.length && x.offset == y.offset && x.buffers[1] == y.buffers[1] && x.buffers[2] == y.buffers[2];
}

Result<ArrayDataPtr> ConcatColumns(std::vector<ArrayDataPtr> parts) {
  bool keep_dictionary = true;
  for (const auto& part : parts) {
    keep_dictionary = keep_dictionary && part->type->id() == Type::DICTIONARY && SameDictionary(*part, *parts[0]);
  }
  arrow::ArrayVector arrays;
  int64_t text_bytes = 0;
  for (auto& part : parts) {
    ArrayDataPtr plain = part;
    if (keep_dictionary) {
      plain = part->Copy();
      plain->type = arrow::int32();
      plain->dictionary = nullptr;
    } else {
      WEIR_ASSIGN_OR_RETURN(plain, DecodeDictionary(part));
    }
    const bool is_text = plain->type->id() == Type::STRING || plain->type->id() == Type::BINARY;
    if (is_text && plain->length > 0) {
      const int32_t* offsets = plain->GetValues<int32_t>(1);
      text_bytes += offsets[plain->length] - offsets[0];
    }
    arrays.push_back(arrow::MakeArray(plain));
  }
  if (text_bytes > kMaxTextBytes) {
    return Status::CapacityError("a column of ", text_bytes, " bytes of text in one batch; at most 2 GiB fit");
  }
  WEIR_ASSIGN_OR_RETURN(auto joined, arrow::Concatenate(arrays));
  if (!keep_dictionary) return joined->data();
  ArrayDataPtr out = joined->data()->Copy();
  out->type = parts[0]->type;
  out->dictionary = parts[0]->dictionary;
  return out;
}

Result<Int64Column> ConcatInt64(std::span<const Batch> batches, const Int64Column& (Batch::*get)() const,
                                int64_t num_rows) {
  const Int64Column& first = (batches[0].*get)();
  bool same = true;
  for (const Batch& batch : batches) {
    const Int64Column& column = (batch.*get)();
    same = same && column.is_constant() && first.is_constant() && column.constant() == first.constant();
  }
  if (same) return first;
  WEIR_ASSIGN_OR_RETURN(auto buffer, arrow::AllocateBuffer(num_rows * 8));
  auto* out = reinterpret_cast<int64_t*>(buffer->mutable_data());
  for (const Batch& batch : batches) {
    const Int64Column& column = (batch.*get)();
    if (column.is_constant()) {
      std::fill_n(out, batch.num_rows(), column.constant());
    } else {
      std::memcpy(out, column.data(), batch.num_rows() * 8);
    }
    out += batch.num_rows();
  }
  return Int64Column(BufferPtr(std::move(buffer)));
}

Result<Int64Column> GatherInt64(const Int64Column& column, Rows rows) {
  if (column.is_constant()) return column;
  WEIR_ASSIGN_OR_RETURN(auto values, (GatherFixed<int64_t, false>(column.data(), rows)));
  return Int64Column(std::move(values));
}

}  // namespace

Result<ArrayDataPtr> GatherColumn(const ArrayDataPtr& column, std::span<const int32_t> rows) {
  return HasNegative(rows) ? GatherTyped<true>(column, rows) : GatherTyped<false>(column, rows);
}

Result<Batch> GatherBatch(const Batch& batch, std::span<const int32_t> rows) {
  std::vector<ArrayDataPtr> columns(batch.num_columns());
  for (int i = 0; i < batch.num_columns(); ++i) {
    if (batch.is_pruned(i)) continue;
    WEIR_ASSIGN_OR_RETURN(columns[i], GatherColumn(batch.column(i), rows));
  }
  Batch out(batch.schema(), std::move(columns), static_cast<int64_t>(rows.size()));
  WEIR_ASSIGN_OR_RETURN(auto time, GatherInt64(batch.event_time(), rows));
  out.set_event_time(std::move(time));
  if (batch.has_window()) {
    WEIR_ASSIGN_OR_RETURN(auto start, GatherInt64(batch.window_start(), rows));
    WEIR_ASSIGN_OR_RETURN(auto end, GatherInt64(batch.window_end(), rows));
    out.set_window(std::move(start), std::move(end));
  }
  if (batch.has_weight()) {
    WEIR_ASSIGN_OR_RETURN(auto weight, GatherInt64(batch.weight(), rows));
    out.set_weight(std::move(weight));
  }
  out.set_pane(batch.pane());
  return out;
}

Result<Batch> ConcatBatches(const SchemaPtr& schema, std::span<const Batch> batches) {
  int64_t num_rows = 0;
  bool has_window = false, has_weight = false;
  for (const Batch& batch : batches) {
    num_rows += batch.num_rows();
    has_window = has_window || batch.has_window();
    has_weight = has_weight || batch.has_weight();
  }
  if (batches.size() == 1) return batches[0].Compact();
  std::vector<ArrayDataPtr> columns(schema->num_fields());
  for (int i = 0; i < schema->num_fields(); ++i) {
    std::vector<ArrayDataPtr> parts;
    for (const Batch& batch : batches) {
      if (!batch.is_pruned(i)) parts.push_back(batch.column(i));
    }
    if (batches.empty()) {
      WEIR_ASSIGN_OR_RETURN(columns[i], NullColumn(schema->field(i)->type(), 0));
    } else if (parts.size() == batches.size()) {
      WEIR_ASSIGN_OR_RETURN(columns[i], ConcatColumns(std::move(parts)));
    }
  }
  Batch out(schema, std::move(columns), num_rows);
  if (batches.empty()) return out;
  WEIR_ASSIGN_OR_RETURN(auto time, ConcatInt64(batches, &Batch::event_time, num_rows));
  out.set_event_time(std::move(time));
  if (has_window) {
    WEIR_ASSIGN_OR_RETURN(auto start, ConcatInt64(batches, &Batch::window_start, num_rows));
    WEIR_ASSIGN_OR_RETURN(auto end, ConcatInt64(batches, &Batch::window_end, num_rows));
    out.set_window(std::move(start), std::move(end));
  }
  if (has_weight) {
    WEIR_ASSIGN_OR_RETURN(auto weight, ConcatInt64(batches, &Batch::weight, num_rows));
    out.set_weight(std::move(weight));
  }
  out.set_pane(batches[0].pane());
  return out;
}

Result<ArrayDataPtr> DecodeDictionary(const ArrayDataPtr& column) {
  if (column->type->id() != Type::DICTIONARY) return column;
  const auto& type = static_cast<const arrow::DictionaryType&>(*column->type);
  WEIR_CHECK(type.index_type()->id() == Type::INT32, "a dictionary whose indices are not int32");
  const int32_t* indices = column->GetValues<int32_t>(1);
  if (!column->MayHaveNulls()) return GatherColumn(column->dictionary, Rows(indices, column->length));
  std::vector<int32_t> rows(indices, indices + column->length);
  const uint8_t* valid = column->buffers[0]->data();
  for (int64_t i = 0; i < column->length; ++i) {
    if (!arrow::bit_util::GetBit(valid, column->offset + i)) rows[i] = -1;
  }
  return GatherColumn(column->dictionary, rows);
}

Result<ArrayDataPtr> NullColumn(const std::shared_ptr<arrow::DataType>& type, int64_t length) {
  WEIR_ASSIGN_OR_RETURN(auto array, arrow::MakeArrayOfNull(type, length));
  return array->data();
}

}  // namespace weir
