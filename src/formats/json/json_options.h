// What a reader of JSON is asked for.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "batch/batch.h"
#include "expr/expr.h"

namespace arrow {
class Field;
}

namespace weir {

/// How records follow each other.
enum class JsonLayout : uint8_t {
  kLines,     // one object per line
  kDocument,  // arrays of objects and objects, in any layout: [ {…}, {…} ], pretty-printed, one after the other
};

/// What to make of the files; immutable, shared by lanes.
struct JsonReadPlan {
  JsonLayout layout = JsonLayout::kLines;
  SchemaPtr schema;          // columns; a field marked by JsonTextField takes any value, as its JSON text
  std::vector<bool> needed;  // per column; the others come out pruned. Empty: all are needed
  CompiledExprPtr filter;    // over `schema`, cannot fail: rows for which it is not true are left out; or null
};

/// A string field whose values differ in kind in the file (or were all null in the sample): strings are taken as they
/// are, any other value as its JSON text.
std::shared_ptr<arrow::Field> JsonTextField(const std::string& name);
bool IsJsonTextField(const arrow::Field& field);
/// Without the marks of JsonTextField: what flows.
std::shared_ptr<arrow::DataType> WithoutJsonMarks(const std::shared_ptr<arrow::DataType>& type);
SchemaPtr WithoutJsonMarks(const arrow::Schema& schema);

}  // namespace weir
