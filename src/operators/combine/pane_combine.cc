// One table of groups per window, in the order in which windows end.
#include "operators/combine/pane_combine.h"

#include <arrow/array/array_nested.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <map>
#include <utility>

#include "batch/gather.h"
#include "batch/types.h"
#include "operators/combine/combine_input.h"
#include "operators/support/good_rows.h"
#include "operators/support/late_rows.h"
#include "operators/support/window_rows.h"
#include "state/hash/hash.h"
#include "state/memory_budget.h"
#include "state/panes/pane_table.h"
#include "state/panes/session_table.h"
#include "state/snapshot/state_cells.h"

namespace weir {
namespace {

EventTime ExpiryOf(EventTime end, int64_t lateness_us) {
  return end > kMaxEventTime - lateness_us ? kMaxEventTime : end + lateness_us;
}

class PaneCombine final : public Operator {
 public:
  PaneCombine(CombinePlanPtr plan, const OperatorContext& lane)
      : plan_(plan),
        input_(plan),
        late_(plan->late_schema, lane),
        queue_(lane.batch_rows),
        reservation_(lane.memory),
        durable_(lane.durable) {}

  Status Open(OperatorContext&) override {
    if (windowing().kind != WindowKind::kSessions || plan_->windows_given) return Status::OK();
    WEIR_ASSIGN_OR_RETURN(sessions_, SessionTable::Make(plan_->panes));
    if (durable_) sessions_->TrackChanges();
    return Status::OK();
  }

  Status Process(int, Batch batch, Emitter& out) override {
    if (batch.num_rows() == 0) return Status::OK();
    WEIR_RETURN_NOT_OK(input_.Evaluate(std::move(batch), false, out));
    if (sessions_ != nullptr) {
      WEIR_RETURN_NOT_OK(AddToSessions(out));
    } else {
      for (const WindowRows& list : RowsByWindow(input_.batch, windowing())) {
        WEIR_RETURN_NOT_OK(AddToWindow(list, out));
      }
    }
    Account();
    return Resume(out);
  }

  Status OnWatermark(EventTime watermark, Emitter& out) override {
    watermark_ = watermark;
    if (sessions_ != nullptr) sessions_->Advance(watermark, out.processing_time_us(), &queue_);
    for (auto at = tables_.begin(); at != tables_.end();) {
      const EventTime end = at->first.first;
      if (end > watermark) break;
      const bool expired = ExpiryOf(end, windowing().allowed_lateness_us) <= watermark;
      PaneTable& table = *at->second;
      if (!table.passed()) {
        table.Pass(out.processing_time_us(), expired, &queue_);
      } else if (expired) {
        table.Expire(&queue_);
      }
      if (expired && durable_) WEIR_RETURN_NOT_OK(table.PutGone(&gone_));
      at = expired ? tables_.erase(at) : std::next(at);
    }
    WEIR_RETURN_NOT_OK(Resume(out));
    Account();
    return Status::OK();
  }

  Status OnProcessingTime(int64_t now_us, Emitter& out) override {
    for (auto& [end, table] : tables_) {
      WEIR_RETURN_NOT_OK(table->RunTimers(now_us, &ready_));
    }
    if (sessions_ != nullptr) WEIR_RETURN_NOT_OK(sessions_->RunTimers(now_us, &ready_));
    return Resume(out);
  }

  int64_t next_timer_us() const override {
    int64_t next = kMaxEventTime;
    if (!plan_->panes->trigger.has_timers()) return next;
    if (sessions_ != nullptr) next = sessions_->next_timer_us();
    for (const auto& [end, table] : tables_) next = std::min(next, table->next_timer_us());
    return next;
  }

  EventTime watermark_hold() const override {
    EventTime hold = kMaxEventTime;
    if (windowing().output_time != OutputTime::kEarliest) return hold;
    if (sessions_ != nullptr) hold = sessions_->hold();
    for (const auto& [end, table] : tables_) hold = std::min(hold, table->hold());
    return hold;
  }

  Status Resume(Emitter& out) override {
    for (;;) {
      if (out.full()) {
        out.Yield();
        return Status::OK();
      }
      std::optional<PaneBatch> next;
      if (!ready_.empty()) {
        next = std::move(ready_.front());
        ready_.pop_front();
      } else {
        WEIR_ASSIGN_OR_RETURN(next, queue_.Next());
      }
      if (!next) return sessions_ != nullptr ? sessions_->Sweep() : Status::OK();
      WEIR_RETURN_NOT_OK(EmitPane(std::move(*next), out));
    }
  }
  int64_t state_bytes() const override { return reservation_.bytes(); }

  Status Snapshot(StateCells* out) override {
    if (sessions_ != nullptr) return sessions_->PutChanges(out);
    out->AppendGroups(gone_, 0, kKeyGroups);
    gone_ = {};
    for (auto& [end, table] : tables_) WEIR_RETURN_NOT_OK(table->PutChanges(out));
    return Status::OK();
  }

  Status Restore(const StateCells& cells) override {
    std::map<std::pair<EventTime, EventTime>, std::vector<int64_t>> of_window;
    for (int64_t i = 0; i < cells.size(); ++i) {
      WEIR_ASSIGN_OR_RETURN(Window window, PaneTable::WindowOf(cells.at(i)));
      if (sessions_ != nullptr) window = {};
      of_window[{window.end, window.start}].push_back(i);
    }
    for (const auto& [window, numbers] : of_window) {
      if (sessions_ != nullptr) {
        WEIR_RETURN_NOT_OK(sessions_->Restore(cells, numbers));
        continue;
      }
      WEIR_ASSIGN_OR_RETURN(auto table, MakeTable({window.second, window.first}));
      WEIR_RETURN_NOT_OK(table->Restore(cells, numbers));
      tables_[window] = std::move(table);
    }
    Account();
    return Status::OK();
  }

 private:
  const WindowingStrategy& windowing() const { return plan_->panes->windowing; }

  Result<std::shared_ptr<PaneTable>> MakeTable(const Window& window) const {
    WEIR_ASSIGN_OR_RETURN(auto table, PaneTable::Make(plan_->panes, window));
    if (durable_) table->TrackChanges();
    return table;
  }

  Status AddToWindow(const WindowRows& list, Emitter& out) {
    const Window& window = list.window;
    if (ExpiryOf(window.end, windowing().allowed_lateness_us) <= watermark_) {
      return late_.Emit(input_.batch, list.rows, window, watermark_, out);
    }
    auto& table = tables_[{window.end, window.start}];
    const bool passed = window.end <= watermark_;
    if (table == nullptr) {
      WEIR_ASSIGN_OR_RETURN(table, MakeTable(window));
      // The watermark has passed a window that had no rows: there is no pane on time to give any more.
      if (passed) table->Pass(out.processing_time_us(), false, &queue_);
    }
    WEIR_ASSIGN_OR_RETURN(PaneRows rows, RowsOf(list.rows));
    std::vector<int32_t> dropped;
    WEIR_RETURN_NOT_OK(table->Add(rows, {out.processing_time_us(), passed}, &ready_, &dropped));
    if (dropped.empty()) return Status::OK();
    for (int32_t& row : dropped) row = list.rows[row];
    return late_.Emit(input_.batch, dropped, window, watermark_, out);
  }

  Status AddToSessions(Emitter& out) {
    PaneRows rows{input_.keys, input_.values, input_.weights, input_.batch.event_time(), input_.rows};
    std::vector<SessionTable::LateRow> late;
    WEIR_RETURN_NOT_OK(sessions_->Add(rows, watermark_, out.processing_time_us(), &ready_, &late));
    for (const auto& [row, window] : late) {
      WEIR_RETURN_NOT_OK(late_.Emit(input_.batch, {row}, window, watermark_, out));
    }
    return Status::OK();
  }

  Result<PaneRows> RowsOf(const std::vector<int32_t>& rows) {
    PaneRows out;
    out.rows = static_cast<int64_t>(rows.size());
    out.times = input_.batch.event_time();
    out.keys = input_.keys;
    out.values = input_.values;
    out.weights = input_.weights;
    if (out.rows == input_.rows) return out;
    for (auto* columns : {&out.keys, &out.values}) {
      for (ArrayDataPtr& column : *columns) {
        if (column == nullptr) continue;
        WEIR_ASSIGN_OR_RETURN(column, GatherColumn(column, rows));
      }
    }
    if (out.weights != nullptr) {
      weights_.clear();
      for (int32_t row : rows) weights_.push_back(input_.weights[row]);
      out.weights = weights_.data();
    }
    if (!out.times.is_constant()) {
      std::vector<int64_t> times;
      for (int32_t row : rows) times.push_back(out.times.at(row));
      out.times = Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(times))));
    }
    return out;
  }

  Status EmitPane(PaneBatch pane, Emitter& out) {
    if (pane.errors.empty()) return out.Emit(std::move(pane.batch));
    WEIR_RETURN_NOT_OK(RejectGroups(*plan_, pane.batch, pane.errors, out));
    WEIR_ASSIGN_OR_RETURN(Selection good, GoodRows(pane.batch.num_rows(), pane.errors));
    return out.Emit(pane.batch.Select(good));
  }

  void Account() {
    int64_t bytes = sessions_ != nullptr ? sessions_->size_bytes() : 0;
    for (const auto& [end, table] : tables_) bytes += table->size_bytes();
    reservation_.Set(bytes);
  }

  const CombinePlanPtr plan_;
  CombineInput input_;
  LateRows late_;
  PaneQueue queue_;
  std::deque<PaneBatch> ready_;  // panes that rows and timers set off; they go before those of the queue
  MemoryReservation reservation_;
  std::map<std::pair<EventTime, EventTime>, std::shared_ptr<PaneTable>> tables_;  // by end and start of the window
  std::unique_ptr<SessionTable> sessions_;                                        // instead of tables by window
  std::vector<int64_t> weights_;
  EventTime watermark_ = kMinEventTime;
  const bool durable_;
  StateCells gone_;  // of windows that are over, until the epoch ends
};

}  // namespace

Result<std::unique_ptr<Operator>> MakePaneCombine(CombinePlanPtr plan, const OperatorContext& lane) {
  return std::make_unique<PaneCombine>(std::move(plan), lane);
}

}  // namespace weir
