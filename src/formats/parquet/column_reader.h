// Reads one column of one row group, a run of rows at a time, as the type that flows.
#pragma once

#include <memory>
#include <vector>

#include "batch/batch.h"
#include "batch/row_error.h"
#include "formats/parquet/parquet_file.h"

namespace weir {

/// Used by one lane. Rows come in file order; Skip() costs nothing until the next Read(), which then passes over whole
/// pages without decompressing them where the column's kind allows.
class ParquetColumnReader {
 public:
  virtual ~ParquetColumnReader() = default;

  /// The next `rows` rows; there must be that many. A utf8 column may be dictionary-encoded. Values that do not fit the
  /// flowing type are null, and their rows are added to `errors`.
  virtual Result<ArrayDataPtr> Read(int64_t rows, std::vector<RowError>* errors) = 0;
  virtual void Skip(int64_t rows) = 0;

  /// Column `column` (of the file) in `row_group`. `reader` comes from file.NewReader() and outlives the result.
  static Result<std::unique_ptr<ParquetColumnReader>> Open(const ParquetFile& file, parquet::arrow::FileReader* reader,
                                                           int row_group, int column);
};

}  // namespace weir
