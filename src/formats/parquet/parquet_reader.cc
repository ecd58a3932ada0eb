// Row groups to batches, the filter's columns before the others.
#include "formats/parquet/parquet_reader.h"

#include <arrow/array.h>
#include <arrow/type.h>
#include <parquet/arrow/reader.h>

#include <algorithm>
#include <cstring>

#include "batch/types.h"
#include "formats/parquet/column_reader.h"

namespace weir {

struct ParquetReader::Column {
  int output = 0;          // in scan_.schema
  int in_file = 0;         // in file_->columns()
  bool of_filter = false;  // read before the filter runs
  bool wanted = false;     // part of the output
  bool to_double = false;  // integer here, number in the schema
  int64_t behind = 0;      // rows that were passed over before the reader was opened
  std::unique_ptr<ParquetColumnReader> reader;
};

namespace {

Result<ArrayDataPtr> ToDouble(const ArrayDataPtr& column) {
  WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> out, arrow::AllocateBuffer(column->length * 8));
  const int64_t* from = column->GetValues<int64_t>(1);
  double* to = reinterpret_cast<double*>(out->mutable_data());
  for (int64_t i = 0; i < column->length; ++i) to[i] = static_cast<double>(from[i]);
  return arrow::ArrayData::Make(arrow::float64(), column->length, {column->buffers[0], std::move(out)},
                                column->null_count.load());
}

bool Contains(const std::vector<int>& sorted, int value) {
  return std::binary_search(sorted.begin(), sorted.end(), value);
}

void SortByRow(std::vector<RowError>* errors) {
  std::stable_sort(errors->begin(), errors->end(), [](const auto& a, const auto& b) { return a.row < b.row; });
  auto same_row = [](const auto& a, const auto& b) { return a.row == b.row; };
  errors->erase(std::unique(errors->begin(), errors->end(), same_row), errors->end());
}

/// `selection` and the rows of `errors`: what cannot flow is reported, whatever the filter makes of the null in its
/// place.
Result<Selection> WithErrorRows(const Selection& selection, const std::vector<RowError>& errors) {
  std::vector<int32_t> rows(selection.span().begin(), selection.span().end());
  for (const RowError& error : errors) rows.push_back(static_cast<int32_t>(error.row));
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> buffer, arrow::AllocateBuffer(rows.size() * sizeof(int32_t)));
  std::memcpy(buffer->mutable_data(), rows.data(), rows.size() * sizeof(int32_t));
  return Selection{std::move(buffer), static_cast<int64_t>(rows.size())};
}

/// The errors of physical rows that `selection` keeps, in its row numbers.
std::vector<RowError> SelectErrors(std::vector<RowError> errors, const Selection& selection) {
  std::vector<RowError> kept;
  std::span<const int32_t> rows = selection.span();
  for (RowError& error : errors) {
    auto at = std::lower_bound(rows.begin(), rows.end(), error.row);
    if (at != rows.end() && *at == error.row) kept.push_back({at - rows.begin(), std::move(error.message)});
  }
  return kept;
}

}  // namespace

ParquetReader::ParquetReader(std::shared_ptr<const ParquetFile> file, ParquetScan scan)
    : file_(std::move(file)), scan_(std::move(scan)) {}

ParquetReader::~ParquetReader() = default;

Result<std::unique_ptr<ParquetReader>> ParquetReader::Make(std::shared_ptr<const ParquetFile> file, ParquetScan scan) {
  std::unique_ptr<ParquetReader> self(new ParquetReader(std::move(file), std::move(scan)));
  WEIR_RETURN_NOT_OK(self->MapColumns());
  WEIR_ASSIGN_OR_RETURN(self->reader_, self->file_->NewReader());
  self->reader_->set_batch_size(self->scan_.batch_rows);
  if (self->scan_.filter) self->filter_.emplace(self->scan_.filter);
  return self;
}

Status ParquetReader::MapColumns() {
  const arrow::Schema& schema = *scan_.schema;
  std::vector<int> in_file(schema.num_fields(), -1);
  for (int i = 0; i < schema.num_fields(); ++i) {
    Column column;
    column.output = i;
    column.of_filter = scan_.filter && Contains(scan_.filter->columns(), i);
    column.wanted = Contains(scan_.columns, i);
    if (!column.of_filter && !column.wanted) continue;
    const std::string& name = schema.field(i)->name();
    column.in_file = file_->FindColumn(name);
    if (column.in_file < 0) return Status::TypeError("'", file_->name(), "' has no column '", name, "'");
    const ParquetColumn& stored = file_->columns()[column.in_file];
    WEIR_RETURN_NOT_OK(stored.unreadable);
    const arrow::DataType& expected = *schema.field(i)->type();
    column.to_double = expected.id() == arrow::Type::DOUBLE && stored.type->id() == arrow::Type::INT64;
    if (!column.to_double && !stored.type->Equals(expected)) {
      return Status::TypeError("column '", name, "' is ", TypeName(*stored.type), " in '", file_->name(),
                               "', expected ", TypeName(expected));
    }
    in_file[i] = column.in_file;
    file_columns_.push_back(column.in_file);
    columns_.push_back(std::move(column));
  }
  if (!scan_.filter) return Status::OK();
  for (CompiledExpr::Comparison& term : scan_.filter->Conjuncts()) {
    // An integer column that is read as a number is compared as one; its statistics are integers.
    if (schema.field(term.column)->type()->Equals(*file_->columns()[in_file[term.column]].type)) {
      term.column = in_file[term.column];
      terms_.push_back(std::move(term));
    }
  }
  return Status::OK();
}

Status ParquetReader::StartRowGroup(int row_group) {
  row_group_ = row_group;
  rows_left_ = file_->RowGroupRows(row_group);
  for (Column& column : columns_) {
    column.reader.reset();
    column.behind = 0;
  }
  // Behind a filter some columns may never be read.
  const bool filters = std::any_of(columns_.begin(), columns_.end(), [](const Column& c) { return c.of_filter; });
  return filters ? Status::OK() : file_->WillRead(row_group, file_columns());
}

Status ParquetReader::ReadColumns(bool of_filter, int64_t rows, std::vector<ArrayDataPtr>* columns,
                                  std::vector<RowError>* errors) {
  for (Column& column : columns_) {
    if (column.of_filter != of_filter) continue;
    if (!column.reader) {
      WEIR_ASSIGN_OR_RETURN(column.reader,
                            ParquetColumnReader::Open(*file_, reader_.get(), row_group_, column.in_file));
    }
    if (column.behind > 0) column.reader->Skip(column.behind);
    column.behind = 0;
    WEIR_ASSIGN_OR_RETURN(ArrayDataPtr data, column.reader->Read(rows, errors));
    if (column.to_double) {
      WEIR_ASSIGN_OR_RETURN(data, ToDouble(data));
    }
    (*columns)[column.output] = std::move(data);
  }
  return Status::OK();
}

Result<std::optional<ParquetBatch>> ParquetReader::Next() {
  while (rows_left_ > 0) {
    int64_t rows = std::min(rows_left_, scan_.batch_rows);
    rows_left_ -= rows;
    ParquetBatch out;
    std::vector<ArrayDataPtr> columns(scan_.schema->num_fields());
    if (!filter_) {
      WEIR_RETURN_NOT_OK(ReadColumns(/*of_filter=*/false, rows, &columns, &out.errors));
      SortByRow(&out.errors);
      out.batch = Batch(scan_.schema, std::move(columns), rows);
      return out;
    }
    WEIR_RETURN_NOT_OK(ReadColumns(/*of_filter=*/true, rows, &columns, &out.errors));
    std::vector<RowError> failed;
    WEIR_ASSIGN_OR_RETURN(Selection selection, filter_->EvalFilter(Batch(scan_.schema, columns, rows), &failed));
    if (!failed.empty()) return Status::Invalid("a filter inside a scan failed: ", failed[0].message);
    if (!out.errors.empty()) {
      WEIR_ASSIGN_OR_RETURN(selection, WithErrorRows(selection, out.errors));
    }
    if (selection.count == 0) {
      for (Column& column : columns_) column.behind += column.of_filter ? 0 : rows;
      continue;
    }
    WEIR_RETURN_NOT_OK(ReadColumns(/*of_filter=*/false, rows, &columns, &out.errors));
    for (const Column& column : columns_) {
      if (!column.wanted) columns[column.output] = nullptr;
    }
    SortByRow(&out.errors);
    Batch all(scan_.schema, std::move(columns), rows);
    bool everything = selection.count == rows;
    out.batch = everything ? std::move(all) : all.Select(selection);
    if (!everything) out.errors = SelectErrors(std::move(out.errors), selection);
    if (out.batch.num_rows() > 0) return out;
  }
  return std::nullopt;
}

}  // namespace weir
