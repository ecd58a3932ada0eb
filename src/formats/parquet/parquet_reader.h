// Reads row groups of one Parquet file as batches: chosen columns, chosen rows.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "expr/expr.h"
#include "formats/parquet/parquet_file.h"

namespace weir {

struct ParquetScan {
  /// What the batches look like. Every column of it that is read must be in the file, with this type or, for a number,
  /// as integer.
  SchemaPtr schema;
  std::vector<int> columns;  // of schema, ascending; the others stay pruned
  CompiledExprPtr filter;    // over schema; only rows for which it is true come out; or null. Must not be able to fail.
  int64_t batch_rows = 8192;
};

struct ParquetBatch {
  Batch batch;
  std::vector<RowError> errors;  // rows of `batch` that hold a value that cannot flow
};

/// One per lane and file; not thread-safe. The columns of the filter are read first; the others only for runs of rows
/// in which something passed it.
class ParquetReader {
 public:
  /// Errors: TypeError when the file's columns do not fit scan.schema.
  static Result<std::unique_ptr<ParquetReader>> Make(std::shared_ptr<const ParquetFile> file, ParquetScan scan);
  ~ParquetReader();

  /// Whether the statistics show that a row group has nothing to give.
  bool CanSkip(int row_group) const { return file_->CanSkip(row_group, terms_); }
  Status StartRowGroup(int row_group);
  /// The next batch of the row group with at least one row, or nullopt at its end.
  Result<std::optional<ParquetBatch>> Next();

  /// The columns of the file that a scan reads.
  const std::vector<int>& file_columns() const { return file_columns_; }

 private:
  ParquetReader(std::shared_ptr<const ParquetFile> file, ParquetScan scan);
  Status MapColumns();
  struct Column;
  Status ReadColumns(bool of_filter, int64_t rows, std::vector<ArrayDataPtr>* columns, std::vector<RowError>* errors);

  std::shared_ptr<const ParquetFile> file_;
  ParquetScan scan_;
  std::vector<CompiledExpr::Comparison> terms_;  // in columns of the file
  std::vector<int> file_columns_;
  std::vector<Column> columns_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::optional<ExprEvaluator> filter_;
  int row_group_ = -1;
  int64_t rows_left_ = 0;
};

}  // namespace weir
