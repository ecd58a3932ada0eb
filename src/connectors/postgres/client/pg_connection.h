// Connections to PostgreSQL and results of queries, with errors as Statuses.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "connectors/postgres/client/pg_config.h"
#include "connectors/postgres/client/pq_library.h"

namespace weir {

/// Rows of a query, as text. Empty for commands.
class PgResult {
 public:
  PgResult(const PqLibrary* pq, PGresult* result) : pq_(pq), result_(result) {}
  PgResult(PgResult&& other) noexcept : pq_(other.pq_), result_(std::exchange(other.result_, nullptr)) {}
  PgResult& operator=(PgResult&& other) noexcept {
    std::swap(result_, other.result_);
    pq_ = other.pq_;
    return *this;
  }
  ~PgResult() { pq_->clear(result_); }

  int num_rows() const { return pq_->ntuples(result_); }
  int num_columns() const { return pq_->nfields(result_); }
  bool is_null(int row, int column) const { return pq_->getisnull(result_, row, column) != 0; }
  std::string Text(int row, int column) const { return pq_->getvalue(result_, row, column); }
  int64_t Int(int row, int column) const { return std::atoll(pq_->getvalue(result_, row, column)); }
  /// Of a command: how many rows it changed.
  int64_t num_changed() const { return std::atoll(pq_->cmdTuples(result_)); }
  PGresult* handle() const { return result_; }

 private:
  const PqLibrary* pq_;
  PGresult* result_;
};

/// Used by one thread at a time.
class PgConnection {
 public:
  /// Connects; times are UTC and ISO. Errors: IOError where trying again may help (no answer, the server starts or
  /// stops), Invalid otherwise.
  static Result<std::unique_ptr<PgConnection>> Open(const PgParameters& parameters, bool for_replication = false);
  ~PgConnection() { pq_.finish(handle_); }

  /// Runs statements, returns the result of the last one.
  Result<PgResult> Run(const std::string& sql);
  /// One statement with parameters $1 …, as text.
  Result<PgResult> Run(const std::string& sql, const std::vector<std::string>& parameters);
  Status Do(const std::string& sql) { return Run(sql).status(); }
  /// COPY … FROM STDIN or TO STDOUT, up to where data flows.
  Status BeginCopy(const std::string& sql);
  Status SendCopy(const char* data, size_t size);
  /// Ends COPY … FROM STDIN: what the server says of all the rows.
  Status EndCopy();
  /// The next piece of COPY … TO STDOUT, one row; null when it is over. Valid until the next call.
  Result<std::string_view> NextCopy();
  /// The same without waiting; "" (with data()) when there is nothing yet. Sets *over at the end.
  Result<std::string_view> PollCopy(bool* over);

  /// What the last error was about: SQLSTATE, "" where the connection failed.
  const std::string& sql_state() const { return sql_state_; }
  /// The last error is the fault of a row: a value or a constraint.
  bool is_rows_fault() const { return sql_state_.starts_with("22") || sql_state_.starts_with("23"); }
  const PqLibrary& pq() const { return pq_; }
  PGconn* handle() const { return handle_; }

 private:
  PgConnection(const PqLibrary& pq, PGconn* handle) : pq_(pq), handle_(handle) {}
  Status Check(PGresult* result);
  Status Broken();

  const PqLibrary& pq_;
  PGconn* const handle_;
  std::string sql_state_;
  std::unique_ptr<char, void (*)(void*)> piece_{nullptr, nullptr};
};

/// "a""b": a name in SQL. A name with a schema in front: "s"."t".
std::string QuotePgName(std::string_view name);
std::string QuotePgTable(std::string_view name);
/// 'it''s': text in SQL.
std::string QuotePgText(std::string_view text);

}  // namespace weir
