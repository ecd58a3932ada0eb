// The store of one machine: a SQLite file. Several processes may use it; each write is on the disk when it returns.
#include <sqlite3.h>

#include <cstring>

#include "stores/store_backend.h"

namespace weir {
namespace {

constexpr int kBusyMs = 10'000;
constexpr const char* kSetUp =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "CREATE TABLE IF NOT EXISTS weir_store"
    " (key BLOB PRIMARY KEY, version INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID";

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct EndStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

/// One statement with its values bound, by position from 1.
class Statement {
 public:
  static Result<Statement> Prepare(sqlite3* database, const char* sql) {
    sqlite3_stmt* raw = nullptr;
    Statement statement(database);
    const int code = sqlite3_prepare_v2(database, sql, -1, &raw, nullptr);
    statement.handle_.reset(raw);
    if (code != SQLITE_OK) return statement.Error();
    return statement;
  }
  void Bind(int at, const std::string& bytes) {
    // A blob of no bytes needs a place all the same, or it is NULL.
    sqlite3_bind_blob64(handle_.get(), at, bytes.empty() ? "" : bytes.data(), bytes.size(), SQLITE_STATIC);
  }
  void Bind(int at, int64_t value) { sqlite3_bind_int64(handle_.get(), at, value); }
  /// True: there is a row.
  Result<bool> Step() {
    const int code = sqlite3_step(handle_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return Error();
  }
  std::string Bytes(int column) const {
    const void* bytes = sqlite3_column_blob(handle_.get(), column);
    const auto size = static_cast<size_t>(sqlite3_column_bytes(handle_.get(), column));
    return bytes == nullptr ? "" : std::string(static_cast<const char*>(bytes), size);
  }
  int64_t Integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  Result<bool> RunAndCount() {
    WEIR_RETURN_NOT_OK(Step());
    return sqlite3_changes(database_) > 0;
  }

 private:
  explicit Statement(sqlite3* database) : database_(database) {}
  Status Error() const {
    const int code = sqlite3_errcode(database_) & 0xff;
    const std::string text = sqlite3_errmsg(database_);
    return code == SQLITE_BUSY || code == SQLITE_LOCKED ? Status::IOError(text) : Status::Invalid(text);
  }

  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, EndStatement> handle_;
};

class SqliteStore final : public StoreBackend {
 public:
  explicit SqliteStore(std::string path) : path_(std::move(path)) {}

  Status Connect() override {
    sqlite3* raw = nullptr;
    const int code =
        sqlite3_open_v2(path_.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    database_.reset(raw);
    if (code != SQLITE_OK) return Status::Invalid("cannot open '", path_, "': ", sqlite3_errmsg(raw));
    sqlite3_busy_timeout(raw, kBusyMs);
    for (int tries = 0;; ++tries) {  // two processes that make the file at once: one of them is told that it is busy
      const int made = sqlite3_exec(raw, kSetUp, nullptr, nullptr, nullptr);
      if (made == SQLITE_OK) return Status::OK();
      if ((made & 0xff) != SQLITE_BUSY || tries == 100) {
        return Status::Invalid("'", path_, "': ", sqlite3_errmsg(raw));
      }
      sqlite3_sleep(20);
    }
  }

  Result<std::optional<StoreValue>> Get(const std::string& key) override {
    WEIR_ASSIGN_OR_RETURN(auto query, Prepare("SELECT version, value FROM weir_store WHERE key = ?"));
    query.Bind(1, key);
    WEIR_ASSIGN_OR_RETURN(const bool found, query.Step());
    if (!found) return std::nullopt;
    return StoreValue{query.Bytes(1), query.Integer(0)};
  }

  Status Put(const std::string& key, const StoreValue& value) override {
    WEIR_ASSIGN_OR_RETURN(auto write, Prepare("INSERT OR REPLACE INTO weir_store VALUES (?, ?, ?)"));
    BindEntry(key, value, &write);
    return write.Step().status();
  }

  Result<bool> CompareAndSet(const std::string& key, int64_t expected, const StoreValue& value) override {
    WEIR_ASSIGN_OR_RETURN(
        auto write, Prepare(expected == kAbsent
                                ? "INSERT OR IGNORE INTO weir_store VALUES (?, ?, ?)"
                                : "UPDATE weir_store SET version = ?2, value = ?3 WHERE key = ?1 AND version = ?4"));
    BindEntry(key, value, &write);
    if (expected != kAbsent) write.Bind(4, expected);
    return write.RunAndCount();
  }

  Result<bool> Delete(const std::string& key, int64_t expected) override {
    WEIR_ASSIGN_OR_RETURN(auto write, Prepare("DELETE FROM weir_store WHERE key = ?1 AND (?2 = -1 OR version = ?2)"));
    write.Bind(1, key);
    write.Bind(2, expected);
    return write.RunAndCount();
  }

  Result<std::vector<StoreEntry>> Scan(const std::string& prefix, const std::string& after, int limit) override {
    WEIR_ASSIGN_OR_RETURN(auto query,
                          Prepare("SELECT key, version, value FROM weir_store WHERE key >= ?1 AND key > ?2 AND"
                                  " (?3 = x'' OR key < ?3) ORDER BY key LIMIT ?4"));
    const std::string end = EndOfPrefix(prefix);
    query.Bind(1, prefix);
    query.Bind(2, after);
    query.Bind(3, end);
    query.Bind(4, int64_t{limit});
    std::vector<StoreEntry> entries;
    for (;;) {
      WEIR_ASSIGN_OR_RETURN(const bool more, query.Step());
      if (!more) return entries;
      entries.push_back({query.Bytes(0), {query.Bytes(2), query.Integer(1)}});
    }
  }

 private:
  Result<Statement> Prepare(const char* sql) { return Statement::Prepare(database_.get(), sql); }
  static void BindEntry(const std::string& key, const StoreValue& value, Statement* statement) {
    statement->Bind(1, key);
    statement->Bind(2, value.version);
    statement->Bind(3, value.bytes);
  }

  const std::string path_;
  std::unique_ptr<sqlite3, CloseDatabase> database_;
};

}  // namespace

Result<StoreBackendPtr> MakeSqliteStore(const StoreUrl& url) {
  return StoreBackendPtr(std::make_unique<SqliteStore>(url.path));
}

}  // namespace weir
