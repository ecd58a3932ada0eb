// Rows as PostgreSQL's binary COPY format (manual, COPY, "Binary Format"):
//   "PGCOPY\n\xff\r\n\0" flags:u32 extension:u32   then for each row  fields:i16 ( size:i32 bytes )*, size -1 for null
//   then -1:i16. Big endian.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "batch/row_error.h"
#include "connectors/postgres/pg_types.h"
#include "formats/text/text_output.h"

namespace weir {

/// Whether values of `type` are sent to the column as they are; single ones may not fit all the same.
bool CanSendTo(const arrow::DataType& type, const PgColumn& column);

class PgCopyEncoder {
 public:
  struct Field {
    int input = 0;  // column of the rows
    PgColumn column;
  };
  explicit PgCopyEncoder(std::vector<Field> fields);
  ~PgCopyEncoder();

  static void AppendHeader(TextOutput* out);
  static void AppendTrailer(TextOutput* out);
  /// Prepares for rows of `batch`.
  Status Bind(const Batch& batch);
  /// Appends a row, or says why it cannot be one (then nothing is appended).
  bool Append(int64_t row, TextOutput* out, std::string* mistake);

 private:
  class Column;
  const std::vector<Field> fields_;
  std::vector<std::unique_ptr<Column>> columns_;
};

}  // namespace weir
