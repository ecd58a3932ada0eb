// Tables that a query may mean are copied into a database of its own, then it runs there.
#include "monitor/state_query.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <thread>

#include "batch/print.h"
#include "batch/types.h"
#include "operators/sql/duckdb_session.h"

namespace weir {
namespace {

/// Sets a flag after a while, unless it is destroyed before.
class Deadline {
 public:
  explicit Deadline(int64_t timeout_ms) : thread_([this, timeout_ms] { Wait(timeout_ms); }) {}
  ~Deadline() {
    {
      std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  const std::atomic<bool>* passed() const { return &passed_; }

 private:
  void Wait(int64_t timeout_ms) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return over_; })) passed_ = true;
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::atomic<bool> passed_{false};
  std::thread thread_;
};

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string NamesOf(const std::vector<std::shared_ptr<StateTable>>& tables) {
  std::string out;
  for (const auto& table : tables) out += (out.empty() ? "" : ", ") + table->name();
  return out.empty() ? "none: give a step 'state: {name: …, key: …}'" : out;
}

}  // namespace

Result<QueryAnswer> StateQuery::Run(const std::string& sql, std::optional<EventTime> as_of, const QueryLimits& limits) {
  std::lock_guard lock(mutex_);
  const Deadline deadline(limits.timeout_ms);
  DuckdbOptions options;
  options.memory_limit_bytes = limits.memory_bytes;
  WEIR_ASSIGN_OR_RETURN(auto session, DuckdbSession::Open(options));
  QueryAnswer answer;
  answer.watermark = kMaxEventTime;
  const std::string text = Lower(sql);
  for (const auto& table : tables_) {
    if (text.find(Lower(table->name())) == std::string::npos) continue;
    WEIR_ASSIGN_OR_RETURN(StateTable::Snapshot snapshot, table->Read(as_of));
    WEIR_ASSIGN_OR_RETURN(auto rows, snapshot.rows.ToRecordBatch());
    WEIR_RETURN_NOT_OK(session->Append(table->name(), table->schema(), {rows}));
    answer.watermark = std::min(answer.watermark, snapshot.watermark);
  }
  SqlError error;
  WEIR_ASSIGN_OR_RETURN(answer.schema, session->Prepare(sql, &error));
  if (answer.schema == nullptr) {
    return Status::Invalid(error.message, "\n  = help: the tables are ", NamesOf(tables_));
  }
  WEIR_RETURN_NOT_OK(session->Start(deadline.passed()));
  int64_t rows = 0;
  while (rows <= limits.max_rows) {
    WEIR_ASSIGN_OR_RETURN(std::optional<Batch> batch, session->Next(2048));
    if (!batch) break;
    const int64_t count = std::min(batch->num_rows(), limits.max_rows - rows);
    answer.truncated = count < batch->num_rows();
    if (count > 0) answer.rows.push_back(batch->Slice(0, count));
    rows += batch->num_rows();
  }
  return answer;
}

std::string AnswerJson(const QueryAnswer& answer) {
  std::string out = "{\"columns\":[";
  for (int i = 0; i < answer.schema->num_fields(); ++i) {
    out += i == 0 ? "{\"name\":" : ",{\"name\":";
    AppendJsonString(answer.schema->field(i)->name(), &out);
    out += ",\"type\":";
    AppendJsonString(TypeName(*answer.schema->field(i)->type()), &out);
    out += "}";
  }
  out += "],\"rows\":[";
  bool first = true;
  for (const Batch& batch : answer.rows) {
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      out += (first ? "" : ",") + RowToJson(batch, row);
      first = false;
    }
  }
  const bool known = answer.watermark > kMinEventTime && answer.watermark < kEndOfGlobalWindow;
  out += std::string("],\"truncated\":") + (answer.truncated ? "true" : "false") +
         ",\"watermark\":" + (known ? "\"" + FormatTimestamp(answer.watermark) + "\"" : "null") + "}";
  return out;
}

}  // namespace weir
