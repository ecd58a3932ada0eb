// Small batches from JSON text, for tests and mocks. Not for data: formats/json reads that.
#pragma once

#include <string>
#include <string_view>

#include "batch/batch.h"

namespace weir {

/// A schema from "a: integer, b: array<string>" (type names as TypeFromName).
Result<SchemaPtr> SchemaFromText(const std::string& text);

/// Rows from `[{"a": 1, "b": ["x"]}, …]`; a missing key is null, timestamps, dates and decimals are strings, a map is a
/// list of pairs. Errors: Invalid with what does not parse.
Result<Batch> BatchFromJson(const SchemaPtr& schema, std::string_view rows);

/// Both at once; a mistake ends the process, as a test wants it.
Batch MakeBatch(const std::string& schema, std::string_view rows);

/// Column `i` as dictionary<int32, utf8>, values in order of first appearance.
Result<Batch> DictionaryEncode(const Batch& batch, int i);

}  // namespace weir
