// Values of Weir in SQLite, which has five kinds of them and takes any in any column:
//   integer INTEGER · number REAL · string TEXT · boolean BOOLEAN, 0 or 1 · bytes BLOB · timestamp TIMESTAMP and date
//   DATE, text as RFC 3339 · decimal DECIMAL_TEXT(p, s), text, so that no digit is lost · array, object and map JSON,
//   text
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "batch/batch.h"
#include "batch/types.h"

namespace weir {

/// What CREATE TABLE says for a column of `type`.
std::string SqliteTypeOf(const arrow::DataType& type);
/// The type of values in a column that was declared so; text where nothing is declared.
TypePtr TypeOfSqliteDeclaration(std::string_view declared);

/// Binds values of one column of rows to one parameter.
class SqliteBinder {
 public:
  /// `column` has no dictionary.
  explicit SqliteBinder(ArrayDataPtr column);
  /// Text and bytes must stay where they are until the statement is reset.
  int Bind(sqlite3_stmt* statement, int parameter, int64_t row);

 private:
  const ArrayDataPtr column_;
  std::string text_;
};

/// Gathers values of columns of a statement's rows.
class SqliteRows {
 public:
  /// `wanted`: columns of the schema, in the order of the statement's columns; the others come out pruned.
  SqliteRows(SchemaPtr schema, std::vector<int> wanted);
  ~SqliteRows();
  /// Adds the row at hand, or says why it does not fit.
  Status Add(sqlite3_stmt* statement, std::string* mistake);
  Result<Batch> Take();
  int64_t num_rows() const { return num_rows_; }

 private:
  struct Columns;
  const SchemaPtr schema_;
  const std::vector<int> wanted_;
  int64_t num_rows_ = 0;
  std::unique_ptr<Columns> columns_;
};

}  // namespace weir
