// Batch: lazy selection per column, and the conversions from and to Arrow's record batches.
#include "batch/batch.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <utility>

#include "base/check.h"
#include "batch/gather.h"
#include "batch/types.h"

namespace weir {

namespace {

/// A gather under a selection makes nothing bigger than what is there, so only memory can run out.
template <class T>
T MustGather(Result<T> result) {
  WEIR_CHECK(result.ok(), result.status().ToString().c_str());
  return result.MoveValueUnsafe();
}

BufferPtr SliceInt64(const BufferPtr& values, int64_t offset, int64_t length) {
  return arrow::SliceBuffer(values, offset * 8, length * 8);
}

/// Bytes that `rows` rows of `column` refer to, taking the average where the rows are not known.
int64_t ColumnBytes(const arrow::ArrayData& column, int64_t rows) {
  int64_t bytes = column.buffers.empty() || !column.buffers[0] ? 0 : arrow::bit_util::BytesForBits(rows);
  switch (column.type->id()) {
    case arrow::Type::NA:
      return 0;
    case arrow::Type::BOOL:
      return bytes + arrow::bit_util::BytesForBits(rows);
    case arrow::Type::STRING:
    case arrow::Type::BINARY: {
      if (column.length == 0) return 4;
      const int32_t* offsets = column.GetValues<int32_t>(1);
      int64_t text = int64_t{offsets[column.length]} - offsets[0];
      return bytes + 4 * (rows + 1) + (rows == column.length ? text : text / column.length * rows);
    }
    case arrow::Type::DICTIONARY:
      return bytes + 4 * rows + ColumnBytes(*column.dictionary, column.dictionary->length);
    case arrow::Type::LIST:
    case arrow::Type::MAP: {
      if (column.length == 0) return 4;
      const int32_t* offsets = column.GetValues<int32_t>(1);
      int64_t items = int64_t{offsets[column.length]} - offsets[0];
      return bytes + 4 * (rows + 1) + ColumnBytes(*column.child_data[0], items * rows / column.length);
    }
    case arrow::Type::STRUCT:
      for (const auto& child : column.child_data) bytes += ColumnBytes(*child, rows);
      return bytes;
    default:
      return bytes + rows * column.type->byte_width();
  }
}

}  // namespace

const int64_t* Int64Column::data() const {
  return values_ ? reinterpret_cast<const int64_t*>(values_->data()) : nullptr;
}

std::span<const int32_t> Selection::span() const {
  if (count == 0) return {};
  return {reinterpret_cast<const int32_t*>(rows->data()), static_cast<size_t>(count)};
}

Batch::Batch(SchemaPtr schema, std::vector<ArrayDataPtr> columns, int64_t num_rows)
    : schema_(std::move(schema)), num_rows_(num_rows) {
  columns_.reserve(columns.size());
  for (auto& column : columns) {
    WEIR_CHECK(!column || column->length == num_rows, "a column has another number of rows than its batch");
    columns_.push_back({std::move(column), nullptr});
  }
}

Result<Batch> Batch::FromRecordBatch(const arrow::RecordBatch& batch) {
  arrow::FieldVector fields;
  std::vector<ArrayDataPtr> columns;
  for (int i = 0; i < batch.num_columns(); ++i) {
    auto normalized = NormalizeColumn(batch.column_data(i));
    if (!normalized.ok()) {
      return normalized.status().WithMessage("column '", batch.column_name(i), "': ", normalized.status().message());
    }
    columns.push_back(normalized.MoveValueUnsafe());
    WEIR_ASSIGN_OR_RETURN(auto type, NormalizedType(*columns.back()->type));
    fields.push_back(arrow::field(batch.column_name(i), type));
  }
  return Batch(arrow::schema(std::move(fields)), std::move(columns), batch.num_rows());
}

const ArrayDataPtr& Batch::column(int i) const {
  LazyColumn& column = columns_[i];
  if (column.rows) {
    if (column.data) column.data = MustGather(GatherColumn(column.data, column.rows->span()));
    column.rows = nullptr;
  }
  return column.data;
}

const ArrayDataPtr& Batch::PlainColumn(int i) const {
  const ArrayDataPtr& data = column(i);
  if (!data || data->type->id() != arrow::Type::DICTIONARY) return data;
  if (plain_.empty()) plain_.resize(columns_.size());
  if (!plain_[i]) plain_[i] = MustGather(DecodeDictionary(data));
  return plain_[i];
}

const Int64Column& Batch::Gather(LazyInt64* column) {
  if (!column->rows) return column->values;
  if (!column->values.is_constant()) {
    const Selection& rows = *column->rows;
    auto gathered = MustGather(arrow::AllocateBuffer(rows.count * 8));
    const int64_t* in = column->values.data();
    auto* out = reinterpret_cast<int64_t*>(gathered->mutable_data());
    std::span<const int32_t> from = rows.span();
    for (int64_t i = 0; i < rows.count; ++i) out[i] = in[from[i]];
    column->values = Int64Column(BufferPtr(std::move(gathered)));
  }
  column->rows = nullptr;
  return column->values;
}

const Int64Column& Batch::event_time() const { return Gather(&event_time_); }
const Int64Column& Batch::window_start() const { return Gather(&window_start_); }
const Int64Column& Batch::window_end() const { return Gather(&window_end_); }
const Int64Column& Batch::weight() const { return Gather(&weight_); }

void Batch::set_event_time(Int64Column time) { event_time_ = {std::move(time), nullptr}; }

void Batch::set_window(Int64Column start, Int64Column end) {
  has_window_ = true;
  window_start_ = {std::move(start), nullptr};
  window_end_ = {std::move(end), nullptr};
}

void Batch::set_weight(Int64Column weight) {
  has_weight_ = true;
  weight_ = {std::move(weight), nullptr};
}

void Batch::CopyTimeFrom(const Batch& other) {
  WEIR_CHECK(other.num_rows_ == num_rows_, "times are copied between batches of different length");
  event_time_ = other.event_time_;
  window_start_ = other.window_start_;
  window_end_ = other.window_end_;
  weight_ = other.weight_;
  has_window_ = other.has_window_;
  has_weight_ = other.has_weight_;
  pane_ = other.pane_;
  morsel_ = other.morsel_;
}

// A batch of the same columns and times in which `derive` says what becomes of the rows of each: from the values and
// the pending rows of a column to those of the new one. Columns that share their pending rows go on sharing them.
template <class Derive>
Batch Batch::DeriveRows(int64_t num_rows, Derive derive) const {
  Batch out;
  out.schema_ = schema_;
  out.num_rows_ = num_rows;
  out.has_window_ = has_window_;
  out.has_weight_ = has_weight_;
  out.pane_ = pane_;
  out.morsel_ = morsel_;
  std::vector<std::pair<const Selection*, PendingRows>> known;
  auto rows_for = [&](const PendingRows& old) -> PendingRows {
    for (const auto& [from, to] : known) {
      if (from == old.get()) return to;
    }
    known.emplace_back(old.get(), derive.Rows(old));
    return known.back().second;
  };
  out.columns_.reserve(columns_.size());
  for (const LazyColumn& column : columns_) {
    if (!column.data) {
      out.columns_.push_back({});
    } else {
      PendingRows rows = rows_for(column.rows);
      out.columns_.push_back({rows ? column.data : derive.Dense(column.data), rows});
    }
  }
  auto time = [&](const LazyInt64& from, LazyInt64* to) {
    if (from.values.is_constant()) {
      *to = {from.values, nullptr};
      return;
    }
    PendingRows rows = rows_for(from.rows);
    *to = {rows ? from.values : derive.Dense(from.values), rows};
  };
  time(event_time_, &out.event_time_);
  time(window_start_, &out.window_start_);
  time(window_end_, &out.window_end_);
  time(weight_, &out.weight_);
  return out;
}

Batch Batch::Select(const Selection& selection) const {
  struct SelectRows {
    const Selection& selection;
    PendingRows Rows(const PendingRows& old) {
      if (!old) return std::make_shared<Selection>(selection);
      auto composed = MustGather(arrow::AllocateBuffer(selection.count * 4));
      auto* out = reinterpret_cast<int32_t*>(composed->mutable_data());
      std::span<const int32_t> rows = selection.span(), before = old->span();
      for (size_t i = 0; i < rows.size(); ++i) out[i] = before[rows[i]];
      return std::make_shared<Selection>(Selection{BufferPtr(std::move(composed)), selection.count});
    }
    // Never asked: Rows() above gives rows for every column.
    static ArrayDataPtr Dense(const ArrayDataPtr& data) { return data; }
    static Int64Column Dense(const Int64Column& values) { return values; }
  };
  return DeriveRows(selection.count, SelectRows{selection});
}

Batch Batch::Slice(int64_t offset, int64_t length) const {
  WEIR_CHECK(offset >= 0 && length >= 0 && offset + length <= num_rows_, "a slice outside of its batch");
  if (offset == 0 && length == num_rows_) return *this;
  struct SliceRows {
    int64_t offset, length;
    PendingRows Rows(const PendingRows& old) const {
      if (!old) return nullptr;
      return std::make_shared<Selection>(Selection{arrow::SliceBuffer(old->rows, offset * 4, length * 4), length});
    }
    ArrayDataPtr Dense(const ArrayDataPtr& data) const { return data->Slice(offset, length); }
    Int64Column Dense(const Int64Column& values) const {
      return Int64Column(SliceInt64(values.values(), offset, length));
    }
  };
  return DeriveRows(length, SliceRows{offset, length});
}

Batch Batch::WithColumns(SchemaPtr schema, std::vector<ArrayDataPtr> columns) const {
  Batch out(std::move(schema), std::move(columns), num_rows_);
  out.CopyTimeFrom(*this);
  return out;
}

Batch Batch::Project(SchemaPtr schema, const std::vector<int>& indices, std::vector<ArrayDataPtr> fresh) const {
  Batch out(std::move(schema), {}, num_rows_);
  out.columns_.reserve(indices.size());
  for (int index : indices) {
    if (index >= 0) {
      out.columns_.push_back(columns_[index]);
    } else {
      const ArrayDataPtr& column = fresh[-1 - index];
      WEIR_CHECK(!column || column->length == num_rows_, "a new column has another number of rows than its batch");
      out.columns_.push_back({column, nullptr});
    }
  }
  out.CopyTimeFrom(*this);
  return out;
}

Batch Batch::Compact() const {
  Batch out = *this;
  for (int i = 0; i < out.num_columns(); ++i) out.column(i);
  for (LazyInt64* time : {&out.event_time_, &out.window_start_, &out.window_end_, &out.weight_}) Gather(time);
  return out;
}

Result<std::shared_ptr<arrow::RecordBatch>> Batch::ToRecordBatch() const {
  std::vector<ArrayDataPtr> columns;
  for (int i = 0; i < num_columns(); ++i) {
    if (is_pruned(i)) {
      WEIR_ASSIGN_OR_RETURN(auto nulls, NullColumn(schema_->field(i)->type(), num_rows_));
      columns.push_back(std::move(nulls));
    } else {
      columns.push_back(PlainColumn(i));
    }
  }
  return arrow::RecordBatch::Make(schema_, num_rows_, std::move(columns));
}

int64_t Batch::size_bytes() const {
  int64_t bytes = 0;
  for (const LazyColumn& column : columns_) {
    if (column.data) bytes += ColumnBytes(*column.data, num_rows_);
  }
  for (const LazyInt64* time : {&event_time_, &window_start_, &window_end_, &weight_}) {
    if (!time->values.is_constant()) bytes += num_rows_ * 8;
  }
  return bytes;
}

}  // namespace weir
