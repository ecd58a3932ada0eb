// The first rows of each group: in windows given when the watermark passes, without windows as they change.
#include "operators/changes/top_changes.h"

#include <arrow/type.h>

#include <map>
#include <utility>

#include "batch/gather.h"
#include "operators/combine/combine_binding.h"
#include "operators/support/late_rows.h"
#include "operators/support/slice_windows.h"
#include "operators/support/window_rows.h"
#include "state/memory_budget.h"

namespace weir {
namespace {

struct TopPlan {
  SchemaPtr schema, late_schema;
  RankedRowsOptions options;
  WindowingStrategy windowing;
  bool gives_changes = false;
};

class TopChanges final : public Operator {
 public:
  TopChanges(std::shared_ptr<const TopPlan> plan, const OperatorContext& lane)
      : plan_(plan), late_(plan->late_schema, lane), reservation_(lane.memory), durable_(lane.durable) {}

  Status Process(int, Batch batch, Emitter& out) override {
    if (batch.num_rows() == 0) return Status::OK();
    for (const WindowRows& list : RowsByWindow(batch, plan_->windowing)) {
      if (!plan_->windowing.is_global() && Expiry(list.window.end) <= watermark_) {
        WEIR_RETURN_NOT_OK(late_.Emit(batch, list.rows, list.window, watermark_, out));
        continue;
      }
      RankedRows& rows = RowsOf(list.window);
      if (static_cast<int64_t>(list.rows.size()) == batch.num_rows()) {
        WEIR_RETURN_NOT_OK(rows.Add(batch));
      } else {
        WEIR_ASSIGN_OR_RETURN(Batch part, GatherBatch(batch, list.rows));
        WEIR_RETURN_NOT_OK(rows.Add(part));
      }
      const bool passed = plan_->windowing.is_global() || list.window.end <= watermark_;
      if (passed) WEIR_RETURN_NOT_OK(Emit(list.window, &rows, out));
    }
    Account();
    return Status::OK();
  }

  Status OnWatermark(EventTime watermark, Emitter& out) override {
    const EventTime before = watermark_;
    watermark_ = watermark;
    if (plan_->windowing.is_global()) return Status::OK();
    for (auto at = windows_.begin(); at != windows_.end() && at->first.first <= watermark;) {
      const Window window{at->first.second, at->first.first};
      if (window.end > before) WEIR_RETURN_NOT_OK(Emit(window, &at->second, out));
      const bool over = Expiry(window.end) <= watermark;
      if (over && durable_) WEIR_RETURN_NOT_OK(at->second.PutGone(&gone_));
      at = over ? windows_.erase(at) : std::next(at);
    }
    Account();
    return Status::OK();
  }
  int64_t state_bytes() const override { return reservation_.bytes(); }

  Status Snapshot(StateCells* out) override {
    out->AppendGroups(gone_, 0, kKeyGroups);
    gone_ = {};
    for (auto& [window, rows] : windows_) WEIR_RETURN_NOT_OK(rows.PutChanges(out));
    return Status::OK();
  }

  Status Restore(const StateCells& cells) override {
    std::map<std::pair<EventTime, EventTime>, std::vector<int64_t>> of_window;
    for (int64_t i = 0; i < cells.size(); ++i) {
      StateReader key(cells.at(i).key);
      const EventTime start = key.Int(), end = key.Int();
      if (!key.ok()) return DamagedState();
      of_window[{end, start}].push_back(i);
    }
    for (const auto& [key, numbers] : of_window) {
      const Window window{key.second, key.first};
      WEIR_RETURN_NOT_OK(RowsOf(window).Restore(cells, numbers, Prefix(window).size()));
    }
    Account();
    return Status::OK();
  }

 private:
  static std::string Prefix(const Window& window) {
    std::string prefix;
    StateWriter writer(&prefix);
    writer.Int(window.start);
    writer.Int(window.end);
    return prefix;
  }

  RankedRows& RowsOf(const Window& window) {
    const auto [at, fresh] = windows_.try_emplace({window.end, window.start}, plan_->schema, plan_->options);
    if (fresh && durable_) at->second.TrackChanges(Prefix(window));
    return at->second;
  }

  EventTime Expiry(EventTime end) const { return SaturatingAdd(end, plan_->windowing.allowed_lateness_us); }

  Status Emit(const Window& window, RankedRows* rows, Emitter& out) {
    WEIR_ASSIGN_OR_RETURN(auto changes, rows->TakeChanges(plan_->gives_changes));
    if (!changes) return Status::OK();
    if (!plan_->windowing.is_global()) {
      changes->set_window(Int64Column(window.start), Int64Column(window.end));
      changes->set_event_time(Int64Column(window.max_timestamp()));
    }
    return out.Emit(std::move(*changes));
  }

  void Account() {
    int64_t bytes = 0;
    for (const auto& [window, rows] : windows_) bytes += rows.size_bytes();
    reservation_.Set(bytes);
  }

  const std::shared_ptr<const TopPlan> plan_;
  LateRows late_;
  MemoryReservation reservation_;
  std::map<std::pair<EventTime, EventTime>, RankedRows> windows_;  // by end and start
  EventTime watermark_ = kMinEventTime;
  const bool durable_;
  StateCells gone_;  // of windows that are over, until the epoch ends
};

}  // namespace

StepBinding BindTopChanges(RankedRowsOptions options, BindContext& context) {
  const CollectionInfo& in = context.inputs()[0].info;
  const bool global = in.windowing.is_global();
  auto plan = std::make_shared<TopPlan>();
  plan->schema = in.schema;
  plan->late_schema = LateSchema(in.schema);
  plan->options = options;
  plan->options.takes_back = in.changes;
  plan->windowing = in.windowing;
  plan->gives_changes = global || in.changes || in.windowing.allowed_lateness_us > 0;
  StepBinding binding = RowWiseBinding(context, in.schema, {}, {},
                                       [plan](const OperatorContext& lane) -> Result<std::unique_ptr<Operator>> {
                                         return std::make_unique<TopChanges>(plan, lane);
                                       });
  CollectionInfo& info = binding.outputs[0].info;
  info.has_window = !global;
  info.changes = plan->gives_changes;
  CollectionInfo late = in;
  late.schema = plan->late_schema;
  late.windowing = WindowingStrategy{};
  late.has_window = false;
  binding.outputs.push_back({"late", std::move(late)});
  binding.can_reject = false;
  OperatorSpec& spec = binding.operators[0];
  spec.keeps = StateKeeping::kSnapshots;
  spec.outputs.push_back(plan->late_schema);
  spec.inputs = {options.keys.empty() ? Exchange{ExchangeKind::kGather, {}}
                                      : Exchange{ExchangeKind::kHash, options.keys}};
  if (options.keys.empty()) spec.max_lanes = 1;
  if (!global) {
    spec.notes = {StateNote(in.windowing, in.changes ? "rows" : "first rows")};
  } else if (in.changes) {
    spec.notes = {"state: all rows, since any may become one of the first: nothing bounds it"};
  } else if (!options.keys.empty()) {
    spec.notes = {"state: grows with the number of keys: nothing bounds it"};
  } else {
    spec.notes = {"state: the first " + std::to_string(options.n) + " rows"};
  }
  spec.needs = [width = in.schema->num_fields()](const std::vector<ColumnSet>&) {
    return std::vector<ColumnSet>{ColumnSet::All(width)};
  };
  return binding;
}

}  // namespace weir
