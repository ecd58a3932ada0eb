// Sql: one SELECT over whole collections, or over one window of them at a time, run by an embedded DuckDB.
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <map>
#include <set>

#include "batch/gather.h"
#include "engine/operator.h"
#include "operators/sql/column_use.h"
#include "operators/sql/duckdb_session.h"
#include "operators/support/input_checks.h"
#include "plan/binding.h"
#include "state/memory_budget.h"

namespace weir {
namespace {

struct SqlConfig {
  std::string query;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<SqlConfig>("Sql")
      .Summary("Run one SELECT over the inputs.")
      .Doc(
          "A single input is called PCOLLECTION; inputs given by alias are called by their aliases. The dialect is "
          "DuckDB's. Timestamps "
          "are UTC and have no zone inside the query. A sum of integers is an integer; one that does not fit ends the "
          "run.\n\n"
          "Bounded inputs are read whole. After a windowing step the query runs once for each window, over the rows of "
          "that window, "
          "and its result belongs to the window. A query sees its inputs and nothing else: no files, no network, no "
          "extensions.")
      .Guarantees(
          "Needs its whole input before it gives the first row. DuckDB holds the input, with half of the memory "
          "budget, and on disk "
          "what does not fit. Rows come in no particular order unless the query says ORDER BY.")
      .Field(
          "query", &SqlConfig::query,
          FieldDoc("The query.").Required().Example("SELECT item, sum(price) AS total FROM PCOLLECTION GROUP BY item"))
      .Example("totals", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements: [{item: apple, price: 3}, {item: pear, price: 4}, {item: apple, price: 5}]
  - type: Sql
    config:
      query: SELECT item, sum(price) AS total FROM PCOLLECTION GROUP BY item ORDER BY item
  - type: Print
)");
}

struct SqlInput {
  std::string name;
  SchemaPtr schema;
};

struct SqlPlan {
  std::string query;
  std::vector<SqlInput> inputs;
  WindowingStrategy windowing;
  bool windowed = false;  // one query per window
};

/// DuckDB's part of the memory budget. It cannot tell us when it has too much, so its part is fixed.
int64_t DuckdbMemory(const MemoryBudget* budget) {
  return budget ? std::max<int64_t>(budget->limit_bytes() / 2, int64_t{64} << 20) : int64_t{1} << 30;
}

class Sql final : public Operator {
 public:
  Sql(std::shared_ptr<const SqlPlan> plan, int threads) : plan_(std::move(plan)) { options_.threads = threads; }

  Status Open(OperatorContext& context) override {
    reservation_.emplace(context.memory);
    options_.memory_limit_bytes = DuckdbMemory(context.memory);
    options_.temp_dir = context.temp_dir;
    batch_rows_ = context.batch_rows;
    cancelled_ = context.cancelled;
    WEIR_ASSIGN_OR_RETURN(session_, DuckdbSession::Open(options_));
    return Status::OK();
  }

  Status Process(int port, Batch batch, Emitter&) override {
    if (!plan_->windowed) return Keep(WindowKey{}, port, batch);
    std::map<WindowKey, std::vector<int32_t>> rows;
    std::vector<Window> windows;
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      if (batch.has_window()) {
        windows = {{batch.window_start().at(row), batch.window_end().at(row)}};
      } else {
        windows.clear();
        AssignWindows(plan_->windowing, batch.event_time().at(row), &windows);
      }
      for (const Window& window : windows) rows[{window.start, window.end}].push_back(static_cast<int32_t>(row));
    }
    for (const auto& [window, numbers] : rows) {
      WEIR_ASSIGN_OR_RETURN(Batch part, GatherBatch(batch, numbers));
      WEIR_RETURN_NOT_OK(Keep(window, port, part));
    }
    return Status::OK();
  }

  Status Finish(Emitter& out) override {
    if (!plan_->windowed) kept_[WindowKey{}];  // a query over nothing has a result too
    return Resume(out);
  }

  Status Resume(Emitter& out) override {
    for (;;) {
      if (out.full()) {
        out.Yield();
        return Status::OK();
      }
      if (!running_) {
        if (kept_.empty()) {
          session_.reset();
          reservation_->Set(0);
          return Status::OK();
        }
        WEIR_RETURN_NOT_OK(StartWindow());
      }
      WEIR_ASSIGN_OR_RETURN(std::optional<Batch> batch, session_->Next(batch_rows_));
      if (!batch) {
        running_ = false;
        continue;
      }
      if (plan_->windowed) {
        batch->set_window(Int64Column(window_.start), Int64Column(window_.end));
        batch->set_event_time(Int64Column(window_.max_timestamp()));
      }
      WEIR_RETURN_NOT_OK(out.Emit(std::move(*batch)));
    }
  }

 private:
  using WindowKey = std::pair<EventTime, EventTime>;
  /// Per input: rows of one window that DuckDB has not yet been given.
  using Rows = std::vector<DuckdbSession::RecordBatches>;
  /// Rows are handed to DuckDB in pieces of this size, of some ms each.
  static constexpr int64_t kHandOverBytes = int64_t{16} << 20;

  Status Keep(const WindowKey& window, int port, const Batch& batch) {
    Rows& rows = kept_[window];
    rows.resize(plan_->inputs.size());
    WEIR_ASSIGN_OR_RETURN(auto plain, batch.ToRecordBatch());
    rows[port].push_back(std::move(plain));
    bytes_ += batch.size_bytes();
    reservation_->Set(bytes_);
    if (plan_->windowed || bytes_ < kHandOverBytes) return Status::OK();
    return HandOver(&rows);
  }

  Status HandOver(Rows* rows) {
    rows->resize(plan_->inputs.size());
    for (size_t i = 0; i < plan_->inputs.size(); ++i) {
      const SqlInput& input = plan_->inputs[i];
      WEIR_RETURN_NOT_OK(session_->Append(input.name, input.schema, std::move((*rows)[i])));
      (*rows)[i].clear();
    }
    bytes_ = 0;
    reservation_->Set(0);
    return Status::OK();
  }

  Status StartWindow() {
    auto node = kept_.extract(kept_.begin());
    window_ = {node.key().first, node.key().second};
    if (plan_->windowed) {
      for (const SqlInput& input : plan_->inputs) WEIR_RETURN_NOT_OK(session_->Drop(input.name));
    }
    WEIR_RETURN_NOT_OK(HandOver(&node.mapped()));
    SqlError error;
    WEIR_ASSIGN_OR_RETURN(SchemaPtr schema, session_->Prepare(plan_->query, &error));
    if (!schema) return Status::Invalid("DuckDB: ", error.message);
    WEIR_RETURN_NOT_OK(session_->Start(cancelled_));
    running_ = true;
    return Status::OK();
  }

  const std::shared_ptr<const SqlPlan> plan_;
  DuckdbOptions options_;
  std::optional<MemoryReservation> reservation_;
  int64_t bytes_ = 0;  // of kept_
  int64_t batch_rows_ = 8192;
  const std::atomic<bool>* cancelled_ = nullptr;
  std::map<WindowKey, Rows> kept_;
  std::unique_ptr<DuckdbSession> session_;
  Window window_;
  bool running_ = false;
};

/// The inputs under the names that the query uses; nullopt after an error.
std::optional<std::vector<SqlInput>> InputNames(BindContext& context) {
  std::vector<SqlInput> inputs;
  std::set<std::string> seen;
  for (const StepInputInfo& input : context.inputs()) {
    std::string name = input.alias.empty() ? "PCOLLECTION" : input.alias;
    // DuckDB's names ignore case.
    std::string folded = name;
    std::transform(folded.begin(), folded.end(), folded.begin(), [](unsigned char c) { return std::tolower(c); });
    if (!seen.insert(folded).second) {
      context.StepError("two inputs are called '" + name + "' inside the query (SQL ignores case)",
                        "give the inputs by alias: input: {orders: Orders, customers: Customers}");
      return std::nullopt;
    }
    inputs.push_back({name, input.info.schema});
  }
  return inputs;
}

/// Windowing that a query can run under, window by window.
bool CheckWindowing(BindContext& context) {
  const CollectionInfo& first = context.inputs()[0].info;
  for (const StepInputInfo& input : context.inputs()) {
    if (!input.info.bounded && input.info.windowing.is_global()) {
      context.StepError("Sql needs bounded or windowed inputs; '" + input.origin + "' never ends",
                        "put a WindowInto before it");
      return false;
    }
    if (!(input.info.windowing == first.windowing)) {
      context.StepError("the inputs of Sql have different windows: " + input.info.windowing.ToString() + " and " +
                        first.windowing.ToString());
      return false;
    }
    if (input.info.windowing.kind == WindowKind::kSessions && !input.info.has_window) {
      context.StepError("Sql over sessions needs rows that were grouped before",
                        "sessions exist per key: Combine by the key first, or use fixed windows");
      return false;
    }
  }
  return true;
}

std::optional<StepBinding> BindSql(const SqlConfig& config, BindContext& context) {
  if (RefuseChanges("Sql", context)) return std::nullopt;
  auto inputs = InputNames(context);
  if (!inputs || !CheckWindowing(context)) return std::nullopt;
  auto plan = std::make_shared<SqlPlan>();
  plan->query = config.query;
  plan->inputs = *inputs;
  plan->windowing = context.inputs()[0].info.windowing;
  plan->windowed = !plan->windowing.is_global();
  SqlError error;
  std::vector<ColumnSet> columns;
  auto describe = [&]() -> Result<SchemaPtr> {
    WEIR_ASSIGN_OR_RETURN(auto session, DuckdbSession::Open({.threads = 1, .for_column_use = true}));
    std::vector<std::string> names;
    std::vector<SchemaPtr> schemas;
    for (const SqlInput& input : plan->inputs) {
      WEIR_RETURN_NOT_OK(session->Append(input.name, input.schema, {}));
      names.push_back(input.name);
      schemas.push_back(input.schema);
    }
    WEIR_ASSIGN_OR_RETURN(SchemaPtr result, session->Prepare(plan->query, &error));
    if (!result) return result;
    // Without a plan every column is read.
    columns = ColumnsRead(session->Explain(plan->query).ValueOr(""), names, schemas);
    return result;
  };
  auto schema = describe();
  NodePtr node = context.step_node()->Find("config")->Find("query");
  if (!schema.ok()) {
    context.Error(node, schema.status().message());
    return std::nullopt;
  }
  if (!*schema) {
    Span place = error.place ? node->SpanOfText(error.place->first, error.place->second) : node->span();
    context.diagnostics().Error(node->source(), place, error.message);
    return std::nullopt;
  }
  CollectionInfo out = context.inputs()[0].info;
  out.schema = *schema;
  out.has_window = plan->windowed;
  out.expected_rows = out.unfiltered_rows = -1;
  OperatorSpec op;
  op.name = "Sql (DuckDB)";
  op.inputs.assign(inputs->size(), Exchange{ExchangeKind::kGather, {}});
  op.outputs = {*schema};
  op.max_lanes = 1;
  op.make = [plan, lanes = context.lanes()](const OperatorContext&) -> Result<std::unique_ptr<Operator>> {
    return std::make_unique<Sql>(plan, lanes);
  };
  op.needs = [columns](const std::vector<ColumnSet>&) { return columns; };
  op.notes = {plan->windowed ? "one query per window" : "reads its inputs whole"};
  StepBinding binding;
  binding.outputs = {{"", out}};
  binding.operators.push_back(std::move(op));
  binding.can_reject = false;
  return binding;
}

}  // namespace

void RegisterSql(Registry& registry) { registry.Add<SqlConfig>(Spec(), {1, -1}, BindSql); }

}  // namespace weir
