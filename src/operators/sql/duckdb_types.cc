// Time zones off, on the way into DuckDB.
#include "operators/sql/duckdb_types.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "batch/types.h"

namespace weir {
namespace {

TypePtr DuckdbType(const TypePtr& type) {
  switch (type->id()) {
    case arrow::Type::TIMESTAMP:
      return arrow::timestamp(arrow::TimeUnit::MICRO);
    case arrow::Type::LIST:
      return arrow::list(type->field(0)->WithType(DuckdbType(type->field(0)->type())));
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(*type);
      return arrow::map(map.key_type(), map.item_field()->WithType(DuckdbType(map.item_type())));
    }
    case arrow::Type::STRUCT: {
      arrow::FieldVector fields;
      for (const auto& field : type->fields()) fields.push_back(field->WithType(DuckdbType(field->type())));
      return arrow::struct_(std::move(fields));
    }
    default:
      return type;
  }
}

/// The same buffers under types that differ in time zones only.
ArrayDataPtr WithType(const ArrayDataPtr& data, const TypePtr& type) {
  if (data->type->Equals(*type)) return data;
  auto out = data->Copy();
  out->type = type;
  for (int i = 0; i < type->num_fields(); ++i) {
    out->child_data[i] = WithType(data->child_data[i], type->field(i)->type());
  }
  return out;
}

}  // namespace

std::shared_ptr<arrow::Schema> DuckdbSchema(const arrow::Schema& schema) {
  arrow::FieldVector fields;
  for (const auto& field : schema.fields()) fields.push_back(field->WithType(DuckdbType(field->type())));
  return arrow::schema(std::move(fields));
}

std::shared_ptr<arrow::RecordBatch> AsDuckdbBatch(const arrow::RecordBatch& batch,
                                                  const std::shared_ptr<arrow::Schema>& schema) {
  std::vector<ArrayDataPtr> columns;
  for (int i = 0; i < batch.num_columns(); ++i) {
    columns.push_back(WithType(batch.column_data(i), schema->field(i)->type()));
  }
  return arrow::RecordBatch::Make(schema, batch.num_rows(), std::move(columns));
}

}  // namespace weir
