// One open Parquet file: its footer, parsed once and shared by every lane that reads from it.
#pragma once

#include <arrow/io/type_fwd.h>

#include <memory>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "expr/expr.h"

namespace parquet {
class FileMetaData;
namespace arrow {
class FileReader;
}
}  // namespace parquet

namespace weir {

/// How the values of a top-level column get out of the file.
enum class ParquetColumnKind : uint8_t {
  kFlat,    // one leaf, no repetition, of a type that the direct reader knows
  kNested,  // anything else: through Arrow's record reader
};

struct ParquetColumn {
  std::string name;
  TypePtr type;         // as it flows
  TypePtr stored_type;  // as Arrow reads it, before normalising
  ParquetColumnKind kind = ParquetColumnKind::kNested;
  std::vector<int> leaves;  // leaf columns of the file
  Status unreadable;        // why no value of this column can flow, else OK
};

/// Immutable; all methods from any thread.
class ParquetFile {
 public:
  /// Parses the footer. `name` is what messages call the file. Errors: IOError for what is not a whole Parquet file.
  static Result<std::shared_ptr<const ParquetFile>> Open(std::shared_ptr<arrow::io::RandomAccessFile> file,
                                                         std::string name);

  const std::string& name() const { return name_; }
  const std::vector<ParquetColumn>& columns() const { return columns_; }
  /// Index of the top-level column `name`, or -1.
  int FindColumn(const std::string& name) const;

  int64_t num_rows() const { return num_rows_; }
  int num_row_groups() const { return num_row_groups_; }
  int64_t RowGroupRows(int row_group) const;
  /// Compressed bytes of `columns` (of this file) in one row group.
  int64_t StoredBytes(int row_group, const std::vector<int>& columns) const;

  /// Tells the file that `columns` (of this file) of a row group will be read, so that it may fetch them together.
  Status WillRead(int row_group, const std::vector<int>& columns) const;

  /// True when the statistics of a row group prove that no row of it fulfils all `terms`, whose columns are those of
  /// this file.
  bool CanSkip(int row_group, const std::vector<CompiledExpr::Comparison>& terms) const;

  /// Every data page of this flat string column refers to a dictionary, so that reading it as one is cheap.
  bool IsDictionaryEncoded(int row_group, int column) const;

  /// A reader of its own for one lane, on the shared footer.
  Result<std::unique_ptr<parquet::arrow::FileReader>> NewReader() const;

  const parquet::FileMetaData& metadata() const { return *metadata_; }

 private:
  ParquetFile() = default;
  Status ReadSchema();

  std::shared_ptr<arrow::io::RandomAccessFile> file_;
  std::string name_;
  std::shared_ptr<parquet::FileMetaData> metadata_;
  std::vector<ParquetColumn> columns_;
  int64_t num_rows_ = 0;
  int num_row_groups_ = 0;
};

/// Puts the name of the file in front of an error that Arrow's Parquet code gave, and makes it an IOError.
Status ParquetError(const std::string& file, const Status& status);

}  // namespace weir
