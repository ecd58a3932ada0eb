// Values go by the encoding of state/hash/row_bytes.h, with 2 in place of the null mark for a column that is pruned.
#include "state/cells/row_state.h"

#include <arrow/array/array_base.h>
#include <arrow/array/builder_base.h>
#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/builder.h>
#include <arrow/type.h>

#include <algorithm>

#include "state/hash/row_bytes.h"

namespace weir {
namespace {

constexpr char kPruned = 2;
constexpr uint8_t kHasWeight = 1, kHasWindow = 2;

Int64Column ToColumn(std::vector<int64_t>* values) {
  Int64Column column(BufferPtr(arrow::Buffer::FromVector(std::move(*values))));
  values->clear();
  return column;
}

}  // namespace

void AppendRowState(const std::vector<ArrayDataPtr>& columns, int64_t row, std::string* out) {
  for (const ArrayDataPtr& column : columns) {
    if (column == nullptr) {
      out->push_back(kPruned);
    } else {
      AppendExactRowBytes(*column, row, out);
    }
  }
}

RowStateReader::RowStateReader(std::vector<TypePtr> types) : types_(std::move(types)), pruned_(types_.size(), 0) {}

RowStateReader::~RowStateReader() = default;

Status RowStateReader::Add(std::string_view bytes) {
  if (builders_.empty()) {
    for (const TypePtr& type : types_) {
      WEIR_ASSIGN_OR_RETURN(auto builder, arrow::MakeBuilder(type));
      builders_.push_back(std::move(builder));
    }
  }
  for (size_t i = 0; i < types_.size(); ++i) {
    if (!bytes.empty() && bytes[0] == kPruned) {
      bytes.remove_prefix(1);
      ++pruned_[i];
      WEIR_RETURN_NOT_OK(builders_[i]->AppendNull());
    } else {
      WEIR_RETURN_NOT_OK(ReadRowBytes(*types_[i], &bytes, builders_[i].get()));
    }
  }
  ++rows_;
  return bytes.empty() ? Status::OK() : DamagedState();
}

Result<std::vector<ArrayDataPtr>> RowStateReader::Finish() {
  std::vector<ArrayDataPtr> out;
  for (size_t i = 0; i < types_.size(); ++i) {
    if (builders_.empty()) {
      WEIR_ASSIGN_OR_RETURN(auto empty, arrow::MakeEmptyArray(types_[i]));
      out.push_back(empty->data());
      continue;
    }
    WEIR_ASSIGN_OR_RETURN(auto array, builders_[i]->Finish());
    out.push_back(pruned_[i] == rows_ ? nullptr : array->data());
  }
  builders_.clear();
  pruned_.assign(types_.size(), 0);
  rows_ = 0;
  return out;
}

Status CellKeys::Set(std::vector<ArrayDataPtr> columns, int64_t rows, const std::vector<int>* hashed) {
  columns_ = std::move(columns);
  hashes_.resize(static_cast<size_t>(rows));
  if (hashed == nullptr) return hasher_.Hash(columns_, rows, hashes_.data());
  std::vector<ArrayDataPtr> some;
  for (int column : *hashed) some.push_back(columns_[static_cast<size_t>(column)]);
  return hasher_.Hash(some, rows, hashes_.data());
}

void CellKeys::Append(int64_t row, StateWriter* out) {
  scratch_.clear();
  AppendRowState(columns_, row, &scratch_);
  out->Bytes(scratch_);
}

void AppendBatchRow(const Batch& batch, int64_t row, StateWriter* out) {
  std::string bytes;
  for (int i = 0; i < batch.num_columns(); ++i) {
    if (batch.is_pruned(i)) {
      bytes.push_back(kPruned);
    } else {
      AppendExactRowBytes(*batch.column(i), row, &bytes);
    }
  }
  out->Bytes(bytes);
  out->Int(batch.event_time().at(row));
  out->Byte(static_cast<uint8_t>((batch.has_weight() ? kHasWeight : 0) | (batch.has_window() ? kHasWindow : 0)));
  if (batch.has_weight()) out->Int(batch.weight().at(row));
  if (!batch.has_window()) return;
  out->Int(batch.window_start().at(row));
  out->Int(batch.window_end().at(row));
}

BatchStateReader::BatchStateReader(SchemaPtr schema) : schema_(std::move(schema)), columns_(TypesOf(*schema_)) {}

Status BatchStateReader::Add(StateReader* in) {
  const std::string_view bytes = in->Bytes();
  times_.push_back(in->Int());
  const uint8_t flags = in->Byte();
  if ((flags & kHasWeight) != 0) weights_.push_back(in->Int());
  if ((flags & kHasWindow) != 0) {
    starts_.push_back(in->Int());
    ends_.push_back(in->Int());
  }
  if (!in->ok()) return DamagedState();
  return columns_.Add(bytes);
}

Result<Batch> BatchStateReader::Finish() {
  const int64_t rows = columns_.rows();
  WEIR_ASSIGN_OR_RETURN(auto columns, columns_.Finish());
  Batch out(schema_, std::move(columns), rows);
  const auto all = [rows](const std::vector<int64_t>& values) { return static_cast<int64_t>(values.size()) == rows; };
  if (rows > 0 && all(starts_)) out.set_window(ToColumn(&starts_), ToColumn(&ends_));
  if (rows > 0 && all(weights_)) out.set_weight(ToColumn(&weights_));
  out.set_event_time(ToColumn(&times_));
  weights_.clear();
  starts_.clear();
  ends_.clear();
  return out;
}

std::vector<TypePtr> TypesOf(const arrow::Schema& schema) {
  std::vector<TypePtr> out;
  for (const auto& field : schema.fields()) out.push_back(field->type());
  return out;
}

std::vector<TypePtr> TypesOf(const arrow::Schema& schema, const std::vector<int>& columns) {
  std::vector<TypePtr> out;
  for (int column : columns) out.push_back(schema.field(column)->type());
  return out;
}

}  // namespace weir
