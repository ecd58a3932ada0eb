// Column by column over raw buffers; nested types by concatenating runs of rows.
#include "batch/interleave.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/buffer.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string_view>

#include "batch/types.h"

namespace weir {
namespace {

using Columns = std::vector<const arrow::ArrayData*>;

bool IsNull(const arrow::ArrayData& column, uint32_t row) {
  return column.buffers[0] != nullptr && !arrow::bit_util::GetBit(column.buffers[0]->data(), column.offset + row);
}

/// The validity bitmap of the result, null when nothing is null.
Result<BufferPtr> InterleaveValidity(const Columns& columns, std::span<const RowRef> rows, int64_t* null_count) {
  *null_count = 0;
  bool any = false;
  for (const auto* column : columns) any |= column->buffers[0] != nullptr && column->GetNullCount() > 0;
  if (!any) return nullptr;
  WEIR_ASSIGN_OR_RETURN(auto bits, arrow::AllocateEmptyBitmap(static_cast<int64_t>(rows.size())));
  for (size_t i = 0; i < rows.size(); ++i) {
    const bool valid = !IsNull(*columns[rows[i].batch], rows[i].row);
    if (valid) arrow::bit_util::SetBit(bits->mutable_data(), static_cast<int64_t>(i));
    *null_count += !valid;
  }
  return bits;
}

template <class T>
Result<BufferPtr> InterleaveFixed(const Columns& columns, std::span<const RowRef> rows) {
  std::vector<const T*> values;
  for (const auto* column : columns) values.push_back(column->GetValues<T>(1));
  WEIR_ASSIGN_OR_RETURN(auto buffer, arrow::AllocateBuffer(static_cast<int64_t>(rows.size() * sizeof(T))));
  auto* out = reinterpret_cast<T*>(buffer->mutable_data());
  for (size_t i = 0; i < rows.size(); ++i) out[i] = values[rows[i].batch][rows[i].row];
  return BufferPtr(std::move(buffer));
}

struct Decimal16 {
  uint64_t low, high;
};

Result<BufferPtr> InterleaveBits(const Columns& columns, std::span<const RowRef> rows) {
  WEIR_ASSIGN_OR_RETURN(auto bits, arrow::AllocateEmptyBitmap(static_cast<int64_t>(rows.size())));
  for (size_t i = 0; i < rows.size(); ++i) {
    const arrow::ArrayData& from = *columns[rows[i].batch];
    if (arrow::bit_util::GetBit(from.buffers[1]->data(), from.offset + rows[i].row)) {
      arrow::bit_util::SetBit(bits->mutable_data(), static_cast<int64_t>(i));
    }
  }
  return bits;
}

/// Where a text column keeps its values: in place, or in a dictionary.
struct TextSource {
  const int32_t* indices = nullptr;  // null: in place
  const int32_t* starts = nullptr;
  const char* bytes = nullptr;
  const uint8_t* valid = nullptr;  // of a dictionary column: indices of nulls mean nothing
  int64_t valid_offset = 0;

  explicit TextSource(const arrow::ArrayData& column) {
    const bool encoded = column.type->id() == arrow::Type::DICTIONARY;
    const arrow::ArrayData& values = encoded ? *column.dictionary : column;
    starts = values.GetValues<int32_t>(1);
    bytes = values.buffers[2] ? reinterpret_cast<const char*>(values.buffers[2]->data()) : nullptr;
    if (!encoded) return;
    indices = column.GetValues<int32_t>(1);
    if (column.MayHaveNulls()) valid = column.buffers[0]->data();
    valid_offset = column.offset;
  }
  std::string_view at(uint32_t row) const {
    if (valid != nullptr && !arrow::bit_util::GetBit(valid, valid_offset + row)) return {};
    const int32_t* start = starts + (indices != nullptr ? indices[row] : static_cast<int32_t>(row));
    return {bytes + start[0], static_cast<size_t>(start[1] - start[0])};
  }
};

Status InterleaveText(const Columns& columns, std::span<const RowRef> rows, BufferPtr* offsets, BufferPtr* text) {
  std::vector<TextSource> sources;
  for (const auto* column : columns) sources.emplace_back(*column);
  WEIR_ASSIGN_OR_RETURN(auto offset_buffer, arrow::AllocateBuffer(static_cast<int64_t>((rows.size() + 1) * 4)));
  auto* out_offsets = reinterpret_cast<int32_t*>(offset_buffer->mutable_data());
  std::vector<std::string_view> values(rows.size());
  int64_t total = 0;
  out_offsets[0] = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    values[i] = sources[rows[i].batch].at(rows[i].row);
    total += static_cast<int64_t>(values[i].size());
    if (total > std::numeric_limits<int32_t>::max())
      return Status::CapacityError("more than 2 GiB of text in one batch");
    out_offsets[i + 1] = static_cast<int32_t>(total);
  }
  WEIR_ASSIGN_OR_RETURN(auto text_buffer, arrow::AllocateBuffer(total));
  uint8_t* out = text_buffer->mutable_data();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!values[i].empty()) std::memcpy(out + out_offsets[i], values[i].data(), values[i].size());
  }
  *offsets = std::move(offset_buffer);
  *text = std::move(text_buffer);
  return Status::OK();
}

Result<ArrayDataPtr> InterleaveNested(std::span<const Batch> batches, int column, std::span<const RowRef> rows) {
  arrow::ArrayVector runs;
  for (size_t i = 0; i < rows.size();) {
    size_t end = i + 1;
    while (end < rows.size() && rows[end].batch == rows[i].batch && rows[end].row == rows[end - 1].row + 1) ++end;
    runs.push_back(arrow::MakeArray(batches[rows[i].batch].PlainColumn(column))
                       ->Slice(rows[i].row, static_cast<int64_t>(end - i)));
    i = end;
  }
  WEIR_ASSIGN_OR_RETURN(auto all, arrow::Concatenate(runs));
  return all->data();
}

template <class Get>
Result<Int64Column> InterleaveTime(std::span<const Batch> batches, std::span<const RowRef> rows, Get get) {
  bool constant = true;
  for (const Batch& batch : batches) {
    const Int64Column& column = get(batch);
    constant = constant && column.is_constant() && column.constant() == get(batches[0]).constant();
  }
  if (constant) return get(batches[0]);
  WEIR_ASSIGN_OR_RETURN(auto buffer, arrow::AllocateBuffer(static_cast<int64_t>(rows.size() * 8)));
  auto* out = reinterpret_cast<int64_t*>(buffer->mutable_data());
  for (size_t i = 0; i < rows.size(); ++i) out[i] = get(batches[rows[i].batch]).at(rows[i].row);
  return Int64Column(BufferPtr(std::move(buffer)));
}

/// The column of each batch. Dictionaries stay: decoding those of all batches would take more memory than the rows.
Columns ColumnsOf(std::span<const Batch> batches, int column) {
  Columns columns;
  for (const Batch& batch : batches) {
    const arrow::ArrayData* data = batch.column(column).get();
    const bool null_values = data->dictionary && data->dictionary->GetNullCount() > 0;
    columns.push_back(null_values ? batch.PlainColumn(column).get() : data);
  }
  return columns;
}

bool ShareDictionary(const Columns& columns) {
  const arrow::ArrayData* dictionary = columns[0]->dictionary.get();
  return dictionary != nullptr && std::all_of(columns.begin(), columns.end(), [&](const arrow::ArrayData* column) {
           return column->dictionary.get() == dictionary;
         });
}

}  // namespace

Result<ArrayDataPtr> InterleaveColumn(std::span<const Batch> batches, int column, std::span<const RowRef> rows) {
  const Columns columns = ColumnsOf(batches, column);
  const TypePtr& type = batches[0].schema()->field(column)->type();
  const auto count = static_cast<int64_t>(rows.size());
  BufferPtr values, offsets;
  if (ShareDictionary(columns)) {
    int64_t nulls = 0;
    WEIR_ASSIGN_OR_RETURN(values, InterleaveFixed<int32_t>(columns, rows));
    WEIR_ASSIGN_OR_RETURN(auto valid, InterleaveValidity(columns, rows, &nulls));
    auto out = arrow::ArrayData::Make(columns[0]->type, count, {std::move(valid), std::move(values)}, nulls);
    out->dictionary = columns[0]->dictionary;
    return out;
  }
  switch (type->id()) {
    case arrow::Type::NA:
      return arrow::ArrayData::Make(type, count, {nullptr}, count);
    case arrow::Type::BOOL: {
      WEIR_ASSIGN_OR_RETURN(values, InterleaveBits(columns, rows));
      break;
    }
    case arrow::Type::DATE32: {
      WEIR_ASSIGN_OR_RETURN(values, InterleaveFixed<int32_t>(columns, rows));
      break;
    }
    case arrow::Type::INT64:
    case arrow::Type::DOUBLE:
    case arrow::Type::TIMESTAMP: {
      WEIR_ASSIGN_OR_RETURN(values, InterleaveFixed<int64_t>(columns, rows));
      break;
    }
    case arrow::Type::DECIMAL128: {
      WEIR_ASSIGN_OR_RETURN(values, InterleaveFixed<Decimal16>(columns, rows));
      break;
    }
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      WEIR_RETURN_NOT_OK(InterleaveText(columns, rows, &offsets, &values));
      break;
    default:
      return InterleaveNested(batches, column, rows);
  }
  int64_t null_count = 0;
  WEIR_ASSIGN_OR_RETURN(auto validity, InterleaveValidity(columns, rows, &null_count));
  if (offsets) return arrow::ArrayData::Make(type, count, {validity, offsets, values}, null_count);
  return arrow::ArrayData::Make(type, count, {validity, values}, null_count);
}

Result<Batch> InterleaveRows(std::span<const Batch> batches, std::span<const RowRef> rows) {
  const Batch& first = batches[0];
  std::vector<ArrayDataPtr> columns(first.num_columns());
  for (int i = 0; i < first.num_columns(); ++i) {
    // A join prunes a column that nobody reads in some of its batches and passes it on in others.
    const bool pruned =
        std::any_of(batches.begin(), batches.end(), [i](const Batch& batch) { return batch.is_pruned(i); });
    if (pruned) continue;
    WEIR_ASSIGN_OR_RETURN(columns[i], InterleaveColumn(batches, i, rows));
  }
  Batch out(first.schema(), std::move(columns), static_cast<int64_t>(rows.size()));
  bool has_window = false, has_weight = false;
  for (const Batch& batch : batches) {
    has_window |= batch.has_window();
    has_weight |= batch.has_weight();
  }
  WEIR_ASSIGN_OR_RETURN(
      auto time, InterleaveTime(batches, rows, [](const Batch& b) -> const Int64Column& { return b.event_time(); }));
  out.set_event_time(std::move(time));
  if (has_window) {
    WEIR_ASSIGN_OR_RETURN(auto start, InterleaveTime(batches, rows, [](const Batch& b) -> const Int64Column& {
                            return b.window_start();
                          }));
    WEIR_ASSIGN_OR_RETURN(
        auto end, InterleaveTime(batches, rows, [](const Batch& b) -> const Int64Column& { return b.window_end(); }));
    out.set_window(std::move(start), std::move(end));
  }
  if (has_weight) {
    WEIR_ASSIGN_OR_RETURN(
        auto weight, InterleaveTime(batches, rows, [](const Batch& b) -> const Int64Column& { return b.weight(); }));
    out.set_weight(std::move(weight));
  }
  return out;
}

}  // namespace weir
