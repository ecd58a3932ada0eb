// What the first bytes of a CSV file say: field names, where the data begins, and types inferred from a sample.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "batch/batch.h"
#include "formats/csv/csv_options.h"

namespace weir {

/// One file's fields in file order.
struct CsvHead {
  std::vector<std::string> names;
  int64_t data_begin = 0;  // byte offset of the first record that is data
};

/// `sample`: the first bytes of the file, the whole file if it is no longer than the sample (`whole_file`).
/// A repeated name gets ".1", ".2" …, an empty one "Unnamed: 0" … as in pandas. An empty file has no names.
/// Invalid: UTF-16, a name that is not UTF-8, or a header that does not end within the sample.
Result<CsvHead> ReadCsvHead(std::string_view sample, bool whole_file, const std::string& file,
                            const CsvReadOptions& options);

/// Types by what every value of the sample can be: integer, number, boolean, else string. Numbers with leading zeros
/// and integers beyond 64 bits are text, so that nothing is lost; a column without values is text. options.types wins.
Result<SchemaPtr> InferCsvSchema(std::string_view sample, bool whole_file, const std::string& file, const CsvHead& head,
                                 const CsvReadOptions& options);

/// For each column of `schema`, its field in a file with `head`: by name; by place when the file has no header.
/// Invalid when a column is missing, or when the file has fields that `schema` does not name (unless `allow_extra`).
Result<std::vector<int>> MapCsvFields(const arrow::Schema& schema, const CsvHead& head, const std::string& file,
                                      const CsvReadOptions& options, bool allow_extra);

}  // namespace weir
