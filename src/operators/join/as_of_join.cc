// Versions of a key form a chain, latest first. Rows that look up go from late to early, so that each key's chain is
// walked once for all of them.
#include "operators/join/as_of_join.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <deque>
#include <numeric>
#include <utility>

#include "batch/gather.h"
#include "operators/support/good_rows.h"
#include "operators/support/slice_windows.h"
#include "state/cells/waiting_cells.h"
#include "state/memory_budget.h"

namespace weir {
namespace {

/// Small batches that wait are put together beyond so many.
constexpr size_t kWaitingBatches = 64;
/// Rows that are looked up together.
constexpr int64_t kLookupRows = 65536;
/// Of cells: 0 and 1 are those of the table of versions.
constexpr int kWaitingTable = 2;

class AsOfJoin final : public Operator {
 public:
  AsOfJoin(AsOfJoinOptions options, const OperatorContext& lane)
      : options_(std::move(options)),
        versions_(options_.versions),
        asking_(1 - options_.versions),
        joined_(options_.stream, lane),
        table_(TableOptions(options_.stream, lane.durable)),
        reservation_(lane.memory),
        waiting_cells_(kWaitingTable, options_.stream.join.schemas[asking_], options_.stream.join.keys[asking_]) {
    if (lane.durable) waiting_cells_.TurnOn();
  }

  Status Process(int port, Batch batch, Emitter& out) override;
  Status OnWatermark(EventTime watermark, Emitter& out) override;
  Status Finish(Emitter& out) override { return Resume(out); }
  Status Resume(Emitter& out) override;
  int64_t state_bytes() const override { return reservation_.bytes(); }
  Status Snapshot(StateCells* out) override;
  Status Restore(const StateCells& cells) override;

 private:
  struct Asking {
    Batch rows;
    EventTime first = kMaxEventTime, last = kMinEventTime;
  };

  static StreamTable::Options TableOptions(const StreamJoinOptions& stream, bool durable) {
    StreamTable::Options table;
    table.durable = durable;
    for (int side : {kLeft, kRight}) {
      table.schemas[side] = stream.join.schemas[side];
      table.keys[side] = stream.join.keys[side];
    }
    return table;
  }
  /// Rows that are older come too late: the version that they ask for may be gone.
  EventTime oldest() const {
    if (watermark_ == kMinEventTime || watermark_ == kMaxEventTime) return watermark_;
    return SaturatingAdd(watermark_, -options_.stream.join.windowing.allowed_lateness_us);
  }
  Status AddVersions(const Batch& batch);
  Status Ask(Batch batch, Emitter& out);
  Status TakeReady();
  Status LookUp(const Batch& batch, Emitter& out);
  void OrderChains();
  void NothingIsOrdered();
  void Wait(Batch rows);
  Status DropVersions();

  const AsOfJoinOptions options_;
  const int versions_, asking_;
  JoinedRows joined_;
  StreamTable table_;
  MemoryReservation reservation_;
  std::vector<Asking> waiting_;
  std::deque<Batch> ready_;
  std::vector<uint32_t> groups_;
  std::vector<uint32_t> unordered_;  // groups whose chains are out of order
  std::vector<bool> is_unordered_;
  std::vector<uint32_t> cursors_;    // by group, of the batch that is looked up
  std::vector<uint32_t> cursor_of_;  // by group: number of that batch
  uint32_t lookups_ = 0;
  int64_t waiting_bytes_ = 0;
  EventTime watermark_ = kMinEventTime;
  WaitingCells waiting_cells_;
};

Status AsOfJoin::Snapshot(StateCells* out) {
  WEIR_RETURN_NOT_OK(table_.PutChanges("", out));
  return waiting_cells_.Put(watermark_, out);
}

Status AsOfJoin::Restore(const StateCells& cells) {
  std::vector<int64_t> of_table;
  for (int64_t i = 0; i < cells.size(); ++i) {
    if (cells.at(i).table != kWaitingTable) of_table.push_back(i);
  }
  WEIR_RETURN_NOT_OK(table_.Restore(cells, of_table, 0));
  NothingIsOrdered();
  WEIR_ASSIGN_OR_RETURN(std::vector<Batch> waiting, waiting_cells_.Restore(cells));
  for (Batch& batch : waiting) Wait(std::move(batch));
  reservation_.Set(table_.size_bytes() + waiting_bytes_);
  return Status::OK();
}

Status AsOfJoin::Process(int port, Batch batch, Emitter& out) {
  if (port == versions_) {
    WEIR_RETURN_NOT_OK(AddVersions(batch));
  } else {
    WEIR_RETURN_NOT_OK(Ask(std::move(batch), out));
  }
  return Resume(out);
}

Status AsOfJoin::AddVersions(const Batch& batch) {
  WEIR_RETURN_NOT_OK(table_.Lookup(versions_, batch, &groups_));
  const ChainedRows& rows = table_.rows(versions_);
  uint32_t row = rows.num_rows();
  WEIR_RETURN_NOT_OK(table_.Add(versions_, batch, groups_));
  is_unordered_.resize(table_.num_groups(), false);
  for (const uint32_t group : groups_) {
    if (group == kNoGroup) continue;
    const uint32_t before = rows.next(row);
    const bool in_order = before == ChainedRows::kEnd || rows.time(before) <= rows.time(row);
    ++row;
    if (in_order || is_unordered_[group]) continue;
    is_unordered_[group] = true;
    unordered_.push_back(group);
  }
  return Status::OK();
}

void AsOfJoin::OrderChains() {
  std::vector<uint32_t> chain;
  ChainedRows* rows = table_.mutable_rows(versions_);
  for (const uint32_t group : unordered_) {
    chain.clear();
    for (uint32_t row = rows->head(group); row != ChainedRows::kEnd; row = rows->next(row)) chain.push_back(row);
    std::sort(chain.begin(), chain.end(), [&](uint32_t a, uint32_t b) {
      return rows->time(a) != rows->time(b) ? rows->time(a) > rows->time(b) : a > b;
    });
    rows->Relink(group, chain);
    is_unordered_[group] = false;
  }
  unordered_.clear();
}

Status AsOfJoin::Ask(Batch batch, Emitter& out) {
  std::vector<int32_t> late, good;
  const EventTime too_old = oldest();
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    (batch.event_time().at(row) < too_old ? late : good).push_back(static_cast<int32_t>(row));
  }
  for (const int32_t row : late) {
    const EventTime time = batch.event_time().at(row);
    WEIR_RETURN_NOT_OK(joined_.EmitLate(asking_, batch, {row}, {time, time}, watermark_, out));
  }
  if (good.empty()) return Status::OK();
  if (!late.empty()) {
    WEIR_ASSIGN_OR_RETURN(Selection selection, SelectionOf(good));
    batch = batch.Select(selection);
  }
  waiting_cells_.Add(batch);
  Wait(batch.Compact());
  // Of allowed lateness: nothing is left to wait for.
  return waiting_.back().first < watermark_ ? TakeReady() : Status::OK();
}

void AsOfJoin::Wait(Batch rows) {
  Asking asking{std::move(rows)};
  waiting_bytes_ += asking.rows.size_bytes();
  for (int64_t row = 0; row < asking.rows.num_rows(); ++row) {
    asking.first = std::min(asking.first, asking.rows.event_time().at(row));
    asking.last = std::max(asking.last, asking.rows.event_time().at(row));
  }
  waiting_.push_back(std::move(asking));
}

Status AsOfJoin::OnWatermark(EventTime watermark, Emitter& out) {
  watermark_ = watermark;
  WEIR_RETURN_NOT_OK(TakeReady());
  return Resume(out);
}

/// Rows before the watermark, put together to batches that are worth a look-up.
Status AsOfJoin::TakeReady() {
  std::vector<Batch> ready, stay;
  Asking rest;
  std::vector<Asking> waiting = std::move(waiting_);
  waiting_.clear();
  const SchemaPtr& schema = options_.stream.join.schemas[asking_];
  int64_t rows = 0;
  const auto flush = [&]() -> Status {
    if (ready.empty()) return Status::OK();
    WEIR_ASSIGN_OR_RETURN(Batch all, ConcatBatches(schema, ready));
    ready_.push_back(std::move(all));
    ready.clear();
    rows = 0;
    return Status::OK();
  };
  const bool merge = waiting.size() > kWaitingBatches;
  for (Asking& asking : waiting) {
    if (asking.last < watermark_) {
      rows += asking.rows.num_rows();
      ready.push_back(std::move(asking.rows));
    } else if (asking.first >= watermark_ && (!merge || asking.rows.num_rows() >= kLookupRows / 2)) {
      waiting_.push_back(std::move(asking));
      continue;
    } else {
      std::vector<int32_t> now, later;
      for (int64_t row = 0; row < asking.rows.num_rows(); ++row) {
        const EventTime time = asking.rows.event_time().at(row);
        (time < watermark_ ? now : later).push_back(static_cast<int32_t>(row));
        if (time < watermark_) continue;
        rest.first = std::min(rest.first, time);
        rest.last = std::max(rest.last, time);
      }
      WEIR_ASSIGN_OR_RETURN(Batch before, GatherBatch(asking.rows, now));
      WEIR_ASSIGN_OR_RETURN(Batch after, GatherBatch(asking.rows, later));
      if (!now.empty()) ready.push_back(std::move(before));
      rows += static_cast<int64_t>(now.size());
      stay.push_back(std::move(after));
    }
    if (rows >= kLookupRows) WEIR_RETURN_NOT_OK(flush());
  }
  WEIR_RETURN_NOT_OK(flush());
  if (!stay.empty()) {
    WEIR_ASSIGN_OR_RETURN(rest.rows, ConcatBatches(schema, stay));
    waiting_.push_back(std::move(rest));
  }
  waiting_bytes_ = 0;
  for (const Asking& asking : waiting_) waiting_bytes_ += asking.rows.size_bytes();
  return Status::OK();
}

Status AsOfJoin::Resume(Emitter& out) {
  if (!ready_.empty()) OrderChains();
  while (!ready_.empty()) {
    if (out.full()) {
      out.Yield();
      return Status::OK();
    }
    const Batch batch = std::move(ready_.front());
    ready_.pop_front();
    WEIR_RETURN_NOT_OK(LookUp(batch, out));
  }
  if (watermark_ == kMaxEventTime) {
    table_.Clear();
    unordered_.clear();
  } else if (table_.WantsRebuild()) {
    WEIR_RETURN_NOT_OK(DropVersions());
  }
  reservation_.Set(table_.size_bytes() + waiting_bytes_);
  return Status::OK();
}

Status AsOfJoin::LookUp(const Batch& batch, Emitter& out) {
  const ChainedRows& versions = table_.rows(versions_);
  WEIR_RETURN_NOT_OK(table_.Find(asking_, batch, &groups_));
  std::vector<uint32_t> order(groups_.size()), found(groups_.size(), ChainedRows::kEnd);
  std::iota(order.begin(), order.end(), 0);
  const Int64Column& times = batch.event_time();
  const auto later = [&](uint32_t a, uint32_t b) { return times.at(a) > times.at(b); };
  if (!times.is_constant()) std::sort(order.begin(), order.end(), later);
  ++lookups_;
  cursors_.resize(table_.num_groups());
  cursor_of_.resize(table_.num_groups(), 0);
  for (const uint32_t row : order) {
    const uint32_t group = groups_[row];
    if (group == kNoGroup) continue;
    if (cursor_of_[group] != lookups_) cursors_[group] = versions.head(group);
    cursor_of_[group] = lookups_;
    uint32_t& at = cursors_[group];
    while (at != ChainedRows::kEnd && versions.time(at) > times.at(row)) at = versions.next(at);
    found[row] = at;
  }
  std::vector<int32_t> with, without;
  std::vector<uint32_t> ids;
  for (size_t row = 0; row < found.size(); ++row) {
    (found[row] == ChainedRows::kEnd ? without : with).push_back(static_cast<int32_t>(row));
    if (found[row] != ChainedRows::kEnd) ids.push_back(found[row]);
  }
  if (!without.empty() && options_.stream.join.keep[asking_]) {
    WEIR_ASSIGN_OR_RETURN(Selection selection, SelectionOf(without));
    WEIR_ASSIGN_OR_RETURN(Batch alone, joined_.Alone(asking_, batch.Select(selection), 1));
    WEIR_RETURN_NOT_OK(out.Emit(std::move(alone)));
  }
  if (ids.empty()) return Status::OK();
  // A version is never later than the row that asks: the later time of both is that of the row.
  WEIR_ASSIGN_OR_RETURN(Batch pairs, joined_.Pairs(asking_, batch, std::move(with), versions, ids));
  return out.Emit(std::move(pairs));
}

/// Rows that may still come ask for the last version that is not after oldest(), or for later ones.
Status AsOfJoin::DropVersions() {
  OrderChains();
  const ChainedRows& rows = table_.rows(versions_);
  std::vector<bool> needed(rows.num_rows(), false);
  for (uint32_t group = 0; group < table_.num_groups(); ++group) {
    for (uint32_t row = rows.head(group); row != ChainedRows::kEnd; row = rows.next(row)) {
      needed[row] = true;
      if (rows.time(row) <= oldest()) break;
    }
  }
  // Chains are made anew in the order of row numbers, which may not be that of times.
  WEIR_RETURN_NOT_OK(table_.Rebuild([&](int, uint32_t row) { return needed[row]; }));
  NothingIsOrdered();
  return Status::OK();
}

void AsOfJoin::NothingIsOrdered() {
  is_unordered_.assign(table_.num_groups(), true);
  unordered_.resize(table_.num_groups());
  std::iota(unordered_.begin(), unordered_.end(), 0);
  cursor_of_.clear();
}

}  // namespace

Result<std::unique_ptr<Operator>> MakeAsOfJoin(AsOfJoinOptions options, const OperatorContext& lane) {
  return std::make_unique<AsOfJoin>(std::move(options), lane);
}

}  // namespace weir
