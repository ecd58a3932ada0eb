// StateQuery: SQL over the tables that `state:` keeps, by an embedded DuckDB that sees nothing else.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "state/table/state_table.h"

namespace weir {

struct QueryLimits {
  int64_t max_rows = 10'000;  // of an answer; more are left out
  int64_t timeout_ms = 10'000;
  int64_t memory_bytes = int64_t{512} << 20;
};

struct QueryAnswer {
  SchemaPtr schema;
  std::vector<Batch> rows;
  bool truncated = false;
  EventTime watermark = kMinEventTime;  // the least of the tables that were read
};

/// Thread-safe; one query after the other.
class StateQuery {
 public:
  explicit StateQuery(std::vector<std::shared_ptr<StateTable>> tables) : tables_(std::move(tables)) {}

  /// `sql`: one SELECT. `as_of`: tables as they were at that event time; else as they are now. Errors: Invalid with
  /// what is wrong with the query; Cancelled when it took too long.
  Result<QueryAnswer> Run(const std::string& sql, std::optional<EventTime> as_of, const QueryLimits& limits);
  const std::vector<std::shared_ptr<StateTable>>& tables() const { return tables_; }

 private:
  const std::vector<std::shared_ptr<StateTable>> tables_;
  std::mutex mutex_;
};

/// {"columns": [{"name", "type"}], "rows": [{…}], "truncated": false, "watermark": "…"}.
std::string AnswerJson(const QueryAnswer& answer);

}  // namespace weir
