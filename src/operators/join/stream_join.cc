// What comes out is, after every batch, the join of all rows so far: with L and R the rows of a key, their pairs, and,
// where a side is kept and the weights of the other sum up to nothing, its rows alone. A batch gives the difference
// (the bilinear rule of incremental joins: Budiu et al., DBSP, VLDB 2023).
#include "operators/join/stream_join.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <deque>
#include <map>
#include <numeric>
#include <utility>

#include "batch/gather.h"
#include "operators/support/good_rows.h"
#include "operators/support/window_rows.h"
#include "state/hash/hash.h"
#include "state/memory_budget.h"
#include "state/snapshot/state_bytes.h"
#include "state/snapshot/state_cells.h"

namespace weir {
namespace {

/// One window.
struct Cell {
  Cell(const Window& of, StreamTable::Options options) : window(of), table(std::move(options)) {}
  const Window window;
  StreamTable table;
  EventTime earliest = kMaxEventTime;  // of its rows
  int64_t bytes = 0;                   // accounted
};

/// Kept rows that come out beside nulls, or are taken back.
struct LoneRows {
  int side = kLeft;
  std::vector<uint32_t> rows;
  int64_t sign = 1;
};

/// What is still to come out of a batch, or of a window that is over. One thing after another.
struct Work {
  std::shared_ptr<Cell> cell;
  int side = kLeft;
  Batch rows;  // none: the window is over
  bool started = false;
  std::vector<LoneRows> lone;
  size_t lone_at = 0;
};

class StreamJoin final : public Operator {
 public:
  StreamJoin(StreamJoinOptions options, const OperatorContext& lane)
      : options_(std::move(options)),
        batch_rows_(std::max<int64_t>(lane.batch_rows, 1)),
        joined_(options_, lane),
        reservation_(lane.memory),
        durable_(lane.durable) {}

  Status Process(int port, Batch batch, Emitter& out) override;
  Status OnWatermark(EventTime watermark, Emitter& out) override;
  Status Finish(Emitter& out) override { return Resume(out); }
  Status Resume(Emitter& out) override;
  EventTime watermark_hold() const override;
  int64_t state_bytes() const override { return reservation_.bytes(); }
  Status Snapshot(StateCells* out) override;
  Status Restore(const StateCells& cells) override;

 private:
  const WindowingStrategy& windowing() const { return options_.join.windowing; }
  bool keep(int side) const { return options_.join.keep[side]; }
  bool keeps_any() const { return keep(kLeft) || keep(kRight); }
  EventTime ExpiryOf(EventTime end) const {
    return end > kMaxEventTime - windowing().allowed_lateness_us ? kMaxEventTime
                                                                 : end + windowing().allowed_lateness_us;
  }
  Status AddToWindow(int port, const Batch& batch, const WindowRows& list, Emitter& out);
  std::shared_ptr<Cell>& CellOf(const Window& window);
  /// Does a piece of the first work that waits; true: it is done.
  Result<bool> Step(Work* work, Emitter& out);
  Status Start(Work* work, Emitter& out);
  void FindPartnerless(Work* work);
  void FindTurned(const Work& work, std::vector<LoneRows>* lone);
  Status EmitUnpaired(const Work& work, const std::vector<uint32_t>& groups, Emitter& out);
  Status EmitInWindow(const Cell& cell, Batch batch, Emitter& out) const;
  void Account(Cell* cell);

  const StreamJoinOptions options_;
  const int64_t batch_rows_;
  JoinedRows joined_;
  MemoryReservation reservation_;
  std::map<std::pair<EventTime, EventTime>, std::shared_ptr<Cell>> cells_;  // by end and start of the window
  std::deque<Work> work_;
  PairCursor pairs_;  // of the first work
  std::vector<int32_t> pair_rows_;
  std::vector<uint32_t> pair_ids_, groups_;
  std::vector<int64_t> sums_before_;  // by group, where it is in touched_
  std::vector<bool> is_touched_;
  std::vector<uint32_t> touched_;
  int64_t bytes_ = 0;
  EventTime watermark_ = kMinEventTime;
  const bool durable_;
  StateCells gone_;  // of windows that are over, until the epoch ends
};

std::string PrefixOf(const Window& window) {
  std::string prefix;
  StateWriter writer(&prefix);
  writer.Int(window.start);
  writer.Int(window.end);
  return prefix;
}

Status StreamJoin::Snapshot(StateCells* out) {
  out->AppendGroups(gone_, 0, kKeyGroups);
  gone_ = {};
  for (auto& [end, cell] : cells_) WEIR_RETURN_NOT_OK(cell->table.PutChanges(PrefixOf(cell->window), out));
  return Status::OK();
}

Status StreamJoin::Restore(const StateCells& cells) {
  std::map<std::pair<EventTime, EventTime>, std::vector<int64_t>> of_window;
  for (int64_t i = 0; i < cells.size(); ++i) {
    StateReader key(cells.at(i).key);
    const EventTime start = key.Int(), end = key.Int();
    if (!key.ok()) return Status::Invalid("what a join kept is damaged");
    of_window[{start, end}].push_back(i);
  }
  for (const auto& [bounds, numbers] : of_window) {
    const Window window{bounds.first, bounds.second};
    Cell& cell = *CellOf(window);
    WEIR_RETURN_NOT_OK(cell.table.Restore(cells, numbers, PrefixOf(window).size()));
    for (int side : {kLeft, kRight}) {
      const ChainedRows& rows = cell.table.rows(side);
      for (uint32_t row = 0; row < rows.num_rows(); ++row) cell.earliest = std::min(cell.earliest, rows.time(row));
    }
    Account(&cell);
  }
  return Status::OK();
}

Status StreamJoin::Process(int port, Batch batch, Emitter& out) {
  for (const WindowRows& list : RowsByWindow(batch, windowing())) {
    WEIR_RETURN_NOT_OK(AddToWindow(port, batch, list, out));
  }
  return Resume(out);
}

std::shared_ptr<Cell>& StreamJoin::CellOf(const Window& window) {
  auto& cell = cells_[{window.end, window.start}];
  if (cell != nullptr) return cell;
  StreamTable::Options options;
  options.durable = durable_;
  for (int side : {kLeft, kRight}) {
    options.schemas[side] = options_.join.schemas[side];
    options.keys[side] = options_.join.keys[side];
    options.weights[side] = options_.changes[side];
  }
  cell = std::make_shared<Cell>(window, std::move(options));
  return cell;
}

Status StreamJoin::AddToWindow(int port, const Batch& batch, const WindowRows& list, Emitter& out) {
  if (ExpiryOf(list.window.end) <= watermark_) {
    return joined_.EmitLate(port, batch, list.rows, list.window, watermark_, out);
  }
  Work work{CellOf(list.window), port, batch, false, {}, 0};
  if (static_cast<int64_t>(list.rows.size()) < batch.num_rows()) {
    WEIR_ASSIGN_OR_RETURN(Selection selection, SelectionOf(list.rows));
    work.rows = batch.Select(selection);
  }
  work_.push_back(std::move(work));
  return Status::OK();
}

Status StreamJoin::OnWatermark(EventTime watermark, Emitter& out) {
  watermark_ = watermark;
  while (!cells_.empty() && ExpiryOf(cells_.begin()->first.first) <= watermark) {
    std::shared_ptr<Cell> cell = std::move(cells_.begin()->second);
    cells_.erase(cells_.begin());
    if (durable_) cell->table.PutGone(PrefixOf(cell->window), &gone_);
    bytes_ -= cell->bytes;
    if (keeps_any() && !options_.retracts) work_.push_back({std::move(cell), kLeft, Batch(), false, {}, 0});
  }
  reservation_.Set(bytes_);
  return Resume(out);
}

// Rows alone come out when their window has expired, with times inside of it.
EventTime StreamJoin::watermark_hold() const {
  EventTime hold = kMaxEventTime;
  const OutputTime time = windowing().output_time;
  const bool waits = keeps_any() && !options_.retracts;
  if (windowing().is_global() || (!waits && time != OutputTime::kEarliest)) return hold;
  for (const auto& [end, cell] : cells_) {
    hold = std::min(hold, time == OutputTime::kEndOfWindow ? cell->window.max_timestamp() : cell->earliest);
    if (time == OutputTime::kEndOfWindow) break;
  }
  return hold;
}

Status StreamJoin::Resume(Emitter& out) {
  while (!work_.empty()) {
    if (out.full()) {
      out.Yield();
      return Status::OK();
    }
    WEIR_ASSIGN_OR_RETURN(const bool done, Step(&work_.front(), out));
    if (!done) continue;
    const std::shared_ptr<Cell> cell = std::move(work_.front().cell);
    const bool over = work_.front().rows.schema() == nullptr;
    work_.pop_front();
    if (over) continue;
    if (cell->table.has_negative() && cell->table.WantsRebuild()) {
      WEIR_RETURN_NOT_OK(cell->table.Rebuild([](int, uint32_t) { return true; }));
    }
    Account(cell.get());
  }
  return Status::OK();
}

void StreamJoin::Account(Cell* cell) {
  const int64_t bytes = cell->table.size_bytes();
  bytes_ += bytes - cell->bytes;
  cell->bytes = bytes;
  reservation_.Set(bytes_);
}

Result<bool> StreamJoin::Step(Work* work, Emitter& out) {
  Cell& cell = *work->cell;
  if (!work->started) {
    work->started = true;
    WEIR_RETURN_NOT_OK(Start(work, out));
    return false;
  }
  if (!work->lone.empty()) {
    LoneRows& lone = work->lone.back();
    const size_t count = std::min<size_t>(lone.rows.size() - work->lone_at, batch_rows_);
    const ChainedRows& rows = cell.table.rows(lone.side);
    WEIR_ASSIGN_OR_RETURN(Batch batch, rows.GatherRows({lone.rows.data() + work->lone_at, count}));
    WEIR_ASSIGN_OR_RETURN(Batch alone, joined_.Alone(lone.side, batch, lone.sign));
    work->lone_at += count;
    if (work->lone_at == lone.rows.size()) {
      work->lone.pop_back();
      work->lone_at = 0;
    }
    WEIR_RETURN_NOT_OK(EmitInWindow(cell, std::move(alone), out));
    return false;
  }
  if (work->rows.schema() == nullptr) return true;
  const ChainedRows& others = cell.table.rows(1 - work->side);
  if (!pairs_.Next(static_cast<size_t>(batch_rows_), &pair_rows_, &pair_ids_)) return true;
  DropWeightless(others, &pair_rows_, &pair_ids_);
  if (pair_ids_.empty()) return false;
  WEIR_ASSIGN_OR_RETURN(Batch pairs, joined_.Pairs(work->side, work->rows, std::move(pair_rows_), others, pair_ids_));
  WEIR_RETURN_NOT_OK(EmitInWindow(cell, std::move(pairs), out));
  return false;
}

Status StreamJoin::Start(Work* work, Emitter& out) {
  StreamTable& table = work->cell->table;
  if (work->rows.schema() == nullptr) {
    FindPartnerless(work);
    return Status::OK();
  }
  const int side = work->side;
  for (int64_t i = 0; i < work->rows.num_rows(); ++i) {
    work->cell->earliest = std::min(work->cell->earliest, work->rows.event_time().at(i));
  }
  WEIR_RETURN_NOT_OK(table.Lookup(side, work->rows, &groups_));
  if (keep(side)) WEIR_RETURN_NOT_OK(EmitUnpaired(*work, groups_, out));
  const bool turns = options_.retracts && keep(1 - side);
  if (turns) {
    is_touched_.resize(table.num_groups(), false);
    sums_before_.resize(table.num_groups());
    for (const uint32_t group : groups_) {
      if (group == kNoGroup || is_touched_[group]) continue;
      is_touched_[group] = true;
      touched_.push_back(group);
      sums_before_[group] = table.sum(side, group);
    }
  }
  WEIR_RETURN_NOT_OK(table.Add(side, work->rows, groups_));
  if (turns) FindTurned(*work, &work->lone);
  pairs_.Start(&table.rows(1 - side), work->rows.event_time(), nullptr, groups_);
  return Status::OK();
}

/// Rows of the other side that have got their first partner, or lost their last.
void StreamJoin::FindTurned(const Work& work, std::vector<LoneRows>* lone) {
  const StreamTable& table = work.cell->table;
  const ChainedRows& others = table.rows(1 - work.side);
  LoneRows back{1 - work.side, {}, -1}, again{1 - work.side, {}, 1};
  for (const uint32_t group : touched_) {
    is_touched_[group] = false;
    const bool had = sums_before_[group] != 0, has = table.sum(work.side, group) != 0;
    if (had == has) continue;
    LoneRows& to = has ? back : again;
    for (uint32_t row = others.head(group); row != ChainedRows::kEnd; row = others.next(row)) {
      if (others.weight(row) != 0) to.rows.push_back(row);
    }
  }
  touched_.clear();
  for (LoneRows* found : {&again, &back}) {
    if (!found->rows.empty()) lone->push_back(std::move(*found));
  }
}

/// Rows of a batch that come out alone at once: those whose key is null, and, where they can be taken back, those that
/// have no partner yet.
Status StreamJoin::EmitUnpaired(const Work& work, const std::vector<uint32_t>& groups, Emitter& out) {
  std::vector<int32_t> rows;
  for (size_t i = 0; i < groups.size(); ++i) {
    const bool waits = !options_.retracts || work.cell->table.sum(1 - work.side, groups[i]) != 0;
    if (groups[i] == kNoGroup || !waits) rows.push_back(static_cast<int32_t>(i));
  }
  if (rows.empty()) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(Selection selection, SelectionOf(rows));
  WEIR_ASSIGN_OR_RETURN(Batch alone, joined_.Alone(work.side, work.rows.Select(selection), 1));
  return EmitInWindow(*work.cell, std::move(alone), out);
}

/// The rows of a window that is over which never met anyone.
void StreamJoin::FindPartnerless(Work* work) {
  const StreamTable& table = work->cell->table;
  for (int side : {kRight, kLeft}) {
    if (!keep(side)) continue;
    LoneRows lone{side, {}, 1};
    const ChainedRows& rows = table.rows(side);
    for (uint32_t group = 0; group < table.num_groups(); ++group) {
      if (table.sum(1 - side, group) != 0) continue;
      for (uint32_t row = rows.head(group); row != ChainedRows::kEnd; row = rows.next(row)) lone.rows.push_back(row);
    }
    std::sort(lone.rows.begin(), lone.rows.end());
    if (!lone.rows.empty()) work->lone.push_back(std::move(lone));
  }
}

Status StreamJoin::EmitInWindow(const Cell& cell, Batch batch, Emitter& out) const {
  if (windowing().is_global()) return out.Emit(std::move(batch));
  batch.set_window(Int64Column(cell.window.start), Int64Column(cell.window.end));
  if (windowing().output_time == OutputTime::kEndOfWindow) {
    batch.set_event_time(Int64Column(cell.window.max_timestamp()));
  }
  return out.Emit(std::move(batch));
}

}  // namespace

Result<std::unique_ptr<Operator>> MakeStreamJoin(StreamJoinOptions options, const OperatorContext& lane) {
  return std::make_unique<StreamJoin>(std::move(options), lane);
}

}  // namespace weir
