// One table for all rows. Rows that are over stay in it until as many others have come, then it is rebuilt without
// them.
#include "operators/join/interval_join.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <deque>
#include <map>
#include <numeric>
#include <utility>

#include "operators/support/good_rows.h"
#include "operators/support/slice_windows.h"
#include "state/memory_budget.h"
#include "state/snapshot/state_cells.h"

namespace weir {
namespace {

/// Rows that wait for their end, by time, in steps that are small against the interval: a watermark that goes on looks
/// at few that stay.
class Waiting {
 public:
  explicit Waiting(int64_t reach_us) : step_us_(std::max<int64_t>(reach_us / 16, 1000)) {}
  void Add(EventTime time, uint32_t row) { rows_[WindowStart(time, step_us_, 0)].push_back(row); }
  /// Takes the rows older than `time`.
  void Take(EventTime time, const ChainedRows& rows, std::vector<uint32_t>* out) {
    while (!rows_.empty() && rows_.begin()->first < time) {
      std::vector<uint32_t>& step = rows_.begin()->second;
      auto stay = std::partition(step.begin(), step.end(), [&](uint32_t row) { return rows.time(row) >= time; });
      out->insert(out->end(), stay, step.end());
      step.erase(stay, step.end());
      if (!step.empty()) return;
      rows_.erase(rows_.begin());
    }
  }
  void Clear() { rows_.clear(); }

 private:
  const int64_t step_us_;
  std::map<EventTime, std::vector<uint32_t>> rows_;
};

class IntervalJoin final : public Operator {
 public:
  IntervalJoin(IntervalJoinOptions options, const OperatorContext& lane)
      : options_(std::move(options)),
        batch_rows_(std::max<int64_t>(lane.batch_rows, 1)),
        bounds_{{options_.before_us, options_.after_us}, {options_.after_us, options_.before_us}},
        joined_(options_.stream, lane),
        table_(TableOptions(options_, lane.durable)),
        waiting_{Waiting(reach(kLeft)), Waiting(reach(kRight))},
        reservation_(lane.memory) {}

  Status Process(int port, Batch batch, Emitter& out) override;
  Status OnWatermark(EventTime watermark, Emitter& out) override;
  Status Finish(Emitter& out) override { return Resume(out); }
  Status Resume(Emitter& out) override;
  EventTime watermark_hold() const override;
  int64_t state_bytes() const override { return reservation_.bytes(); }
  Status Snapshot(StateCells* out) override { return table_.PutChanges("", out); }
  Status Restore(const StateCells& cells) override;

 private:
  struct Work {
    int side = kLeft;
    Batch rows;  // none: `lone` come out beside nulls
    bool started = false;
    std::vector<uint32_t> lone;
    size_t lone_at = 0;
  };

  static StreamTable::Options TableOptions(const IntervalJoinOptions& options, bool durable) {
    StreamTable::Options table;
    table.durable = durable;
    table.times = true;
    for (int side : {kLeft, kRight}) {
      table.schemas[side] = options.stream.join.schemas[side];
      table.keys[side] = options.stream.join.keys[side];
      table.weights[side] = options.stream.changes[side];
      table.partners[side] = options.stream.join.keep[side];
    }
    return table;
  }
  bool keep(int side) const { return options_.stream.join.keep[side]; }
  /// A row of `side` can meet rows that are so much later. Where all its partners are older than itself it waits for
  /// the watermark all the same: until then it is not late, and they may have come before it.
  int64_t reach(int side) const { return std::max<int64_t>(side == kLeft ? options_.after_us : options_.before_us, 0); }
  /// Rows of `side` that are older are over.
  EventTime OldestOpen(int side) const {
    if (watermark_ == kMinEventTime || watermark_ == kMaxEventTime) return watermark_;
    return SaturatingAdd(watermark_, -reach(side) - options_.stream.join.windowing.allowed_lateness_us);
  }
  Status TakeLate(int side, Batch* batch, Emitter& out) const;
  Result<bool> Step(Work* work, Emitter& out);
  Status Start(Work* work, Emitter& out);
  Status Rebuild();
  void AllWait();

  const IntervalJoinOptions options_;
  const int64_t batch_rows_;
  const PairCursor::Bounds bounds_[2];  // by the side that looks
  JoinedRows joined_;
  StreamTable table_;
  Waiting waiting_[2];  // rows of sides that are kept
  MemoryReservation reservation_;
  std::deque<Work> work_;
  PairCursor pairs_;  // of the first work
  std::vector<int32_t> pair_rows_;
  std::vector<uint32_t> pair_ids_;
  std::vector<uint32_t> own_ids_;  // of the rows of the first work
  std::vector<bool> is_new_;       // the same
  EventTime watermark_ = kMinEventTime;
};

Status IntervalJoin::Process(int port, Batch batch, Emitter& out) {
  WEIR_RETURN_NOT_OK(TakeLate(port, &batch, out));
  if (batch.num_rows() > 0) work_.push_back({port, std::move(batch), false, {}, 0});
  return Resume(out);
}

/// Rows that are over when they come leave the batch, each with the end of its own interval.
Status IntervalJoin::TakeLate(int side, Batch* batch, Emitter& out) const {
  const EventTime oldest = OldestOpen(side);
  std::vector<int32_t> good;
  for (int64_t row = 0; row < batch->num_rows(); ++row) {
    const EventTime time = batch->event_time().at(row);
    if (time >= oldest) {
      good.push_back(static_cast<int32_t>(row));
      continue;
    }
    const Window window{time, SaturatingAdd(time, reach(side))};
    WEIR_RETURN_NOT_OK(joined_.EmitLate(side, *batch, {static_cast<int32_t>(row)}, window, watermark_, out));
  }
  if (static_cast<int64_t>(good.size()) == batch->num_rows()) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(Selection selection, SelectionOf(good));
  *batch = batch->Select(selection);
  return Status::OK();
}

Status IntervalJoin::OnWatermark(EventTime watermark, Emitter& out) {
  watermark_ = watermark;
  for (int side : {kLeft, kRight}) {
    if (!keep(side)) continue;
    std::vector<uint32_t> over;
    waiting_[side].Take(OldestOpen(side), table_.rows(side), &over);
    std::erase_if(over,
                  [&](uint32_t row) { return table_.partners(side, row) != 0 || table_.rows(side).weight(row) == 0; });
    std::sort(over.begin(), over.end());
    // They come out now: whoever restores the table must not give them again.
    for (const uint32_t row : over) table_.AddPartners(side, row, 1);
    if (!over.empty()) work_.push_back({side, Batch(), true, std::move(over), 0});
  }
  return Resume(out);
}

// Rows alone come out late by the length of the interval.
EventTime IntervalJoin::watermark_hold() const {
  EventTime hold = kMaxEventTime;
  for (int side : {kLeft, kRight}) {
    if (keep(side)) hold = std::min(hold, OldestOpen(side));
  }
  return hold;
}

Status IntervalJoin::Resume(Emitter& out) {
  while (!work_.empty()) {
    if (out.full()) {
      out.Yield();
      return Status::OK();
    }
    WEIR_ASSIGN_OR_RETURN(const bool done, Step(&work_.front(), out));
    if (done) work_.pop_front();
  }
  if (watermark_ == kMaxEventTime) {
    table_.Clear();
  } else if (table_.WantsRebuild()) {
    WEIR_RETURN_NOT_OK(Rebuild());
  }
  reservation_.Set(table_.size_bytes());
  return Status::OK();
}

Result<bool> IntervalJoin::Step(Work* work, Emitter& out) {
  if (!work->started) {
    work->started = true;
    WEIR_RETURN_NOT_OK(Start(work, out));
    return false;
  }
  if (work->lone_at < work->lone.size()) {
    const size_t count = std::min<size_t>(work->lone.size() - work->lone_at, batch_rows_);
    const std::span<const uint32_t> rows(work->lone.data() + work->lone_at, count);
    WEIR_ASSIGN_OR_RETURN(Batch batch, table_.rows(work->side).GatherRows(rows));
    WEIR_ASSIGN_OR_RETURN(Batch alone, joined_.Alone(work->side, batch, 1));
    work->lone_at += count;
    WEIR_RETURN_NOT_OK(out.Emit(std::move(alone)));
    return false;
  }
  if (work->rows.schema() == nullptr) return true;
  const int other = 1 - work->side;
  const ChainedRows& others = table_.rows(other);
  if (!pairs_.Next(static_cast<size_t>(batch_rows_), &pair_rows_, &pair_ids_)) return true;
  for (size_t i = 0; i < pair_ids_.size(); ++i) {
    const int32_t row = pair_rows_[i];
    // A row that was there before, under another weight, has met its partners then.
    if (keep(work->side) && is_new_[row]) {
      table_.AddPartners(work->side, own_ids_[row], others.weight(pair_ids_[i]));
    }
    if (keep(other)) {
      table_.AddPartners(other, pair_ids_[i], work->rows.has_weight() ? work->rows.weight().at(row) : 1);
    }
  }
  DropWeightless(others, &pair_rows_, &pair_ids_);
  if (pair_ids_.empty()) return false;
  WEIR_ASSIGN_OR_RETURN(Batch pairs, joined_.Pairs(work->side, work->rows, std::move(pair_rows_), others, pair_ids_));
  WEIR_RETURN_NOT_OK(out.Emit(std::move(pairs)));
  return false;
}

Status IntervalJoin::Start(Work* work, Emitter& out) {
  const int side = work->side;
  std::vector<uint32_t> groups;
  WEIR_RETURN_NOT_OK(table_.Lookup(side, work->rows, &groups));
  uint32_t next = table_.rows(side).num_rows();
  WEIR_RETURN_NOT_OK(table_.Add(side, work->rows, groups, &own_ids_));
  is_new_.assign(groups.size(), false);
  std::vector<int32_t> without_key;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (groups[i] == kNoGroup) {
      without_key.push_back(static_cast<int32_t>(i));
      continue;
    }
    if (own_ids_[i] != next) continue;
    is_new_[i] = true;
    if (keep(side)) waiting_[side].Add(work->rows.event_time().at(static_cast<int64_t>(i)), next);
    ++next;
  }
  if (keep(side) && !without_key.empty()) {
    WEIR_ASSIGN_OR_RETURN(Selection selection, SelectionOf(without_key));
    WEIR_ASSIGN_OR_RETURN(Batch alone, joined_.Alone(side, work->rows.Select(selection), 1));
    WEIR_RETURN_NOT_OK(out.Emit(std::move(alone)));
  }
  pairs_.Start(&table_.rows(1 - side), work->rows.event_time(), &bounds_[side], std::move(groups));
  return Status::OK();
}

Status IntervalJoin::Rebuild() {
  const EventTime oldest[2] = {OldestOpen(kLeft), OldestOpen(kRight)};
  WEIR_RETURN_NOT_OK(
      table_.Rebuild([&](int side, uint32_t row) { return table_.rows(side).time(row) >= oldest[side]; }));
  AllWait();
  return Status::OK();
}

Status IntervalJoin::Restore(const StateCells& cells) {
  std::vector<int64_t> all(static_cast<size_t>(cells.size()));
  std::iota(all.begin(), all.end(), 0);
  WEIR_RETURN_NOT_OK(table_.Restore(cells, all, 0));
  AllWait();
  reservation_.Set(table_.size_bytes());
  return Status::OK();
}

void IntervalJoin::AllWait() {
  for (int side : {kLeft, kRight}) {
    if (!keep(side)) continue;
    waiting_[side].Clear();
    const ChainedRows& rows = table_.rows(side);
    for (uint32_t row = 0; row < rows.num_rows(); ++row) waiting_[side].Add(rows.time(row), row);
  }
}

}  // namespace

Result<std::unique_ptr<Operator>> MakeIntervalJoin(IntervalJoinOptions options, const OperatorContext& lane) {
  return std::make_unique<IntervalJoin>(std::move(options), lane);
}

}  // namespace weir
