// What a sample of a JSON file says: how records follow each other, and a schema.
#pragma once

#include <string>
#include <string_view>

#include "batch/batch.h"
#include "formats/json/json_options.h"

namespace weir {

/// A line per record, unless the text begins with an array or its first object spans lines or shares its line.
JsonLayout DetectJsonLayout(std::string_view sample, bool whole_file);

/// Columns in order of first appearance, over all records of the sample that are whole (bytes after its end are not
/// read; `sample` needs no padding). Integers and numbers together are numbers, objects are objects with the union of
/// their keys, arrays hold what their elements have in common. A field whose values differ in kind, an integer beyond
/// 64 bits among integers (it would lose digits), and a field that is always null, empty object or nested too deep
/// become JsonTextField: their JSON text. Text that looks like a date stays text. Records that are no objects, and
/// mistakes of grammar, are left to the parser. Invalid: no record in the sample.
Result<SchemaPtr> InferJsonSchema(std::string_view sample, bool whole_file, JsonLayout layout, const std::string& file);

}  // namespace weir
