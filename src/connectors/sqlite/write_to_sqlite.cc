// WriteToSqlite: rows into a table of an SQLite database.
#include "connectors/files/file_paths.h"
#include "connectors/sqlite/sqlite_database.h"
#include "connectors/sqlite/sqlite_target.h"
#include "connectors/support/target_sink.h"

namespace weir {
namespace {

struct WriteToSqliteConfig : TableSinkConfig {
  std::string path;
};

ComponentSpec Spec() {
  return ComponentSpec::Sink<WriteToSqliteConfig>("WriteToSqlite")
      .Summary("Write rows into a table of an SQLite database.")
      .Doc(
          "Fields go into the columns of their names. With a `key` a row replaces the one of the same key, and a row "
          "that is "
          "taken back is deleted; without one rows are appended. The file and the table are made where they are not "
          "there. "
          "Timestamps and dates are text as RFC 3339 has it, decimals text, arrays and objects JSON; NaN becomes null, "
          "as "
          "SQLite has none. Rows that a constraint refuses go to the error output.")
      .Guarantees(
          "Exactly once in a durable run (`--state`): each epoch is one transaction, which also writes its number into "
          "the "
          "table `weir_epochs`. Otherwise a delivery is a transaction, and what was delivered before a failure stays.")
      .Field("path", &WriteToSqliteConfig::path, FieldDoc("The database's file.").Required().Example("out/shop.db"))
      .Fields(TableSinkConfig::Fields())
      .Example("the newest state of each order", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements:
      - {id: 1, state: new}
      - {id: 2, state: new}
      - {id: 1, state: paid}
  - type: WriteToSqlite
    config: {path: /tmp/weir-example/shop.db, table: orders, key: id}
)");
}

std::optional<StepBinding> BindWriteToSqlite(const WriteToSqliteConfig& config, BindContext& context) {
  const auto path = ResolveOutputPath(context, "path", config.path);
  auto plan = BindTable(config, context);
  if (!path || !plan) return std::nullopt;
  StepBinding binding;
  binding.sink_takes_changes = true;
  binding.notes = {"writes table " + config.table + " of " + config.path};
  const BatchConfig batch{50'000, {int64_t{16} << 20}, Duration::Seconds(1)};
  BindTargetSink(
      DeliveryOptions(config, batch, plan->schema),
      [path = *path, plan = *plan]() -> Result<std::unique_ptr<Target>> { return MakeSqliteTarget(path, plan); },
      /*transactional=*/true, "", &binding);
  return binding;
}

}  // namespace

void RegisterWriteToSqlite(Registry& registry) { registry.Add<WriteToSqliteConfig>(Spec(), {1, 1}, BindWriteToSqlite); }

}  // namespace weir
