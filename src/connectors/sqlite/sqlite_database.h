// SQLite: connections and statements whose errors are Statuses.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace weir {

class SqliteStatement;

/// One connection. Used by one thread at a time; statements end before it.
class SqliteDatabase {
 public:
  enum class Mode { kRead, kWrite };  // kWrite makes the file where there is none
  /// Errors: IOError where trying again may help (it is locked), Invalid otherwise; with the path.
  static Result<std::unique_ptr<SqliteDatabase>> Open(const std::string& path, Mode mode);
  ~SqliteDatabase();

  Status Run(const std::string& sql);
  Result<std::unique_ptr<SqliteStatement>> Prepare(const std::string& sql);
  /// The Status of a result code other than OK, ROW and DONE.
  Status Error(int code, const std::string& doing) const;
  sqlite3* handle() const { return handle_; }

 private:
  SqliteDatabase(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  sqlite3* const handle_;
  const std::string path_;
};

class SqliteStatement {
 public:
  SqliteStatement(const SqliteDatabase* database, sqlite3_stmt* statement)
      : database_(*database), statement_(statement) {}
  ~SqliteStatement() { sqlite3_finalize(statement_); }
  /// True: a row is there; false: it is done.
  Result<bool> Step();
  /// For statements without rows: runs and resets. The plain code, for who decides by it.
  int StepCode();
  void Reset() { sqlite3_reset(statement_); }
  sqlite3_stmt* handle() const { return statement_; }
  int64_t Int(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string Text(int column) const;

 private:
  const SqliteDatabase& database_;
  sqlite3_stmt* const statement_;
};

/// "a""b": a name in SQL.
std::string QuoteSqlName(std::string_view name);

}  // namespace weir
