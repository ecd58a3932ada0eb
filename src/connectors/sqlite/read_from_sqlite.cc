// ReadFromSqlite: a table or the result of a query of an SQLite database.
#include <arrow/type.h>

#include <algorithm>
#include <mutex>

#include "connectors/files/file_paths.h"
#include "connectors/sqlite/sqlite_database.h"
#include "connectors/sqlite/sqlite_values.h"
#include "connectors/tables/table_source.h"
#include "plan/declared_type.h"

namespace weir {
namespace {

constexpr int64_t kRowsPerRange = 50'000;

struct ReadFromSqliteConfig : EventTimeConfig {
  std::string path, table, query;
  SchemaDecl schema;
};

ComponentSpec Spec() {
  return ComponentSpec::Source<ReadFromSqliteConfig>("ReadFromSqlite")
      .Summary("Read a table or the result of a query of an SQLite database.")
      .Doc(
          "Types are those that the columns are declared with, as WriteToSqlite declares them: INTEGER, REAL, TEXT, "
          "BLOB, "
          "BOOLEAN, TIMESTAMP, DATE, JSON (as text). SQLite takes any value in any column: one that does not fit its "
          "type "
          "goes to the error output. `schema` says other types, and spares a look at the database before the run. A "
          "table "
          "is read by ranges of its row numbers, many lanes at once; only columns that later steps use are read.")
      .Guarantees(
          "Everything is read as it was at one moment. A durable run that was killed reads the ranges that were left "
          "as they "
          "are when it goes on; the result of a query is read again from the beginning.")
      .Field("path", &ReadFromSqliteConfig::path, FieldDoc("The database's file.").Required().Example("shop.db"))
      .Field("table", &ReadFromSqliteConfig::table, FieldDoc("The table to read.").Example("orders"))
      .Field("query", &ReadFromSqliteConfig::query,
             FieldDoc("A SELECT to read instead of a table.").Example("SELECT id, total FROM orders WHERE total > 10"))
      .Field("schema", &ReadFromSqliteConfig::schema,
             FieldDoc("The columns to read and their types.").Example("{id: integer, at: timestamp}"))
      .Fields(EventTimeConfig::Fields())
      .Example("orders of a shop", R"(pipeline:
  type: chain
  transforms:
  - type: ReadFromSqlite
    config:
      path: /tmp/weir-example/shop.db
      table: orders
      schema: {id: integer, state: string}
  - type: Print
)");
}

/// What a run reads.
struct SqliteScan {
  std::string path, table, query;
  SchemaPtr schema;
  std::vector<int> wanted;

  std::string Select() const {
    std::string names;
    for (const int column : wanted) names += (names.empty() ? "" : ", ") + QuoteSqlName(schema->field(column)->name());
    if (names.empty()) names = "1";
    return "SELECT " + names + " FROM " + (query.empty() ? QuoteSqlName(table) : "(" + query + ")");
  }
};

Result<SchemaPtr> SchemaOf(const SqliteScan& scan) {
  WEIR_ASSIGN_OR_RETURN(auto database, SqliteDatabase::Open(scan.path, SqliteDatabase::Mode::kRead));
  WEIR_ASSIGN_OR_RETURN(
      auto statement, database->Prepare(scan.query.empty() ? "SELECT * FROM " + QuoteSqlName(scan.table) : scan.query));
  if (sqlite3_stmt_readonly(statement->handle()) == 0) return Status::Invalid("'query' must be a SELECT");
  // Expressions have no declaration: the first row shows what they are.
  WEIR_ASSIGN_OR_RETURN(const bool has_row, statement->Step());
  arrow::FieldVector fields;
  for (int i = 0; i < sqlite3_column_count(statement->handle()); ++i) {
    const char* declared = sqlite3_column_decltype(statement->handle(), i);
    TypePtr type = arrow::utf8();
    if (declared != nullptr) {
      type = TypeOfSqliteDeclaration(declared);
    } else if (has_row) {
      const int kind = sqlite3_column_type(statement->handle(), i);
      if (kind == SQLITE_INTEGER) type = arrow::int64();
      if (kind == SQLITE_FLOAT) type = arrow::float64();
      if (kind == SQLITE_BLOB) type = arrow::binary();
    }
    fields.push_back(arrow::field(sqlite3_column_name(statement->handle(), i), type));
  }
  return arrow::schema(std::move(fields));
}

/// The connections of all lanes, which see one moment: they are opened while nobody can write.
class Connections {
 public:
  Status Open(const SqliteScan& scan, int lanes) {
    std::unique_ptr<SqliteDatabase> lock;
    auto writer = SqliteDatabase::Open(scan.path, SqliteDatabase::Mode::kRead);
    WEIR_RETURN_NOT_OK(writer.status());
    // A file that cannot be written is not written by others either.
    if (sqlite3_db_readonly((*writer)->handle(), "main") == 1) {
      auto opened = SqliteDatabase::Open(scan.path, SqliteDatabase::Mode::kWrite);
      if (opened.ok() && sqlite3_db_readonly((*opened)->handle(), "main") == 0) lock = std::move(*opened);
    }
    if (lock != nullptr) WEIR_RETURN_NOT_OK(lock->Run("BEGIN IMMEDIATE"));
    for (int i = 0; i < lanes; ++i) {
      WEIR_ASSIGN_OR_RETURN(auto database, SqliteDatabase::Open(scan.path, SqliteDatabase::Mode::kRead));
      // The first read begins the transaction.
      WEIR_RETURN_NOT_OK(database->Run("BEGIN; SELECT 1 FROM sqlite_master"));
      idle_.push_back(std::move(database));
    }
    return lock != nullptr ? lock->Run("ROLLBACK") : Status::OK();
  }
  std::unique_ptr<SqliteDatabase> Take() {
    std::lock_guard guard(mutex_);
    if (idle_.empty()) return nullptr;
    auto database = std::move(idle_.back());
    idle_.pop_back();
    return database;
  }
  SqliteDatabase& any() { return *idle_.back(); }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<SqliteDatabase>> idle_;
};

class SqliteReader final : public TableReader {
 public:
  SqliteReader(std::unique_ptr<SqliteDatabase> database, const SqliteScan& scan, int64_t batch_rows)
      : database_(std::move(database)), scan_(scan), batch_rows_(batch_rows), rows_(scan.schema, scan.wanted) {}

  Status Start(const TableRange& range) override {
    if (statement_ == nullptr) {
      WEIR_ASSIGN_OR_RETURN(
          statement_, database_->Prepare(scan_.Select() + (range.whole ? "" : " WHERE rowid >= ?1 AND rowid < ?2")));
    }
    statement_->Reset();
    if (!range.whole) {
      sqlite3_bind_int64(statement_->handle(), 1, range.begin);
      sqlite3_bind_int64(statement_->handle(), 2, range.end);
    }
    return Status::OK();
  }

  Result<bool> Next(Batch* rows, std::vector<RawError>* errors) override {
    if (at_end_) {
      at_end_ = false;
      return false;
    }
    std::string mistake;
    while (rows_.num_rows() < batch_rows_) {
      WEIR_ASSIGN_OR_RETURN(const bool more, statement_->Step());
      if (!more) {
        at_end_ = true;
        break;
      }
      WEIR_RETURN_NOT_OK(rows_.Add(statement_->handle(), &mistake));
      if (!mistake.empty()) errors->push_back({RowText(), mistake});
    }
    WEIR_ASSIGN_OR_RETURN(*rows, rows_.Take());
    return true;
  }

 private:
  std::string RowText() const {
    std::string text;
    for (size_t i = 0; i < scan_.wanted.size(); ++i) {
      const auto* value = reinterpret_cast<const char*>(sqlite3_column_text(statement_->handle(), static_cast<int>(i)));
      text += (i > 0 ? "|" : "") + std::string(value != nullptr ? value : "");
    }
    return text;
  }

  const std::unique_ptr<SqliteDatabase> database_;
  const SqliteScan scan_;
  const int64_t batch_rows_;
  SqliteRows rows_;
  std::unique_ptr<SqliteStatement> statement_;
  bool at_end_ = false;
};

/// Row numbers, where the table has some (views and tables WITHOUT ROWID have none).
TableSourceOptions::Extent ExtentOf(SqliteDatabase& database, const SqliteScan& scan) {
  if (!scan.query.empty()) return {};
  auto query = database.Prepare("SELECT min(rowid), max(rowid), count(*) FROM " + QuoteSqlName(scan.table));
  if (!query.ok()) return {};
  auto found = (*query)->Step();
  if (!found.ok() || !*found || (*query)->Int(2) == 0) return {};
  const int64_t begin = (*query)->Int(0), last = (*query)->Int(1), count = (*query)->Int(2);
  if (last == INT64_MAX || begin < INT64_MIN / 2 || last > INT64_MAX / 2) return {};
  const double rows_per_number = static_cast<double>(count) / static_cast<double>(last - begin + 1);
  return {begin, last + 1, std::max<int64_t>(static_cast<int64_t>(kRowsPerRange / rows_per_number), 1)};
}

Result<std::shared_ptr<Source>> MakeSource(const SqliteScan& scan, const EventTimePlan& event_time, int lanes) {
  auto connections = std::make_shared<Connections>();
  TableSourceOptions options;
  options.what = scan.path + " " + (scan.query.empty() ? scan.table : scan.query);
  options.event_time = event_time;
  options.open = [scan, connections, lanes](OperatorContext&) -> Result<TableSourceOptions::Extent> {
    WEIR_RETURN_NOT_OK(connections->Open(scan, lanes));
    return ExtentOf(connections->any(), scan);
  };
  options.open_reader = [scan, connections](const OperatorContext& lane) -> Result<std::unique_ptr<TableReader>> {
    auto database = connections->Take();
    if (database == nullptr) {
      WEIR_ASSIGN_OR_RETURN(database, SqliteDatabase::Open(scan.path, SqliteDatabase::Mode::kRead));
    }
    return std::make_unique<SqliteReader>(std::move(database), scan, lane.batch_rows);
  };
  return std::make_shared<TableSource>(std::move(options));
}

std::optional<StepBinding> BindReadFromSqlite(const ReadFromSqliteConfig& config, BindContext& context) {
  if (config.table.empty() == config.query.empty()) {
    context.StepError("ReadFromSqlite reads a 'table' or a 'query': say one of them");
    return std::nullopt;
  }
  if (!CheckLocal(context, "path", config.path)) return std::nullopt;
  SqliteScan scan{ResolvePath(context, config.path), config.table, config.query, nullptr, {}};
  if (!config.schema.empty()) {
    scan.schema = DeclaredSchema(config.schema, &context.diagnostics());
    if (!scan.schema) return std::nullopt;
  } else {
    auto schema = SchemaOf(scan);
    if (!schema.ok()) {
      ConfigError(context, "path", schema.status().message());
      return std::nullopt;
    }
    scan.schema = *schema;
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
  binding.source = [scan, event_time = *event_time,
                    lanes = context.lanes()](const ScanRequest& request) -> Result<std::shared_ptr<Source>> {
    SqliteScan wanted = scan;
    wanted.wanted = event_time.Needed(request.columns).ToIndices();
    return MakeSource(wanted, event_time, std::max(lanes, 1));
  };
  return binding;
}

}  // namespace

void RegisterReadFromSqlite(Registry& registry) {
  registry.Add<ReadFromSqliteConfig>(Spec(), {0, 0}, BindReadFromSqlite);
}

}  // namespace weir
