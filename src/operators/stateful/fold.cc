// In the order of event time rows wait until the watermark has passed them, and are sorted. Rows of one key within a
// batch must follow one another: round 0 has the first row of every key, round 1 the second, and each round is computed
// as one batch.
#include "operators/stateful/fold.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>
#include <optional>
#include <queue>

#include "batch/gather.h"
#include "batch/types.h"
#include "operators/stateful/keyed_rows.h"
#include "operators/support/good_rows.h"
#include "operators/support/late_rows.h"
#include "state/cells/keyed_cells.h"
#include "state/cells/waiting_cells.h"
#include "state/sort/sorter.h"

namespace weir {
namespace {

// Tables of cells.
constexpr int kStateTable = 0, kWaitingTable = 1;

/// Rows that wait for the watermark, given in an order that does not depend on how they came: by event time, then by
/// their fields.
class WaitingRows {
 public:
  WaitingRows(const FoldPlan& plan, const OperatorContext& lane)
      : bounded_(plan.bounded), input_(plan.input), cells_(kWaitingTable, plan.input, plan.keys) {
    arrow::FieldVector fields = plan.input->fields();
    fields.push_back(arrow::field("", arrow::int64()));
    timed_ = arrow::schema(std::move(fields));
    options_.keys.push_back({timed_->num_fields() - 1, false, false});
    for (int i = 0; i < input_->num_fields(); ++i) {
      if (IsSortable(*input_->field(i)->type())) options_.keys.push_back({i, false, false});
    }
    options_.batch_rows = lane.batch_rows;
    options_.temp_dir = lane.temp_dir;
    options_.memory = lane.memory;
    if (bounded_) sorter_ = std::make_unique<Sorter>(timed_, options_);
  }

  Status Add(Batch batch) {
    if (bounded_) return sorter_->Add(WithTime(batch));
    cells_.Add(batch);
    waiting_.push_back(batch.Compact());
    for (int64_t i = 0; i < batch.num_rows(); ++i) earliest_ = std::min(earliest_, batch.event_time().at(i));
    return Status::OK();
  }

  /// Next gives rows older than `watermark` from now on.
  Status Release(EventTime watermark) {
    if (bounded_) return watermark == kMaxEventTime ? sorter_->Finish() : Status::OK();
    sorter_.reset();
    if (earliest_ >= watermark) return Status::OK();  // most watermarks release nothing
    sorter_ = std::make_unique<Sorter>(timed_, options_);
    std::vector<Batch> rest;
    earliest_ = kMaxEventTime;
    for (Batch& batch : waiting_) {
      std::vector<int32_t> ready, later;
      for (int64_t i = 0; i < batch.num_rows(); ++i) {
        const EventTime time = batch.event_time().at(i);
        (time < watermark ? ready : later).push_back(static_cast<int32_t>(i));
        if (time >= watermark) earliest_ = std::min(earliest_, time);
      }
      if (ready.empty()) {
        rest.push_back(std::move(batch));
        continue;
      }
      WEIR_ASSIGN_OR_RETURN(const Batch released, GatherBatch(batch, ready));
      WEIR_RETURN_NOT_OK(sorter_->Add(WithTime(released)));
      if (later.empty()) continue;
      WEIR_ASSIGN_OR_RETURN(Batch kept, GatherBatch(batch, later));
      rest.push_back(std::move(kept));
    }
    waiting_ = std::move(rest);
    return sorter_->Finish();
  }

  Result<std::optional<Batch>> Next() {
    if (sorter_ == nullptr) return std::nullopt;
    WEIR_ASSIGN_OR_RETURN(std::optional<Batch> batch, sorter_->Next());
    if (!batch) return batch;
    std::vector<int> columns(static_cast<size_t>(input_->num_fields()));
    for (size_t i = 0; i < columns.size(); ++i) columns[i] = static_cast<int>(i);
    return batch->Project(input_, columns);
  }

  // Durable runs, where it never ends.
  void TrackChanges() { cells_.TurnOn(); }
  Status PutChanges(EventTime watermark, StateCells* out) { return cells_.Put(watermark, out); }
  Status Restore(const StateCells& cells) {
    WEIR_ASSIGN_OR_RETURN(waiting_, cells_.Restore(cells));
    for (const Batch& batch : waiting_) {
      for (int64_t i = 0; i < batch.num_rows(); ++i) earliest_ = std::min(earliest_, batch.event_time().at(i));
    }
    return Status::OK();
  }

  int64_t spilled_bytes() const { return sorter_ ? sorter_->spilled_bytes() : 0; }
  int64_t size_bytes() const {
    int64_t bytes = 0;
    for (const Batch& batch : waiting_) bytes += batch.size_bytes();
    return bytes;
  }

 private:
  Batch WithTime(const Batch& batch) const {
    std::vector<int> columns(static_cast<size_t>(input_->num_fields()));
    for (size_t i = 0; i < columns.size(); ++i) columns[i] = static_cast<int>(i);
    columns.push_back(-1);
    std::vector<int64_t> times;
    for (int64_t i = 0; i < batch.num_rows(); ++i) times.push_back(batch.event_time().at(i));
    auto data = arrow::ArrayData::Make(arrow::int64(), batch.num_rows(),
                                       {nullptr, BufferPtr(arrow::Buffer::FromVector(std::move(times)))}, 0);
    return batch.Project(timed_, columns, {std::move(data)});
  }

  const bool bounded_;
  const SchemaPtr input_;
  SchemaPtr timed_;
  SorterOptions options_;
  std::unique_ptr<Sorter> sorter_;
  std::vector<Batch> waiting_;
  EventTime earliest_ = kMaxEventTime;  // of the waiting rows
  WaitingCells cells_;
};

class Fold final : public Operator {
 public:
  Fold(std::shared_ptr<const FoldPlan> plan, const OperatorContext& lane)
      : plan_(std::move(plan)),
        waiting_(*plan_, lane),
        late_(LateSchema(plan_->input), lane),
        states_(KeyTypes(*plan_), plan_->initial) {
    for (const CompiledExprPtr& update : plan_->updates) updates_.emplace_back(update);
    if (lane.durable) marks_.TurnOn();
    if (lane.durable) waiting_.TrackChanges();
  }

  Status Process(int, Batch batch, Emitter& out) override {
    if (plan_->by_arrival) return Apply(batch, out);
    WEIR_ASSIGN_OR_RETURN(batch, WithoutLateRows(std::move(batch), out));
    return batch.num_rows() == 0 ? Status::OK() : waiting_.Add(std::move(batch));
  }

  Status OnWatermark(EventTime watermark, Emitter& out) override {
    watermark_ = watermark;
    if (plan_->by_arrival) return ExpireBefore(watermark, out);
    if (plan_->bounded && watermark != kMaxEventTime) return Status::OK();
    WEIR_RETURN_NOT_OK(waiting_.Release(watermark));
    return Resume(out);
  }

  Status Resume(Emitter& out) override {
    while (!out.full()) {
      WEIR_ASSIGN_OR_RETURN(std::optional<Batch> batch, waiting_.Next());
      if (!batch) {
        out.CountSpill(waiting_.spilled_bytes() - counted_spill_);
        counted_spill_ = plan_->bounded ? waiting_.spilled_bytes() : 0;
        return ExpireBefore(watermark_, out);
      }
      WEIR_RETURN_NOT_OK(Apply(*batch, out));
    }
    out.Yield();
    return Status::OK();
  }

  int64_t state_bytes() const override {
    return states_.size_bytes() + waiting_.size_bytes() + static_cast<int64_t>(timers_.size() * sizeof(Timer));
  }

  Status Snapshot(StateCells* out) override {
    out->AppendGroups(before_sweep_, 0, kKeyGroups);
    before_sweep_ = {};
    WEIR_RETURN_NOT_OK(PutStates(out));
    return waiting_.PutChanges(watermark_, out);
  }

  Status Restore(const StateCells& cells) override {
    RowStateReader keys(KeyTypes(*plan_)), rows(TypesOf(*plan_->initial.schema()));
    std::vector<int64_t> times;
    for (int64_t i = 0; i < cells.size(); ++i) {
      const StateCell cell = cells.at(i);
      if (cell.table != kStateTable) continue;
      StateReader value(cell.value);
      times.push_back(value.Int());
      WEIR_RETURN_NOT_OK(keys.Add(StateReader(cell.key).Bytes()));
      WEIR_RETURN_NOT_OK(rows.Add(value.Bytes()));
      if (!value.AtEnd()) return DamagedState();
    }
    if (!times.empty()) {
      WEIR_ASSIGN_OR_RETURN(const auto key_columns, keys.Finish());
      WEIR_ASSIGN_OR_RETURN(auto row_columns, rows.Finish());
      const auto count = static_cast<int64_t>(times.size());
      numbers_.resize(times.size());
      WEIR_RETURN_NOT_OK(states_.Lookup(key_columns, count, numbers_.data()));
      WEIR_RETURN_NOT_OK(states_.Put(numbers_, times, Batch(plan_->initial.schema(), std::move(row_columns), count)));
      StartOver();
    }
    return waiting_.Restore(cells);
  }

 private:
  struct Timer {
    int64_t at_us;
    uint32_t key;
    bool operator>(const Timer& other) const { return at_us > other.at_us; }
  };

  static std::vector<TypePtr> KeyTypes(const FoldPlan& plan) {
    std::vector<TypePtr> types;
    for (const int key : plan.keys) types.push_back(plan.input->field(key)->type());
    return types;
  }

  Result<Batch> WithoutLateRows(Batch batch, Emitter& out) {
    if (watermark_ == kMinEventTime) return batch;
    std::vector<int32_t> late, good;
    for (int64_t i = 0; i < batch.num_rows(); ++i) {
      (batch.event_time().at(i) < watermark_ ? late : good).push_back(static_cast<int32_t>(i));
    }
    if (late.empty()) return batch;
    std::vector<int64_t> times;
    for (const int32_t row : late) times.push_back(batch.event_time().at(row));
    WEIR_RETURN_NOT_OK(late_.Emit(batch, late, std::move(times), watermark_, out));
    return GatherBatch(batch, good);
  }

  Status Apply(const Batch& batch, Emitter& out) {
    const int64_t rows = batch.num_rows();
    std::vector<ArrayDataPtr> keys;
    for (const int key : plan_->keys) keys.push_back(batch.column(key));
    numbers_.resize(static_cast<size_t>(rows));
    WEIR_RETURN_NOT_OK(states_.Lookup(keys, rows, numbers_.data()));
    if (rounds_of_key_.size() < states_.num_keys()) rounds_of_key_.resize(states_.num_keys(), 0);
    std::vector<std::vector<int32_t>> rounds;
    for (int64_t i = 0; i < rows; ++i) {
      const uint32_t round = rounds_of_key_[numbers_[i]]++;
      if (round == rounds.size()) rounds.emplace_back();
      rounds[round].push_back(static_cast<int32_t>(i));
    }
    for (int64_t i = 0; i < rows; ++i) rounds_of_key_[numbers_[i]] = 0;
    for (const std::vector<int32_t>& round : rounds) WEIR_RETURN_NOT_OK(ApplyRound(batch, round, out));
    return Sweep();
  }

  Status ApplyRound(const Batch& batch, const std::vector<int32_t>& rows, Emitter& out) {
    std::vector<uint32_t> numbers, silent;
    std::vector<int64_t> times;
    for (const int32_t row : rows) {
      numbers.push_back(numbers_[static_cast<size_t>(row)]);
      times.push_back(batch.event_time().at(row));
      if (Expired(numbers.back(), times.back())) silent.push_back(numbers.back());
    }
    WEIR_RETURN_NOT_OK(Expire(silent, out));
    WEIR_ASSIGN_OR_RETURN(Batch input, GatherBatch(batch, rows));
    WEIR_ASSIGN_OR_RETURN(Batch before, states_.Get(numbers));
    std::vector<ArrayDataPtr> old_state, new_state;
    for (int i = 0; i < before.num_columns(); ++i) old_state.push_back(before.column(i));
    const Batch both = input.Project(plan_->both, Places(plan_->both), std::move(old_state));
    errors_.clear();
    for (ExprEvaluator& update : updates_) {
      WEIR_ASSIGN_OR_RETURN(ArrayDataPtr column, update.Eval(both, &errors_));
      WEIR_ASSIGN_OR_RETURN(column, DecodeDictionary(column));
      new_state.push_back(std::move(column));
    }
    Batch after(plan_->initial.schema(), new_state, input.num_rows());
    Batch result = input.Project(plan_->output, Places(plan_->output), std::move(new_state));
    if (!errors_.empty()) WEIR_RETURN_NOT_OK(KeepGood(input, &after, &result, &numbers, &times, out));
    if (numbers.empty()) return Status::OK();
    AddTimers(numbers, times);
    for (const uint32_t number : numbers) marks_.Mark(number);
    WEIR_RETURN_NOT_OK(states_.Put(numbers, times, std::move(after)));
    return out.Emit(std::move(result));
  }

  // A row that cannot be computed leaves the state of its key as it is.
  Status KeepGood(const Batch& input, Batch* after, Batch* result, std::vector<uint32_t>* numbers,
                  std::vector<int64_t>* times, Emitter& out) {
    SortRowErrors(&errors_);
    WEIR_RETURN_NOT_OK(out.Reject(input, errors_));
    WEIR_ASSIGN_OR_RETURN(const Selection good, GoodRows(input.num_rows(), errors_));
    std::vector<uint32_t> good_numbers;
    std::vector<int64_t> good_times;
    for (const int32_t row : good.span()) {
      good_numbers.push_back((*numbers)[static_cast<size_t>(row)]);
      good_times.push_back((*times)[static_cast<size_t>(row)]);
    }
    *numbers = std::move(good_numbers);
    *times = std::move(good_times);
    WEIR_ASSIGN_OR_RETURN(*after, GatherBatch(*after, good.span()));
    *result = result->Select(good);
    return Status::OK();
  }

  /// Columns of the input as they are, then fresh ones.
  std::vector<int> Places(const SchemaPtr& schema) const {
    std::vector<int> places;
    for (int i = 0; i < schema->num_fields(); ++i) {
      const int fresh = i - plan_->input->num_fields();
      places.push_back(fresh < 0 ? i : -1 - fresh);
    }
    return places;
  }

  bool Expired(uint32_t key, EventTime time) const {
    return plan_->expire_after_us > 0 && states_.live(key) && time - states_.last_us(key) >= plan_->expire_after_us;
  }

  // A key has at most one timer; where rows came since it was set, it is set anew when it fires.
  void AddTimers(const std::vector<uint32_t>& numbers, const std::vector<int64_t>& times) {
    if (plan_->expire_after_us == 0) return;
    if (has_timer_.size() < states_.num_keys()) has_timer_.resize(states_.num_keys(), false);
    for (size_t i = 0; i < numbers.size(); ++i) {
      if (has_timer_[numbers[i]]) continue;
      has_timer_[numbers[i]] = true;
      timers_.push({times[i] + plan_->expire_after_us, numbers[i]});
    }
  }

  Status ExpireBefore(EventTime watermark, Emitter& out) {
    std::vector<uint32_t> silent;
    while (!timers_.empty() && timers_.top().at_us <= watermark) {
      const uint32_t key = timers_.top().key;
      timers_.pop();
      has_timer_[key] = false;
      if (!states_.live(key)) continue;
      const int64_t due_us = states_.last_us(key) + plan_->expire_after_us;
      if (due_us > watermark) {
        has_timer_[key] = true;
        timers_.push({due_us, key});
      } else {
        silent.push_back(key);
      }
    }
    WEIR_RETURN_NOT_OK(Expire(silent, out));
    return Sweep();
  }

  /// Gives the state of `keys` to the output `expired`, and forgets it.
  Status Expire(const std::vector<uint32_t>& keys, Emitter& out) {
    if (keys.empty()) return Status::OK();
    WEIR_ASSIGN_OR_RETURN(Batch state, states_.Get(keys));
    std::vector<ArrayDataPtr> columns;
    for (size_t i = 0; i < plan_->keys.size(); ++i) {
      WEIR_ASSIGN_OR_RETURN(ArrayDataPtr column, states_.KeyColumn(static_cast<int>(i), keys));
      columns.push_back(std::move(column));
    }
    for (int i = 0; i < state.num_columns(); ++i) columns.push_back(state.column(i));
    std::vector<int64_t> times;
    for (const uint32_t key : keys) times.push_back(states_.last_us(key) + plan_->expire_after_us);
    for (const uint32_t key : keys) {
      states_.Drop(key);
      marks_.Mark(key);
    }
    Batch expired(plan_->expired, std::move(columns), static_cast<int64_t>(keys.size()));
    expired.set_event_time(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(times)))));
    return out.Emit(kExpiredPort, std::move(expired));
  }

  Status Sweep() {
    const bool renumbers = states_.will_renumber();
    if (renumbers && marks_.on()) WEIR_RETURN_NOT_OK(PutStates(&before_sweep_));
    WEIR_RETURN_NOT_OK(states_.Sweep());
    if (renumbers) StartOver();
    return Status::OK();
  }

  /// Keys have new numbers, all of them live and all put.
  void StartOver() {
    marks_.Clear();
    for (uint32_t key = 0; marks_.on() && key < states_.num_keys(); ++key) marks_.set_stored(key, true);
    timers_ = {};
    has_timer_.assign(states_.num_keys(), false);
    rounds_of_key_.assign(states_.num_keys(), 0);
    if (plan_->expire_after_us == 0) return;
    for (uint32_t key = 0; key < states_.num_keys(); ++key) {
      has_timer_[key] = true;
      timers_.push({states_.last_us(key) + plan_->expire_after_us, key});
    }
  }

  /// Of each key: when it was last touched, and its row.
  Status PutStates(StateCells* out) {
    std::vector<ArrayDataPtr> rows;
    int64_t next = 0;
    const auto columns = [&](std::span<const uint32_t> numbers) -> Result<std::vector<ArrayDataPtr>> {
      WEIR_ASSIGN_OR_RETURN(const Batch batch, states_.Get(numbers));
      rows.clear();
      for (int i = 0; i < batch.num_columns(); ++i) rows.push_back(batch.column(i));
      next = 0;
      return states_.KeyColumns(numbers);
    };
    std::string bytes;
    const auto value = [&](uint32_t number, StateWriter* writer) {
      bytes.clear();
      AppendRowState(rows, next++, &bytes);
      writer->Int(states_.last_us(number));
      writer->Bytes(bytes);
      return states_.live(number);
    };
    return PutMarked({kStateTable}, columns, value, &marks_, out);
  }

  const std::shared_ptr<const FoldPlan> plan_;
  WaitingRows waiting_;
  const LateRows late_;
  KeyedRows states_;
  std::vector<ExprEvaluator> updates_;
  EventTime watermark_ = kMinEventTime;
  int64_t counted_spill_ = 0;
  std::vector<uint32_t> numbers_, rounds_of_key_;
  std::vector<RowError> errors_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::vector<bool> has_timer_;
  CellMarks marks_;          // by key
  StateCells before_sweep_;  // what was put when keys got other numbers
};

}  // namespace

Result<std::unique_ptr<Operator>> MakeFold(std::shared_ptr<const FoldPlan> plan, const OperatorContext& lane) {
  return std::make_unique<Fold>(std::move(plan), lane);
}

}  // namespace weir
