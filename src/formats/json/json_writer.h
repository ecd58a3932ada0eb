// JsonWriter: batches into JSON text, one object per row.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "formats/json/json_printer.h"
#include "formats/text/text_output.h"

namespace weir {

enum class JsonForm : uint8_t {
  kLines,  // an object and a line break per row
  kArray,  // ",\n" and an object per row: whoever joins the pieces makes the first of these bytes a '[' and adds
           // "\n]\n"
};

/// Integers exact, numbers as the shortest text that reads back the same (NaN and infinities, which JSON lacks, as
/// null), timestamps RFC 3339, dates and decimals as strings, bytes in base64, objects, arrays and maps as such, null
/// as null, UTF-8 as it is. One per lane; not thread-safe.
class JsonWriter {
 public:
  JsonWriter(SchemaPtr schema, JsonForm form);
  /// Appends every row of `batch`, whose columns are those of the schema; pruned ones are written as null.
  Status Write(const Batch& batch, TextOutput* out);

 private:
  const SchemaPtr schema_;
  const JsonForm form_;
  std::vector<std::string> keys_;  // `{"a":`, `,"b":` …
  std::vector<JsonPrinter> printers_;
};

}  // namespace weir
