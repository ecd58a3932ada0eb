// Settings of sinks to tables.
#include "connectors/tables/table_sink_config.h"

#include <arrow/type.h>

#include "connectors/files/file_paths.h"

namespace weir {

const FieldSet<TableSinkConfig>& TableSinkConfig::Fields() {
  static const auto fields =
      FieldSet<TableSinkConfig>()
          .Field("table", &TableSinkConfig::table,
                 FieldDoc("The table, with its schema where it has one.").Required().Example("orders"))
          .Field("key", &TableSinkConfig::key,
                 FieldDoc(
                     "The fields that make a row what it is: a row replaces the one of the same key, and a row that is "
                     "taken back is deleted. By default rows are appended.")
                     .OrSingle()
                     .Example("[id]"))
          .Field("create", &TableSinkConfig::create,
                 FieldDoc("Make the table where it does not exist, with `key` as its primary key.").Default("true"))
          .Enum(
              "schema_drift", &TableSinkConfig::schema_drift,
              {{"fail", SchemaDrift::kFail}, {"add", SchemaDrift::kAdd}, {"cast", SchemaDrift::kCast}},
              FieldDoc(
                  "What happens where the rows have fields that the table has not, or of another kind. `fail`: the run "
                  "does not start; `add`: the fields become columns; `cast`: the same, and values are cast to the "
                  "type of the column. Columns that the rows have not get their default.")
                  .Default("fail"))
          .Include(DeliveryConfig::Fields());
  return fields;
}

std::optional<TablePlan> BindTable(const TableSinkConfig& config, BindContext& context) {
  const CollectionInfo& input = context.inputs()[0].info;
  TablePlan plan{config.table, input.schema, {}, input.changes, config.create, config.schema_drift};
  bool ok = true;
  for (const std::string& name : config.key) {
    const int column = input.schema->GetFieldIndex(name);
    if (column < 0) ConfigError(context, "key", "the rows have no field '" + name + "'");
    ok &= column >= 0;
    plan.key.push_back(column);
  }
  if (input.changes && config.key.empty()) {
    context.StepError("these rows can be taken back, so the table needs to know which row is which",
                      "say which fields make a row what it is: 'key: [id]'");
    ok = false;
  }
  if (input.schema->num_fields() == 0) {
    context.StepError("rows without fields cannot stand in a table");
    ok = false;
  }
  if (!ok) return std::nullopt;
  return plan;
}

}  // namespace weir
