// The few calls of SQLite that everything else here stands on.
#include "connectors/sqlite/sqlite_database.h"

namespace weir {
namespace {

constexpr int kBusyMs = 10'000;  // how long SQLite waits for another process that writes

bool MayPass(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_PROTOCOL:
      return true;
    default:
      return false;
  }
}

}  // namespace

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::Open(const std::string& path, Mode mode) {
  sqlite3* handle = nullptr;
  const int flags = mode == Mode::kRead ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(handle, path));
  if (code != SQLITE_OK) return database->Error(code, "it cannot be opened");
  sqlite3_busy_timeout(handle, kBusyMs);
  sqlite3_extended_result_codes(handle, 1);
  return database;
}

SqliteDatabase::~SqliteDatabase() { sqlite3_close_v2(handle_); }

Status SqliteDatabase::Error(int code, const std::string& doing) const {
  const std::string text =
      "SQLite database " + path_ + ": " + doing + ": " + (handle_ ? sqlite3_errmsg(handle_) : sqlite3_errstr(code));
  return MayPass(code) ? Status::IOError(text) : Status::Invalid(text);
}

Status SqliteDatabase::Run(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Status::OK() : Error(code, sql);
}

Result<std::unique_ptr<SqliteStatement>> SqliteDatabase::Prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(handle_, sql.c_str(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) return Error(code, sql);
  if (statement == nullptr) return Status::Invalid("there is no statement in '", sql, "'");
  return std::make_unique<SqliteStatement>(this, statement);
}

Result<bool> SqliteStatement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_.Error(code, sqlite3_sql(statement_));
}

int SqliteStatement::StepCode() {
  sqlite3_step(statement_);
  return sqlite3_reset(statement_);
}

std::string SqliteStatement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return text == nullptr ? "" : std::string(text, static_cast<size_t>(sqlite3_column_bytes(statement_, column)));
}

std::string QuoteSqlName(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace weir
