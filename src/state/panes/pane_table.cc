// Rows into cells, cells into panes.
#include "state/panes/pane_table.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>
#include <numeric>

#include "batch/gather.h"
#include "state/aggregate/numbered_columns.h"
#include "state/snapshot/state_cells.h"

namespace weir {

PaneTable::PaneTable(std::shared_ptr<const PaneRules> rules, Window window, AggregateStates states)
    : rules_(std::move(rules)), window_(window), keys_(rules_->key_types), states_(std::move(states)) {}

PaneTable::~PaneTable() = default;

Result<std::shared_ptr<PaneTable>> PaneTable::Make(std::shared_ptr<const PaneRules> rules, Window window) {
  WEIR_ASSIGN_OR_RETURN(AggregateStates states, AggregateStates::Make(rules->calls));
  return std::shared_ptr<PaneTable>(new PaneTable(std::move(rules), window, std::move(states)));
}

// ---- rows
// -------------------------------------------------------------------------------------------------------------

uint32_t PaneTable::AccumulatorOf(Cell* cell) {
  if (cell->accumulator == kNone) cell->accumulator = accumulators_++;
  return cell->accumulator;
}

void PaneTable::Touch(Cell* cell, const PaneRows& rows, int64_t row) {
  cell->flags |= kFresh;
  cell->live += rows.weights == nullptr ? 1 : rows.weights[row];
  if (rules_->windowing.output_time == OutputTime::kEndOfWindow) return;
  const EventTime time = rows.times.at(row);
  const bool earliest = rules_->windowing.output_time == OutputTime::kEarliest;
  if (!cell->has_time || (earliest ? time < cell->time : time > cell->time)) cell->time = time;
  cell->has_time = true;
}

void PaneTable::NoteTimer(uint32_t cell) {
  const int64_t next = rules_->trigger.NextTimer(slots(cell));
  if (next < kMaxEventTime) timers_.emplace(next, cell);
}

void PaneTable::Grow(size_t cells) {
  if (cells <= cells_.size()) return;
  cells_.resize(cells);
  slots_.resize(cells * rules_->trigger.num_slots());
}

Status PaneTable::Add(const PaneRows& rows, const TriggerMachine::Now& now, std::deque<PaneBatch>* ready,
                      std::vector<int32_t>* dropped) {
  ids_.resize(std::max<size_t>(ids_.size(), rows.rows));
  WEIR_RETURN_NOT_OK(keys_.Lookup(rows.keys, rows.rows, ids_.data()));
  Grow(keys_.num_groups());
  return AddToCells(ids_.data(), rows, now, ready, dropped);
}

Status PaneTable::AddToCells(const uint32_t* cells, const PaneRows& rows, const TriggerMachine::Now& now,
                             std::deque<PaneBatch>* ready, std::vector<int32_t>* dropped) {
  if (dead_ > 1024 && dead_ > accumulators_ / 2) WEIR_RETURN_NOT_OK(Compact());
  const TriggerMachine& trigger = rules_->trigger;
  if (!now.passed && !trigger.fires_on_rows() && !trigger.can_finish()) return AddAll(cells, rows, now);
  return AddInRounds(cells, rows, now, ready, dropped);
}

// No row can set off a pane: all at once.
Status PaneTable::AddAll(const uint32_t* ids, const PaneRows& rows, const TriggerMachine::Now& now) {
  accumulator_of_row_.resize(std::max<size_t>(accumulator_of_row_.size(), rows.rows));
  const bool slots_used = rules_->trigger.num_slots() > 0;
  for (int64_t i = 0; i < rows.rows; ++i) {
    Cell& cell = cells_[ids[i]];
    marks_.Mark(ids[i]);
    Touch(&cell, rows, i);
    accumulator_of_row_[i] = AccumulatorOf(&cell);
    if (!slots_used) continue;
    const int64_t before = rules_->trigger.NextTimer(slots(ids[i]));
    rules_->trigger.OnRow(slots(ids[i]), now);
    if (rules_->trigger.NextTimer(slots(ids[i])) != before) NoteTimer(ids[i]);
  }
  return states_.Update(accumulator_of_row_.data(), accumulators_, rows.values, rows.weights, rows.rows);
}

// A row may set off a pane, which must not hold the rows behind it. Triggers do not look at sums, so they are run
// first: a row's round is the number of panes that its cell gave for earlier rows of the batch. Then round by round all
// cells together.
Status PaneTable::AddInRounds(const uint32_t* ids, const PaneRows& rows, const TriggerMachine::Now& now,
                              std::deque<PaneBatch>* ready, std::vector<int32_t>* dropped) {
  const TriggerMachine& trigger = rules_->trigger;
  std::vector<Round> rounds;
  for (int64_t i = 0; i < rows.rows; ++i) {
    const uint32_t id = ids[i];
    if (finished(id)) {
      dropped->push_back(static_cast<int32_t>(i));
      continue;
    }
    Cell& cell = cells_[id];
    if (rounds.size() <= cell.round) rounds.emplace_back();
    Round& round = rounds[cell.round];
    round.rows.push_back(static_cast<int32_t>(i));
    round.accumulators.push_back(id);  // replaced by the accumulator when the round comes
    trigger.OnRow(slots(id), now);
    if (!trigger.ShouldFire(slots(id), now, true)) {
      NoteTimer(id);
      continue;
    }
    if (trigger.OnFire(slots(id), now)) cell.flags |= kFinished;
    round.fired.push_back(id);
    ++cell.round;
  }
  for (const Round& round : rounds) {
    for (uint32_t id : round.fired) cells_[id].round = 0;
  }
  for (Round& round : rounds) {
    for (size_t i = 0; i < round.rows.size(); ++i) {
      Cell& cell = cells_[round.accumulators[i]];
      marks_.Mark(round.accumulators[i]);
      Touch(&cell, rows, round.rows[i]);
      round.accumulators[i] = AccumulatorOf(&cell);
    }
    WEIR_RETURN_NOT_OK(RunRound(round, rows, now.passed ? PaneTiming::kLate : PaneTiming::kEarly, ready));
  }
  return Status::OK();
}

Status PaneTable::RunRound(const Round& round, const PaneRows& rows, PaneTiming timing, std::deque<PaneBatch>* ready) {
  const auto count = static_cast<int64_t>(round.rows.size());
  std::vector<ArrayDataPtr> values = rows.values;
  std::vector<int64_t> weights;
  if (count < rows.rows) {
    for (ArrayDataPtr& value : values) {
      if (value == nullptr) continue;
      WEIR_ASSIGN_OR_RETURN(value, GatherColumn(value, round.rows));
    }
    if (rows.weights != nullptr) {
      for (int32_t row : round.rows) weights.push_back(rows.weights[row]);
    }
  } else if (rows.weights != nullptr) {
    weights.assign(rows.weights, rows.weights + count);
  }
  WEIR_RETURN_NOT_OK(states_.Update(round.accumulators.data(), accumulators_, values,
                                    rows.weights == nullptr ? nullptr : weights.data(), count));
  return FireByIndex(round.fired, timing, ready);
}

// ---- time
// -------------------------------------------------------------------------------------------------------------

void PaneTable::Pass(int64_t processing_us, bool expired, PaneQueue* out) {
  passed_ = true;
  std::vector<uint32_t> all(cells_.size());
  std::iota(all.begin(), all.end(), 0);
  if (marks_.on() && !expired) {
    for (uint32_t id : all) marks_.Mark(id);
  }
  PassCells(all, processing_us, expired, out);
}

void PaneTable::PassCells(const std::vector<uint32_t>& cells, int64_t processing_us, bool expired, PaneQueue* out) {
  const TriggerMachine::Now now{processing_us, true};
  std::vector<uint32_t> fired;
  for (uint32_t id : cells) {
    if (finished(id)) continue;
    const bool fresh = (cells_[id].flags & kFresh) != 0;
    const bool fires = rules_->trigger.ShouldFire(slots(id), now, fresh);
    if (!fires && !(expired && fresh)) continue;
    if (fires && rules_->trigger.OnFire(slots(id), now)) cells_[id].flags |= kFinished;
    fired.push_back(id);
  }
  out->Add(shared_from_this(), std::move(fired), PaneTiming::kOnTime, expired);
}

void PaneTable::Expire(PaneQueue* out) {
  std::vector<uint32_t> all(cells_.size());
  std::iota(all.begin(), all.end(), 0);
  ExpireCells(all, out);
}

void PaneTable::ExpireCells(const std::vector<uint32_t>& cells, PaneQueue* out) {
  std::vector<uint32_t> rest;
  for (uint32_t id : cells) {
    if (!finished(id) && (cells_[id].flags & kFresh) != 0) rest.push_back(id);
  }
  out->Add(shared_from_this(), std::move(rest), PaneTiming::kLate, true);
}

Status PaneTable::RunTimers(int64_t processing_us, std::deque<PaneBatch>* ready) {
  std::vector<uint32_t> early, late;
  while (!timers_.empty() && timers_.top().first <= processing_us) {
    const uint32_t id = timers_.top().second;
    timers_.pop();
    const TriggerMachine::Now now{processing_us, sessions_ ? cell_passed(id) : passed_};
    const bool fresh = (cells_[id].flags & kFresh) != 0;
    // Entries of panes that were given meanwhile are still in the heap.
    if (finished(id) || !rules_->trigger.ShouldFire(slots(id), now, fresh)) continue;
    if (rules_->trigger.OnFire(slots(id), now)) cells_[id].flags |= kFinished;
    (now.passed ? late : early).push_back(id);
  }
  WEIR_RETURN_NOT_OK(FireByIndex(std::move(early), PaneTiming::kEarly, ready));
  return FireByIndex(std::move(late), PaneTiming::kLate, ready);
}

EventTime PaneTable::hold() const {
  if (rules_->windowing.output_time != OutputTime::kEarliest) return kMaxEventTime;
  EventTime earliest = kMaxEventTime;
  for (const Cell& cell : cells_) {
    if ((cell.flags & (kFresh | kFinished)) == kFresh && cell.has_time) earliest = std::min(earliest, cell.time);
  }
  return earliest;
}

// ---- panes
// ------------------------------------------------------------------------------------------------------------

Status PaneTable::FireByIndex(std::vector<uint32_t> cells, PaneTiming timing, std::deque<PaneBatch>* ready) {
  std::stable_sort(cells.begin(), cells.end(), [&](uint32_t a, uint32_t b) { return PaneLess(a, b); });
  for (size_t begin = 0; begin < cells.size();) {
    size_t end = begin + 1;
    while (end < cells.size() && SamePane(cells[begin], cells[end])) ++end;
    WEIR_RETURN_NOT_OK(Fire({cells.data() + begin, end - begin}, timing, false, ready));
    begin = end;
  }
  return Status::OK();
}

Status PaneTable::Fire(std::span<const uint32_t> cells, PaneTiming timing, bool last, std::deque<PaneBatch>* ready) {
  const Pane pane{timing, cells_[cells[0]].index, cells_[cells[0]].index == 0, last || finished(cells[0])};
  const bool retracting = rules_->windowing.accumulation == Accumulation::kRetracting;
  if (retracting) WEIR_RETURN_NOT_OK(TakeBack(cells, pane, ready));
  WEIR_ASSIGN_OR_RETURN(PaneBatch out, Results(cells));
  SetTime(cells, &out.batch);
  out.batch.set_pane(pane);
  if (retracting) {
    out.batch.set_weight(Int64Column(1));
    WEIR_RETURN_NOT_OK(Remember(cells, out));
  }
  if (rules_->changes) DropEmptyGroups(cells, &out);
  for (uint32_t id : cells) {
    Cell& cell = cells_[id];
    marks_.Mark(id);
    ++cell.index;
    cell.flags &= static_cast<uint8_t>(~kFresh);
    if (finished(id) || rules_->windowing.accumulation == Accumulation::kDiscarding) Release(&cell);
  }
  if (dead_ == accumulators_) {
    states_.Clear();
    dead_ = accumulators_ = 0;
  }
  ready->push_back(std::move(out));
  return Status::OK();
}

// Every row was taken back, or more than came so far: there is no such group. What a discarding pane says is a
// difference, which may be of rows taken back alone.
bool PaneTable::gone(const Cell& cell) const {
  if (!rules_->changes) return false;
  return rules_->windowing.accumulation == Accumulation::kDiscarding ? cell.live == 0 : cell.live <= 0;
}

// Groups whose rows were all taken back have no result.
void PaneTable::DropEmptyGroups(std::span<const uint32_t> cells, PaneBatch* out) const {
  std::vector<int32_t> alive;
  std::vector<RowError> errors;
  size_t error = 0;
  for (size_t i = 0; i < cells.size(); ++i) {
    const bool failed = error < out->errors.size() && out->errors[error].row == static_cast<int64_t>(i);
    if (!gone(cells_[cells[i]])) {
      if (failed) errors.push_back({static_cast<int64_t>(alive.size()), out->errors[error].message});
      alive.push_back(static_cast<int32_t>(i));
    }
    if (failed) ++error;
  }
  if (alive.size() == cells.size()) return;
  out->errors = std::move(errors);
  const auto count = static_cast<int64_t>(alive.size());
  out->batch = out->batch.Select({arrow::Buffer::FromVector(std::move(alive)), count});
}

void PaneTable::Release(Cell* cell) {
  cell->accumulator = kNone;
  cell->live = 0;
  cell->has_time = false;
  ++dead_;
}

Result<PaneBatch> PaneTable::Results(std::span<const uint32_t> cells) {
  PaneBatch out;
  std::vector<uint32_t> accumulators;
  for (uint32_t id : cells) accumulators.push_back(AccumulatorOf(&cells_[id]));
  states_.Reserve(accumulators_);
  std::vector<uint32_t> keys;
  for (uint32_t id : cells) keys.push_back(sessions_ ? key_of_cell_[id] : id);
  WEIR_ASSIGN_OR_RETURN(auto columns, ColumnsOfNumbers(keys, nullptr, [&](uint32_t begin, uint32_t end, auto*) {
                          return keys_.KeyColumns(begin, end);
                        }));
  WEIR_ASSIGN_OR_RETURN(
      auto results,
      ColumnsOfNumbers(accumulators, &out.errors, [&](uint32_t begin, uint32_t end, std::vector<RowError>* errors) {
        return states_.Finish(begin, end, errors);
      }));
  columns.insert(columns.end(), results.begin(), results.end());
  out.batch = Batch(rules_->output_schema, std::move(columns), static_cast<int64_t>(cells.size()));
  return out;
}

void PaneTable::SetTime(std::span<const uint32_t> cells, Batch* batch) const {
  const bool at_end = rules_->windowing.output_time == OutputTime::kEndOfWindow;
  if (!sessions_) {
    if (!rules_->windowing.is_global()) batch->set_window(Int64Column(window_.start), Int64Column(window_.end));
    if (at_end) batch->set_event_time(Int64Column(window_.max_timestamp()));
    if (at_end) return;
  }
  std::vector<int64_t> starts, ends, times;
  for (uint32_t id : cells) {
    const Window& window = sessions_ ? window_of_cell_[id] : window_;
    starts.push_back(window.start);
    ends.push_back(window.end);
    times.push_back(!at_end && cells_[id].has_time ? cells_[id].time : window.max_timestamp());
  }
  const auto column = [](std::vector<int64_t> values) {
    return Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(values))));
  };
  if (sessions_) batch->set_window(column(std::move(starts)), column(std::move(ends)));
  batch->set_event_time(column(std::move(times)));
}

// What the last panes of these cells said, with weight -1, in the windows that they had then.
Status PaneTable::TakeBack(std::span<const uint32_t> cells, const Pane& pane, std::deque<PaneBatch>* ready) {
  std::vector<SourceRow> rows;
  for (uint32_t id : cells) {
    if (cells_[id].emitted.source >= 0) rows.push_back(cells_[id].emitted);
    cells_[id].emitted = {};
  }
  return TakeBackRows(rows, pane, ready);
}

Status PaneTable::TakeBackRows(const std::vector<SourceRow>& rows, const Pane& pane, std::deque<PaneBatch>* ready) {
  if (rows.empty()) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(Batch batch, Emitted(rows));
  emitted_rows_ -= static_cast<int64_t>(rows.size());
  if (emitted_rows_ == 0) {
    emitted_.clear();
    emitted_cells_.clear();
  }
  batch.set_pane(pane);
  batch.set_weight(Int64Column(-1));
  ready->push_back({std::move(batch), {}});
  return Status::OK();
}

/// Rows of earlier panes, with their times and windows.
Result<Batch> PaneTable::Emitted(const std::vector<SourceRow>& rows) const {
  std::vector<ArrayDataPtr> columns;
  for (int i = 0; i < rules_->output_schema->num_fields(); ++i) {
    std::vector<ArrayDataPtr> sources;
    for (const Batch& batch : emitted_) sources.push_back(batch.column(i));
    WEIR_ASSIGN_OR_RETURN(auto column, GatherRows(rules_->output_schema->field(i)->type(), sources, rows));
    columns.push_back(std::move(column));
  }
  Batch out(rules_->output_schema, std::move(columns), static_cast<int64_t>(rows.size()));
  std::vector<int64_t> starts, ends, times;
  for (const SourceRow& row : rows) {
    const Batch& batch = emitted_[row.source];
    times.push_back(batch.event_time().at(row.row));
    if (!batch.has_window()) continue;
    starts.push_back(batch.window_start().at(row.row));
    ends.push_back(batch.window_end().at(row.row));
  }
  const auto column = [](std::vector<int64_t> values) {
    return Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(values))));
  };
  if (starts.size() == rows.size()) out.set_window(column(std::move(starts)), column(std::move(ends)));
  out.set_event_time(column(std::move(times)));
  return out;
}

// Keeps what is given now, so that it can be taken back: not the groups that have no result. Stores that are many are
// packed from the last on, as far as each is not twice as big as those behind it: a row moves a logarithm of times.
Status PaneTable::Remember(std::span<const uint32_t> cells, const PaneBatch& pane) {
  int64_t stored = 0;
  for (const Batch& one : emitted_) stored += one.num_rows();
  if (stored > 2 * emitted_rows_ + 1024) {
    WEIR_RETURN_NOT_OK(PackEmitted(0));
  } else if (emitted_.size() > 16) {
    size_t first = emitted_.size() - 1;
    int64_t behind = emitted_[first].num_rows();
    while (first > 0 && emitted_[first - 1].num_rows() < 2 * behind) behind += emitted_[--first].num_rows();
    WEIR_RETURN_NOT_OK(PackEmitted(first));
  }
  const auto source = static_cast<int32_t>(emitted_.size());
  size_t error = 0;
  for (size_t i = 0; i < cells.size(); ++i) {
    Cell& cell = cells_[cells[i]];
    const bool failed = error < pane.errors.size() && pane.errors[error].row == static_cast<int64_t>(i);
    if (failed) ++error;
    if (failed || gone(cell)) continue;
    cell.emitted = {source, static_cast<int32_t>(i)};
    ++emitted_rows_;
  }
  emitted_.push_back(pane.batch);
  emitted_cells_.emplace_back(cells.begin(), cells.end());
  return Status::OK();
}

// Makes one store of those from `first` on, without the rows that were taken back meanwhile.
Status PaneTable::PackEmitted(size_t first) {
  if (first > 0 && first + 1 == emitted_.size()) return Status::OK();
  std::vector<SourceRow> rows;
  std::vector<uint32_t> cells;
  for (size_t store = first; store < emitted_.size(); ++store) {
    for (size_t row = 0; row < emitted_cells_[store].size(); ++row) {
      const uint32_t cell = emitted_cells_[store][row];
      const SourceRow& at = cells_[cell].emitted;
      if (at.source != static_cast<int32_t>(store) || at.row != static_cast<int32_t>(row)) continue;
      rows.push_back(at);
      cells.push_back(cell);
    }
  }
  std::optional<Batch> packed;
  if (!rows.empty()) {
    WEIR_ASSIGN_OR_RETURN(packed, Emitted(rows));
  }
  emitted_.resize(first);
  emitted_cells_.resize(first);
  if (!packed) return Status::OK();
  for (size_t i = 0; i < cells.size(); ++i) {
    cells_[cells[i]].emitted = {static_cast<int32_t>(first), static_cast<int32_t>(i)};
  }
  emitted_.push_back(std::move(*packed));
  emitted_cells_.push_back(std::move(cells));
  return Status::OK();
}

// ---- sessions
// ---------------------------------------------------------------------------------------------------------

Result<std::shared_ptr<PaneTable>> PaneTable::MakeForSessions(std::shared_ptr<const PaneRules> rules) {
  WEIR_ASSIGN_OR_RETURN(auto table, Make(std::move(rules), Window{}));
  table->sessions_ = true;
  return table;
}

uint32_t PaneTable::NewCell(uint32_t key, const Window& window) {
  if (!free_cells_.empty()) {
    const uint32_t cell = free_cells_.back();
    free_cells_.pop_back();
    key_of_cell_[cell] = key;
    window_of_cell_[cell] = window;
    marks_.Mark(cell);
    return cell;
  }
  key_of_cell_.push_back(key);
  window_of_cell_.push_back(window);
  Grow(key_of_cell_.size());
  marks_.Mark(static_cast<uint32_t>(key_of_cell_.size()) - 1);
  return static_cast<uint32_t>(key_of_cell_.size()) - 1;
}

void PaneTable::FreeCell(uint32_t cell) {
  if (marks_.stored(cell)) {
    freed_.emplace_back(key_of_cell_[cell], stored_window_[cell]);
    marks_.set_stored(cell, false);
  }
  if (cells_[cell].accumulator != kNone) Release(&cells_[cell]);
  if (cells_[cell].emitted.source >= 0) --emitted_rows_;
  cells_[cell] = {};
  std::fill_n(slots(cell), rules_->trigger.num_slots(), 0);
  free_cells_.push_back(cell);
}

Status PaneTable::MergeCells(uint32_t into, uint32_t from, std::deque<PaneBatch>* ready) {
  marks_.Mark(into);
  Cell& to = cells_[into];
  Cell& other = cells_[from];
  if (other.accumulator != kNone) {
    WEIR_ASSIGN_OR_RETURN(auto partial, states_.Partial(other.accumulator, other.accumulator + 1));
    const uint32_t accumulator = AccumulatorOf(&to);
    WEIR_RETURN_NOT_OK(states_.Merge(&accumulator, accumulators_, partial, 1));
  }
  const Pane pane{PaneTiming::kUnknown, other.index, other.index == 0, true};
  if (other.emitted.source >= 0) WEIR_RETURN_NOT_OK(TakeBack({&from, 1}, pane, ready));
  const bool earliest = rules_->windowing.output_time == OutputTime::kEarliest;
  if (other.has_time && (!to.has_time || (earliest ? other.time < to.time : other.time > to.time)))
    to.time = other.time;
  to.has_time |= other.has_time;
  to.live += other.live;
  to.index = std::max(to.index, other.index);
  to.flags |= other.flags & kFresh;
  rules_->trigger.Merge(slots(into), slots(from));
  NoteTimer(into);
  FreeCell(from);
  return Status::OK();
}

Status PaneTable::RenumberKeys(GroupTable keys, const std::vector<uint32_t>& new_numbers) {
  if (!freed_.empty()) {
    if (before_renumbering_ == nullptr) before_renumbering_ = std::make_unique<StateCells>();
    WEIR_RETURN_NOT_OK(PutFreed(before_renumbering_.get()));
    freed_.clear();
  }
  keys_ = std::move(keys);
  for (uint32_t& key : key_of_cell_) {
    // A cell that is free keeps the number of a key that may have gone long ago.
    if (key < new_numbers.size()) key = new_numbers[key];
  }
  return Status::OK();
}

// ---- memory
// -----------------------------------------------------------------------------------------------------------

// New accumulators for those that are alive: states have no other way to go.
Status PaneTable::Compact() {
  std::vector<uint32_t> alive, numbers;
  for (Cell& cell : cells_) {
    if (cell.accumulator == kNone) continue;
    alive.push_back(cell.accumulator);
    cell.accumulator = static_cast<uint32_t>(numbers.size());
    numbers.push_back(cell.accumulator);
  }
  WEIR_ASSIGN_OR_RETURN(AggregateStates states, AggregateStates::Make(rules_->calls));
  if (!alive.empty()) {
    WEIR_ASSIGN_OR_RETURN(auto partial, ColumnsOfNumbers(alive, nullptr, [&](uint32_t begin, uint32_t end, auto*) {
                            return states_.Partial(begin, end);
                          }));
    WEIR_RETURN_NOT_OK(states.Merge(numbers.data(), static_cast<uint32_t>(numbers.size()), partial,
                                    static_cast<int64_t>(numbers.size())));
  }
  states_ = std::move(states);
  accumulators_ = static_cast<uint32_t>(numbers.size());
  dead_ = 0;
  return Status::OK();
}

int64_t PaneTable::size_bytes() const {
  int64_t bytes = keys_.size_bytes() + states_.size_bytes();
  bytes += static_cast<int64_t>(cells_.capacity() * sizeof(Cell) + slots_.capacity() * 8 + timers_.size() * 16);
  for (const Batch& batch : emitted_) bytes += batch.size_bytes() + batch.num_rows() * 4;
  return bytes;
}

// ---- queue
// ------------------------------------------------------------------------------------------------------------

void PaneQueue::Add(std::shared_ptr<PaneTable> table, std::vector<uint32_t> cells, PaneTiming timing, bool last) {
  if (cells.empty()) return;
  // Cells of one pane index side by side; nearly always all are.
  std::stable_sort(cells.begin(), cells.end(), [&](uint32_t a, uint32_t b) { return table->PaneLess(a, b); });
  items_.push_back({std::move(table), std::move(cells), 0, timing, last});
}

Result<std::optional<PaneBatch>> PaneQueue::Next() {
  while (ready_.empty() && !items_.empty()) {
    Item& item = items_.front();
    const size_t begin = item.next;
    const size_t most = std::min(item.cells.size(), begin + static_cast<size_t>(batch_rows_));
    size_t end = begin + 1;
    while (end < most && item.table->SamePane(item.cells[begin], item.cells[end])) ++end;
    WEIR_RETURN_NOT_OK(item.table->Fire({item.cells.data() + begin, end - begin}, item.timing, item.last, &ready_));
    item.next = end;
    if (end == item.cells.size()) items_.pop_front();
  }
  if (ready_.empty()) return std::nullopt;
  PaneBatch out = std::move(ready_.front());
  ready_.pop_front();
  return out;
}

}  // namespace weir
