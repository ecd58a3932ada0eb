// A count of each different row, by window. A row comes out when its count becomes positive, and goes when it stops
// being so.
#include "operators/changes/distinct_rows.h"

#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>
#include <map>
#include <utility>

#include "batch/gather.h"
#include "operators/combine/combine_binding.h"
#include "operators/support/late_rows.h"
#include "operators/support/slice_windows.h"
#include "operators/support/window_rows.h"
#include "state/cells/keyed_cells.h"
#include "state/changes/row_counts.h"
#include "state/memory_budget.h"

namespace weir {
namespace {

/// Those of a window.
struct Rows {
  explicit Rows(const std::vector<TypePtr>& types) : counts(types) {}
  auto columns() const {
    return [this](std::span<const uint32_t> numbers) { return counts.Columns(numbers); };
  }
  RowCounts counts;
  CellMarks marks;
};

class DistinctRows final : public Operator {
 public:
  DistinctRows(std::shared_ptr<const DistinctPlan> plan, const OperatorContext& lane)
      : plan_(plan), late_(plan->late_schema, lane), reservation_(lane.memory), durable_(lane.durable) {}

  Status Process(int, Batch batch, Emitter& out) override {
    if (batch.num_rows() == 0) return Status::OK();
    for (const WindowRows& list : RowsByWindow(batch, plan_->windowing)) {
      const EventTime expiry = SaturatingAdd(list.window.end, plan_->windowing.allowed_lateness_us);
      if (!plan_->windowing.is_global() && expiry <= watermark_) {
        WEIR_RETURN_NOT_OK(late_.Emit(batch, list.rows, list.window, watermark_, out));
      } else {
        WEIR_RETURN_NOT_OK(AddToWindow(batch, list, out));
      }
    }
    Account();
    return Status::OK();
  }

  Status OnWatermark(EventTime watermark, Emitter&) override {
    watermark_ = watermark;
    if (plan_->windowing.is_global()) return Status::OK();
    while (!windows_.empty() &&
           SaturatingAdd(windows_.begin()->first.first, plan_->windowing.allowed_lateness_us) <= watermark) {
      const Window window{windows_.begin()->first.second, windows_.begin()->first.first};
      const Rows& rows = windows_.begin()->second;
      if (durable_) WEIR_RETURN_NOT_OK(DeleteStored(PlaceOf(window), rows.columns(), rows.marks, &pending_));
      windows_.erase(windows_.begin());
    }
    Account();
    return Status::OK();
  }
  int64_t state_bytes() const override { return reservation_.bytes(); }

  Status Snapshot(StateCells* out) override {
    out->AppendGroups(pending_, 0, kKeyGroups);
    pending_ = {};
    for (auto& [window, rows] : windows_) WEIR_RETURN_NOT_OK(PutChanges({window.second, window.first}, &rows, out));
    return Status::OK();
  }

  Status Restore(const StateCells& cells) override {
    struct Read {
      explicit Read(const std::vector<TypePtr>& types) : rows(types) {}
      RowStateReader rows;
      std::vector<int64_t> counts;
    };
    std::map<std::pair<EventTime, EventTime>, Read> windows;
    for (int64_t i = 0; i < cells.size(); ++i) {
      StateReader key(cells.at(i).key), value(cells.at(i).value);
      const EventTime start = key.Int(), end = key.Int();
      Read& read = windows.try_emplace({start, end}, plan_->key_types).first->second;
      WEIR_RETURN_NOT_OK(read.rows.Add(key.Bytes()));
      read.counts.push_back(value.Int());
      if (!key.AtEnd() || !value.AtEnd()) return DamagedState();
    }
    for (auto& [window, read] : windows) {
      WEIR_ASSIGN_OR_RETURN(const auto columns, read.rows.Finish());
      Rows& rows = RowsOf({window.first, window.second});
      numbers_.resize(read.counts.size());
      WEIR_RETURN_NOT_OK(rows.counts.Number(columns, static_cast<int64_t>(read.counts.size()), numbers_.data()));
      for (size_t i = 0; i < numbers_.size(); ++i) {
        rows.counts.Add(numbers_[i], read.counts[i]);
        rows.marks.set_stored(numbers_[i], true);
      }
    }
    Account();
    return Status::OK();
  }

 private:
  Rows& RowsOf(const Window& window) {
    Rows& rows = windows_.try_emplace({window.end, window.start}, plan_->key_types).first->second;
    if (durable_) rows.marks.TurnOn();
    return rows;
  }

  static CellPlace PlaceOf(const Window& window) {
    CellPlace place;
    StateWriter writer(&place.prefix);
    writer.Int(window.start);
    writer.Int(window.end);
    return place;
  }

  static Status PutChanges(const Window& window, Rows* rows, StateCells* out) {
    const auto value = [rows](uint32_t number, StateWriter* writer) {
      writer->Int(rows->counts.count(number));
      return rows->counts.count(number) != 0;
    };
    return PutMarked(PlaceOf(window), rows->columns(), value, &rows->marks, out);
  }

  Status Compact(const Window& window, Rows* rows) {
    if (durable_) WEIR_RETURN_NOT_OK(PutChanges(window, rows, &pending_));
    WEIR_ASSIGN_OR_RETURN(const auto moved, rows->counts.Compact());
    rows->marks.Renumber(moved, RowCounts::kNone);
    return Status::OK();
  }

  Status AddToWindow(const Batch& batch, const WindowRows& list, Emitter& out) {
    Rows& of_window = RowsOf(list.window);
    RowCounts& counts = of_window.counts;
    const auto rows = static_cast<int64_t>(list.rows.size());
    const bool whole = rows == batch.num_rows();
    std::vector<ArrayDataPtr> keys;
    for (int key : plan_->keys) {
      ArrayDataPtr column = batch.column(key);
      if (!whole) {
        WEIR_ASSIGN_OR_RETURN(column, GatherColumn(column, list.rows));
      }
      keys.push_back(std::move(column));
    }
    numbers_.resize(std::max<size_t>(numbers_.size(), rows));
    WEIR_RETURN_NOT_OK(counts.Number(keys, rows, numbers_.data()));
    shown_.clear();
    weights_.clear();
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t weight = batch.has_weight() ? batch.weight().at(list.rows[i]) : 1;
      if (!plan_->changes && counts.count(numbers_[i]) > 0) continue;
      of_window.marks.Mark(numbers_[i]);
      const bool before = counts.Add(numbers_[i], weight) > 0;
      const bool after = counts.count(numbers_[i]) > 0;
      if (before == after) continue;
      shown_.push_back(static_cast<int32_t>(i));
      weights_.push_back(after ? 1 : -1);
    }
    if (plan_->changes && counts.wants_compaction()) WEIR_RETURN_NOT_OK(Compact(list.window, &of_window));
    return shown_.empty() ? Status::OK() : Emit(batch, list, keys, out);
  }

  Status Emit(const Batch& batch, const WindowRows& list, const std::vector<ArrayDataPtr>& keys, Emitter& out) {
    std::vector<ArrayDataPtr> columns;
    for (const ArrayDataPtr& key : keys) {
      WEIR_ASSIGN_OR_RETURN(auto column, GatherColumn(key, shown_));
      columns.push_back(std::move(column));
    }
    Batch result(plan_->schema, std::move(columns), static_cast<int64_t>(shown_.size()));
    const bool global = plan_->windowing.is_global();
    if (!global) result.set_window(Int64Column(list.window.start), Int64Column(list.window.end));
    if (global || plan_->windowing.output_time != OutputTime::kEndOfWindow) {
      std::vector<int64_t> times;
      for (int32_t i : shown_) times.push_back(batch.event_time().at(list.rows[i]));
      result.set_event_time(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(times)))));
    } else {
      result.set_event_time(Int64Column(list.window.max_timestamp()));
    }
    if (plan_->changes) result.set_weight(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(weights_)))));
    return out.Emit(std::move(result));
  }

  void Account() {
    int64_t bytes = 0;
    for (const auto& [window, rows] : windows_) bytes += rows.counts.size_bytes() + rows.marks.size_bytes();
    reservation_.Set(bytes);
  }

  const std::shared_ptr<const DistinctPlan> plan_;
  LateRows late_;
  MemoryReservation reservation_;
  std::map<std::pair<EventTime, EventTime>, Rows> windows_;  // by end and start
  const bool durable_;
  StateCells pending_;  // of windows that are over and rows that got other numbers, until the epoch ends
  EventTime watermark_ = kMinEventTime;
  std::vector<uint32_t> numbers_;  // of the window at hand, as the next two
  std::vector<int32_t> shown_;     // of its rows: which come out, with what weight
  std::vector<int64_t> weights_;
};

}  // namespace

bool CanGiveDistinctRows(const CollectionInfo& in) {
  return in.windowing.trigger.is_default() && (in.windowing.kind != WindowKind::kSessions || in.has_window);
}

StepBinding BindDistinctRows(const std::vector<int>& keys, BindContext& context) {
  const CollectionInfo& in = context.inputs()[0].info;
  auto plan = std::make_shared<DistinctPlan>();
  plan->keys = keys;
  arrow::FieldVector fields;
  for (int key : keys) {
    fields.push_back(in.schema->field(key));
    plan->key_types.push_back(in.schema->field(key)->type());
  }
  plan->schema = arrow::schema(std::move(fields));
  plan->late_schema = LateSchema(in.schema);
  plan->windowing = in.windowing;
  plan->changes = in.changes;
  const std::vector<int> computed(keys.size(), -1);
  StepBinding binding = RowWiseBinding(context, plan->schema, keys, computed,
                                       [plan](const OperatorContext& lane) -> Result<std::unique_ptr<Operator>> {
                                         return std::make_unique<DistinctRows>(plan, lane);
                                       });
  binding.outputs[0].info.has_window = !in.windowing.is_global();
  CollectionInfo late = in;
  late.schema = plan->late_schema;
  late.windowing = WindowingStrategy{};
  late.has_window = false;
  binding.outputs.push_back({"late", std::move(late)});
  binding.can_reject = false;
  OperatorSpec& spec = binding.operators[0];
  spec.inputs = {Exchange{ExchangeKind::kHash, keys}};
  spec.outputs.push_back(plan->late_schema);
  spec.keeps = StateKeeping::kSnapshots;
  spec.notes = {StateNote(in.windowing, "different rows")};
  spec.needs = [keys, width = in.schema->num_fields()](const std::vector<ColumnSet>& outputs) {
    if (!outputs[LateRows::kPort].ToIndices().empty()) return std::vector<ColumnSet>{ColumnSet::All(width)};
    ColumnSet needed = ColumnSet::None(width);
    needed.AddAll(keys);
    return std::vector<ColumnSet>{needed};
  };
  return binding;
}

}  // namespace weir
