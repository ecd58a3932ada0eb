// CsvWriter: batches into CSV text.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "formats/csv/csv_options.h"
#include "formats/text/text_output.h"

namespace weir {

struct CsvWriteOptions {
  char delimiter = ',';
  char quote = '"';
  std::string null_text;  // written for null; an equal text value is quoted
  bool header = true;
};

/// RFC 4180 with '\n' line ends: a field is quoted when it holds the delimiter, the quote or a line break, when it is
/// empty text, and when it would read as null. Numbers as the shortest text that reads back the same, timestamps RFC
/// 3339, bytes in base64, objects, arrays and maps as JSON text. What it writes, CsvBlockParser reads back as the same
/// values (NaN aside, which reads as null). One per lane; not thread-safe.
class CsvWriter {
 public:
  CsvWriter(SchemaPtr schema, CsvWriteOptions options);
  ~CsvWriter();
  void WriteHeader(TextOutput* out) const;
  /// Appends every row of `batch`, whose columns are those of the schema; pruned ones are written as null.
  Status Write(const Batch& batch, TextOutput* out);

 private:
  class Column;
  const SchemaPtr schema_;
  const CsvWriteOptions options_;
  std::vector<std::unique_ptr<Column>> columns_;
};

}  // namespace weir
