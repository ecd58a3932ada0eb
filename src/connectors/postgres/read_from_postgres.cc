// ReadFromPostgres: a table or the result of a query of PostgreSQL.
#include <arrow/type.h>

#include <algorithm>

#include "connectors/files/file_paths.h"
#include "connectors/postgres/pg_copy_decoder.h"
#include "connectors/tables/table_source.h"
#include "plan/declared_type.h"

namespace weir {
namespace {

constexpr int64_t kRowsPerRange = 100'000;

struct ReadFromPostgresConfig : PgConfig, EventTimeConfig {
  std::string table, query, split_by;
  SchemaDecl schema;
};

ComponentSpec Spec() {
  return ComponentSpec::Source<ReadFromPostgresConfig>("ReadFromPostgres")
      .Summary("Read a table or the result of a query of a PostgreSQL database.")
      .Doc(
          "By binary COPY. A table whose primary key is one whole number is read by ranges of it, many lanes at once; "
          "`split_by` names another such column. Columns that no later step uses are not asked for. boolean, smallint, "
          "integer, bigint, real, double precision, numeric with digits, timestamps, date, bytea and arrays of these "
          "keep "
          "their types; everything else, also numeric without digits, is text. `schema` says other types, which the "
          "server "
          "casts to, and spares a look at the database before the run. Rows with values that have no place in their "
          "type "
          "(infinite times, NaN in a decimal) go to the error output.")
      .Guarantees(
          "All lanes see the same moment (one snapshot). A durable run that was killed reads the ranges that were left "
          "as they "
          "are when it goes on: each row whose key stays once. The result of a query is read again from the beginning.")
      .Fields(PgConfig::Fields())
      .Field("table", &ReadFromPostgresConfig::table,
             FieldDoc("The table to read, with its schema where it has one.").Example("orders"))
      .Field("query", &ReadFromPostgresConfig::query,
             FieldDoc("A SELECT to read instead of a table.").Example("SELECT id, total FROM orders WHERE total > 10"))
      .Field("split_by", &ReadFromPostgresConfig::split_by,
             FieldDoc("A whole number, NOT NULL and indexed, by ranges of which the table is read.").Example("id"))
      .Field("schema", &ReadFromPostgresConfig::schema,
             FieldDoc("The columns to read and their types.").Example("{id: integer, at: timestamp}"))
      .Fields(EventTimeConfig::Fields())
      .Example("orders of a shop", R"(pipeline:
  type: chain
  transforms:
  - type: ReadFromPostgres
    config:
      url: postgresql://weir@127.0.0.1/shop
      table: orders
      schema: {id: integer, amount: number}
  - type: Print
)");
}

/// What a run reads.
struct PgScan {
  PgParameters parameters;
  std::string table, query, split_by;
  SchemaPtr schema;
  std::vector<PgColumn> columns;  // per field: what the server is asked for
  bool casts = false;             // the types are declared: the server casts
  std::vector<int> wanted;

  std::string From() const { return query.empty() ? QuotePgTable(table) : "(" + query + ") weir_query"; }
  std::string Select(const std::string& where) const {
    std::string names;
    for (const int i : wanted) {
      names += (names.empty() ? "" : ", ") + PgSelectItem(columns[i], casts);
    }
    return "COPY (SELECT " + (names.empty() ? "true" : names) + " FROM " + From() + where +
           ") TO STDOUT (FORMAT binary)";
  }
};

/// Fields, and the columns to ask for, of what the server has.
Status Describe(PgScan* scan) {
  WEIR_ASSIGN_OR_RETURN(auto connection, PgConnection::Open(scan->parameters));
  auto columns = scan->query.empty() ? ColumnsOf(*connection, scan->table) : ColumnsOfQuery(*connection, scan->query);
  WEIR_RETURN_NOT_OK(columns.status());
  if (columns->empty()) return Status::Invalid("PostgreSQL has no table '", scan->table, "'");
  arrow::FieldVector fields;
  for (PgColumn& column : *columns) {
    fields.push_back(arrow::field(column.name, TypeOfPgColumn(column)));
    ReadAsText(&column);
    scan->columns.push_back(std::move(column));
  }
  scan->schema = arrow::schema(std::move(fields));
  return Status::OK();
}

/// The same for fields that are declared: the server casts.
void Declare(const SchemaPtr& schema, PgScan* scan) {
  scan->schema = schema;
  scan->casts = true;
  for (const auto& field : schema->fields()) {
    PgColumn column = PgColumnFor(*field->type());
    column.name = field->name();
    scan->columns.push_back(std::move(column));
  }
}

/// The moment that all lanes see: a transaction that stays open while they read.
struct PgSnapshot {
  std::unique_ptr<PgConnection> connection;
  std::string id;
};

class PgReader final : public TableReader {
 public:
  PgReader(std::unique_ptr<PgConnection> connection, const PgScan& scan, std::shared_ptr<PgSnapshot> snapshot,
           int64_t batch_rows)
      : connection_(std::move(connection)),
        scan_(scan),
        snapshot_(std::move(snapshot)),
        batch_rows_(batch_rows),
        decoder_(scan.schema, scan.wanted, WantedColumns(scan)) {}

  Status Start(const TableRange& range) override {
    std::string where;
    if (!range.whole) {
      const std::string key = QuotePgName(scan_.split_by);
      where =
          " WHERE " + key + " >= " + std::to_string(range.begin) + " AND " + key + " < " + std::to_string(range.end);
    }
    decoder_.Begin();
    over_ = false;
    return connection_->BeginCopy(scan_.Select(where));
  }

  Result<bool> Next(Batch* rows, std::vector<RawError>* errors) override {
    if (over_) return false;
    while (decoder_.num_rows() < batch_rows_) {
      WEIR_ASSIGN_OR_RETURN(const std::string_view piece, connection_->NextCopy());
      if (piece.data() == nullptr) {
        over_ = true;
        break;
      }
      WEIR_RETURN_NOT_OK(decoder_.Add(piece));
    }
    WEIR_ASSIGN_OR_RETURN(*rows, decoder_.Take(errors));
    return true;
  }

 private:
  static std::vector<PgColumn> WantedColumns(const PgScan& scan) {
    std::vector<PgColumn> columns;
    for (const int i : scan.wanted) columns.push_back(scan.columns[i]);
    return columns;
  }

  const std::unique_ptr<PgConnection> connection_;
  const PgScan scan_;
  const std::shared_ptr<PgSnapshot> snapshot_;
  const int64_t batch_rows_;
  PgCopyDecoder decoder_;
  bool over_ = false;
};

/// The column to split by: the one that is named, or a primary key of one whole number. "": there is none.
Result<std::string> SplitColumn(PgConnection& connection, const PgScan& scan) {
  WEIR_ASSIGN_OR_RETURN(auto columns, ColumnsOf(connection, scan.table));
  std::string name = scan.split_by;
  if (name.empty()) {
    WEIR_ASSIGN_OR_RETURN(auto key,
                          connection.Run("SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = "
                                         "i.indrelid AND a.attnum = i.indkey[0] WHERE i.indrelid = "
                                         "to_regclass($1) AND i.indisprimary AND i.indnkeyatts = 1",
                                         {QuotePgTable(scan.table)}));
    if (key.num_rows() == 0) return std::string();
    name = key.Text(0, 0);
  }
  const auto column =
      std::find_if(columns.begin(), columns.end(), [&](const PgColumn& other) { return other.name == name; });
  const bool fits = column != columns.end() && column->not_null &&
                    (column->oid == kPgInt2 || column->oid == kPgInt4 || column->oid == kPgInt8);
  if (fits || scan.split_by.empty()) return fits ? name : std::string();
  return Status::Invalid("'split_by: ", name, "' is not a column of table '", scan.table,
                         "' that is a whole number and NOT NULL");
}

Result<TableSourceOptions::Extent> ExtentOf(PgConnection& connection, const PgScan& scan) {
  if (scan.split_by.empty()) return TableSourceOptions::Extent{};
  const std::string key = QuotePgName(scan.split_by);
  WEIR_ASSIGN_OR_RETURN(auto ends, connection.Run("SELECT min(" + key + "), max(" + key +
                                                  "), (SELECT reltuples FROM "
                                                  "pg_class WHERE oid = to_regclass(" +
                                                  QuotePgText(QuotePgTable(scan.table)) + ")) FROM " + scan.From()));
  if (ends.is_null(0, 0)) return TableSourceOptions::Extent{};
  const int64_t begin = ends.Int(0, 0), last = ends.Int(0, 1);
  if (begin < INT64_MIN / 2 || last > INT64_MAX / 2) return TableSourceOptions::Extent{};
  // A table that was never analysed says -1: then every number is taken for a row.
  const double rows = std::max(static_cast<double>(std::atof(ends.Text(0, 2).c_str())), 0.0);
  const double numbers = static_cast<double>(last - begin) + 1;
  const double step = rows > 0 ? kRowsPerRange * std::max(numbers / rows, 1.0) : kRowsPerRange;
  // Gaps in the numbers must not make many ranges of nothing.
  return TableSourceOptions::Extent{begin, last + 1, static_cast<int64_t>(std::max(step, numbers / 10'000))};
}

std::shared_ptr<Source> MakeSource(const PgScan& scan, const EventTimePlan& event_time) {
  auto snapshot = std::make_shared<PgSnapshot>();
  auto shared = std::make_shared<PgScan>(scan);
  TableSourceOptions options;
  options.what = scan.query.empty() ? scan.table : scan.query;
  options.event_time = event_time;
  options.open = [shared, snapshot](OperatorContext&) -> Result<TableSourceOptions::Extent> {
    WEIR_ASSIGN_OR_RETURN(snapshot->connection, PgConnection::Open(shared->parameters));
    PgConnection& connection = *snapshot->connection;
    WEIR_RETURN_NOT_OK(connection.Do("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
    WEIR_ASSIGN_OR_RETURN(auto id, connection.Run("SELECT pg_export_snapshot()"));
    snapshot->id = id.Text(0, 0);
    if (shared->query.empty()) {
      WEIR_ASSIGN_OR_RETURN(shared->split_by, SplitColumn(connection, *shared));
    }
    return ExtentOf(connection, *shared);
  };
  options.open_reader = [shared, snapshot](const OperatorContext& lane) -> Result<std::unique_ptr<TableReader>> {
    WEIR_ASSIGN_OR_RETURN(auto connection, PgConnection::Open(shared->parameters));
    WEIR_RETURN_NOT_OK(connection->Do("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT " +
                                      QuotePgText(snapshot->id)));
    return std::make_unique<PgReader>(std::move(connection), *shared, snapshot, lane.batch_rows);
  };
  return std::make_shared<TableSource>(std::move(options));
}

std::optional<StepBinding> BindReadFromPostgres(const ReadFromPostgresConfig& config, BindContext& context) {
  if (config.table.empty() == config.query.empty()) {
    context.StepError("ReadFromPostgres reads a 'table' or a 'query': say one of them");
    return std::nullopt;
  }
  if (!config.query.empty() && !config.split_by.empty()) {
    ConfigError(context, "split_by", "only a 'table' is split, the result of a query is not");
    return std::nullopt;
  }
  PgScan scan{ParametersOf(config), config.table, config.query, config.split_by, nullptr, {}, false, {}};
  if (!config.schema.empty()) {
    const SchemaPtr schema = DeclaredSchema(config.schema, &context.diagnostics());
    if (!schema) return std::nullopt;
    Declare(schema, &scan);
  } else if (const Status status = Describe(&scan); !status.ok()) {
    ConfigError(context, config.table.empty() ? "query" : "table", status.message(),
                "with a 'schema' the database is not asked before the run");
    return std::nullopt;
  }
  const auto event_time = BindEventTime(config, scan.schema, /*unbounded=*/false, context);
  if (!event_time) return std::nullopt;

  StepBinding binding;
  CollectionInfo info;
  info.schema = scan.schema;
  info.bounded = true;
  binding.outputs = {{"", info}};
  binding.can_project = true;
  binding.source_repositions = scan.query.empty();
  binding.source_max_lanes = scan.query.empty() ? 0 : 1;
  binding.notes = event_time->Notes(*scan.schema);
  binding.source = [scan, event_time = *event_time](const ScanRequest& request) -> Result<std::shared_ptr<Source>> {
    PgScan wanted = scan;
    wanted.wanted = event_time.Needed(request.columns).ToIndices();
    return MakeSource(wanted, event_time);
  };
  return binding;
}

}  // namespace

void RegisterReadFromPostgres(Registry& registry) {
  registry.Add<ReadFromPostgresConfig>(Spec(), {0, 0}, BindReadFromPostgres);
}

}  // namespace weir
