// WriteToPostgres: rows into a table of PostgreSQL.
#include "connectors/postgres/pg_target.h"
#include "connectors/support/target_sink.h"

namespace weir {
namespace {

struct WriteToPostgresConfig : PgConfig, TableSinkConfig {};

ComponentSpec Spec() {
  return ComponentSpec::Sink<WriteToPostgresConfig>("WriteToPostgres")
      .Summary("Write rows into a table of a PostgreSQL database.")
      .Doc(
          "Fields go into the columns of their names, by binary COPY. With a `key` a row replaces the one of the same "
          "key, and "
          "a row that is taken back is deleted, both in the transaction of their delivery; the table needs a unique "
          "index on "
          "the key. Without a key rows are appended. A table that is not there is made: integers as bigint, numbers as "
          "double "
          "precision, decimals as numeric, timestamps as timestamptz, arrays as arrays, objects and maps as jsonb. "
          "Rows that "
          "the server refuses (a constraint, a value that does not fit) go to the error output; they are found by "
          "halves.")
      .Guarantees(
          "Exactly once in a durable run (`--state`): each epoch is one transaction, which also writes its number into "
          "the "
          "table `weir_epochs`. Otherwise a delivery is a transaction, and what was delivered before a failure stays; "
          "one "
          "whose answer was lost may be there twice.")
      .Fields(PgConfig::Fields())
      .Fields(TableSinkConfig::Fields())
      .Example("orders", R"(pipeline:
  type: chain
  transforms:
  - type: ReadFromCsv
    config:
      path: /tmp/weir-example/orders.csv
      schema: {id: integer, amount: number}
  - type: WriteToPostgres
    config:
      url: postgresql://weir@127.0.0.1/shop
      table: orders
      key: id
)");
}

std::optional<StepBinding> BindWriteToPostgres(const WriteToPostgresConfig& config, BindContext& context) {
  auto plan = BindTable(config, context);
  if (!plan) return std::nullopt;
  StepBinding binding;
  binding.sink_takes_changes = true;
  binding.notes = {"writes table " + config.table};
  // Big enough that the server's commit, some milliseconds, does not count.
  const BatchConfig batch{200'000, {int64_t{32} << 20}, Duration::Seconds(1)};
  BindTargetSink(
      DeliveryOptions(config, batch, plan->schema),
      [parameters = ParametersOf(config), plan = *plan]() -> Result<std::unique_ptr<Target>> {
        return MakePgTarget(parameters, plan);
      },
      /*transactional=*/true, "", &binding);
  return binding;
}

}  // namespace

void RegisterWriteToPostgres(Registry& registry) {
  registry.Add<WriteToPostgresConfig>(Spec(), {1, 1}, BindWriteToPostgres);
}

}  // namespace weir
