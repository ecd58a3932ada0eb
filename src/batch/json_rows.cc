// Small batches from JSON text through Arrow's own test-grade parser.
#include "batch/json_rows.h"

#include <arrow/array.h>
#include <arrow/compute/api_vector.h>
#include <arrow/compute/cast.h>
#include <arrow/datum.h>
#include <arrow/json/from_string.h>
#include <arrow/type.h>

#include <utility>

#include "base/check.h"
#include "batch/compute_init.h"
#include "batch/types.h"

namespace weir {

namespace {

/// `type` with dates and timestamps as text, which Arrow's parser would want as numbers.
TypePtr AsText(const TypePtr& type) {
  switch (type->id()) {
    case arrow::Type::DATE32:
    case arrow::Type::TIMESTAMP:
      return arrow::utf8();
    case arrow::Type::LIST:
      return arrow::list(AsText(type->field(0)->type()));
    case arrow::Type::MAP:
      return arrow::map(arrow::utf8(), AsText(static_cast<const arrow::MapType&>(*type).item_type()));
    case arrow::Type::STRUCT: {
      arrow::FieldVector fields;
      for (const auto& field : type->fields()) fields.push_back(field->WithType(AsText(field->type())));
      return arrow::struct_(std::move(fields));
    }
    default:
      return type;
  }
}

}  // namespace

Result<SchemaPtr> SchemaFromText(const std::string& text) {
  WEIR_ASSIGN_OR_RETURN(auto row, TypeFromName("object{" + text + "}"));
  return arrow::schema(row->fields());
}

Result<Batch> BatchFromJson(const SchemaPtr& schema, std::string_view rows) {
  const TypePtr row = arrow::struct_(schema->fields());
  WEIR_ASSIGN_OR_RETURN(auto array, arrow::json::ArrayFromJSONString(AsText(row), rows));
  EnsureCompute();
  std::vector<ArrayDataPtr> columns;
  for (int i = 0; i < schema->num_fields(); ++i) {
    arrow::Datum column(array->data()->child_data[i]);
    WEIR_ASSIGN_OR_RETURN(column, arrow::compute::Cast(column, schema->field(i)->type()));
    columns.push_back(column.array());
  }
  return Batch(schema, std::move(columns), array->length());
}

Batch MakeBatch(const std::string& schema, std::string_view rows) {
  auto parsed = SchemaFromText(schema);
  WEIR_CHECK(parsed.ok(), parsed.status().ToString().c_str());
  auto batch = BatchFromJson(*parsed, rows);
  WEIR_CHECK(batch.ok(), batch.status().ToString().c_str());
  return batch.MoveValueUnsafe();
}

Result<Batch> DictionaryEncode(const Batch& batch, int i) {
  EnsureCompute();
  WEIR_ASSIGN_OR_RETURN(auto encoded, arrow::compute::DictionaryEncode(arrow::Datum(batch.PlainColumn(i))));
  std::vector<ArrayDataPtr> columns;
  for (int c = 0; c < batch.num_columns(); ++c) columns.push_back(c == i ? encoded.array() : batch.column(c));
  return batch.WithColumns(batch.schema(), std::move(columns));
}

}  // namespace weir
