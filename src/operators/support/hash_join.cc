// HashJoin: the side that ends first becomes the table, the other streams past it.
//
//   undecided ──one side ended, or too much is kept──▶ building ──build side ended──▶ probing ──▶ ended
//        └───────────────┬──────────────────────────────────┘
//                        └──over the memory budget──▶ partitioning ──both ended──▶ partition after partition ──▶ ended
//
// Partitioning writes both sides to disk by the hash of their keys, then joins partition by partition; one that is
// still too big is partitioned again by other bits of the hash (GRACE: Kitsuregawa et al. 1983). A partition that does
// not get smaller (one hot key) is joined in memory after all.
#include "operators/support/hash_join.h"

#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>

#include "batch/gather.h"
#include "operators/support/windowed_rows.h"
#include "state/hash/hash.h"
#include "state/join/join_table.h"
#include "state/memory_budget.h"
#include "state/partitioned_spill.h"

namespace weir {
namespace {

/// What both sides together may hold in a lane before the build side is chosen without knowing which is smaller.
constexpr int64_t kUndecidedBytes = 32 << 20;

class HashJoin final : public Operator {
 public:
  HashJoin(HashJoinOptions options, const OperatorContext& context)
      : options_(std::move(options)), context_(context), reservation_(context.memory) {
    windows_ = !options_.windowing.is_global();
  }

  Status Process(int port, Batch batch, Emitter& out) override;
  Status OnPortEnd(int port, Emitter& out) override;
  Status Finish(Emitter& out) override;
  Status Resume(Emitter& out) override;
  bool Accepts(int port) const override { return phase_ != Phase::kBuilding || port == build_; }

 private:
  enum class Phase { kUndecided, kBuilding, kProbing, kPartitioning, kPartitions, kEnded };
  struct Level {  // one partitioning under way, or waiting to be joined
    std::unique_ptr<PartitionedSpill> sides[2];
    int depth = 0;
    int next = 0;
  };

  int probe() const { return 1 - build_; }
  void ChooseBuild(int side);
  Status StartPartitioning(Emitter& out);
  Status Scatter(Level& level, int side, const Batch& batch, int depth);
  Status FinishBuild();
  /// Joins what waits, as far as there is room; yields when there is more. `*idle`: nothing waits any more.
  Status Work(Emitter& out, bool* idle);
  Status NextPartition(bool* done);
  Status LoadPartition(Level& level, int partition);
  Status EmitPairs(Emitter& out);
  Status EmitProbeOnly(Emitter& out);
  Status EmitBuildOnly(Emitter& out);
  Status EmitRows(const Batch& probe_rows, std::span<const uint32_t> positions, bool matched, Emitter& out);
  void Account();
  void CountSpill(Emitter& out);

  const HashJoinOptions options_;
  const OperatorContext context_;
  MemoryReservation reservation_;
  bool windows_ = false;
  Phase phase_ = Phase::kUndecided;
  int build_ = kRight;
  bool port_ended_[2] = {false, false};
  std::vector<Batch> kept_[2];  // undecided; later the probe batches that came too early
  int64_t kept_bytes_ = 0;
  std::unique_ptr<JoinTable> table_;
  std::vector<bool> matched_;  // build rows, when they are kept
  KeyHasher hasher_[2];
  std::vector<Level> levels_;  // the last is worked on
  int64_t spilled_ = 0, counted_spill_ = 0;
  int partition_ = -1;  // of the last level, being probed

  // The probe batch at hand.
  Batch current_;
  std::vector<uint32_t> groups_;
  int64_t row_ = 0;      // next probe row
  uint32_t offset_ = 0;  // within its group
  bool has_current_ = false;
  bool probe_only_given_ = false;
  uint32_t build_only_next_ = 0;
};

void HashJoin::Account() {
  int64_t bytes = kept_bytes_ + (table_ ? table_->size_bytes() : 0);
  for (const Level& level : levels_) {
    for (const auto& side : level.sides) bytes += side ? side->buffered_bytes() : 0;
  }
  reservation_.Set(bytes);
}

void HashJoin::CountSpill(Emitter& out) {
  int64_t bytes = spilled_;
  for (const Level& level : levels_) {
    for (const auto& side : level.sides) bytes += side ? side->file_bytes() : 0;
  }
  out.CountSpill(bytes - counted_spill_);
  counted_spill_ = bytes;
}

void HashJoin::ChooseBuild(int side) {
  build_ = side;
  phase_ = Phase::kBuilding;
  table_ = std::make_unique<JoinTable>(options_.schemas[side], options_.keys[side], windows_);
}

Status HashJoin::Process(int port, Batch batch, Emitter& out) {
  if (windows_ && !batch.has_window()) {
    WEIR_ASSIGN_OR_RETURN(batch, PutIntoWindows(std::move(batch), options_.windowing));
  }
  if (phase_ == Phase::kProbing) {
    kept_[port].push_back(std::move(batch));
    return Resume(out);
  }
  if (phase_ == Phase::kPartitioning) {
    WEIR_RETURN_NOT_OK(Scatter(levels_.back(), port, batch, 0));
    CountSpill(out);
    Account();
    return Status::OK();
  }
  if (phase_ == Phase::kBuilding && port == build_) {
    WEIR_RETURN_NOT_OK(table_->Add(std::move(batch)));
  } else {
    batch = batch.Compact();
    kept_bytes_ += batch.size_bytes();
    kept_[port].push_back(std::move(batch));
  }
  Account();
  if (reservation_.ShouldSpill(table_ ? table_->growth_bytes() : 0)) return StartPartitioning(out);
  if (phase_ == Phase::kUndecided && kept_bytes_ > kUndecidedBytes) {
    int64_t bytes[2] = {0, 0};
    for (int side : {kLeft, kRight}) {
      for (const Batch& kept : kept_[side]) bytes[side] += kept.size_bytes();
    }
    // Both are still coming: the one that has given less so far is taken for the smaller.
    ChooseBuild(bytes[kLeft] < bytes[kRight] / 2 ? kLeft : kRight);
    for (Batch& kept : kept_[build_]) WEIR_RETURN_NOT_OK(table_->Add(std::move(kept)));
    kept_[build_].clear();
    kept_bytes_ = bytes[probe()];
  }
  return Status::OK();
}

Status HashJoin::OnPortEnd(int port, Emitter& out) {
  port_ended_[port] = true;
  if (phase_ == Phase::kUndecided) {
    ChooseBuild(port);
    for (Batch& kept : kept_[port]) WEIR_RETURN_NOT_OK(table_->Add(std::move(kept)));
    kept_[port].clear();
  }
  if (phase_ == Phase::kBuilding && port == build_) {
    WEIR_RETURN_NOT_OK(FinishBuild());
    phase_ = Phase::kProbing;
    kept_bytes_ = 0;
    Account();
    return Resume(out);
  }
  return Status::OK();
}

Status HashJoin::FinishBuild() {
  WEIR_RETURN_NOT_OK(table_->Finish());
  matched_.assign(options_.keep[build_] ? table_->num_rows() : 0, false);
  build_only_next_ = 0;
  return Status::OK();
}

Status HashJoin::StartPartitioning(Emitter& out) {
  Level level;
  for (int side : {kLeft, kRight}) {
    level.sides[side] = std::make_unique<PartitionedSpill>(context_.temp_dir, options_.schemas[side]);
  }
  if (table_) {
    for (Batch& batch : table_->TakeBatches()) {
      const Batch rows = std::move(batch);  // freed when it is written
      WEIR_RETURN_NOT_OK(Scatter(level, build_, rows, 0));
    }
    table_.reset();
  }
  for (int side : {kLeft, kRight}) {
    for (Batch& kept : kept_[side]) {
      WEIR_RETURN_NOT_OK(Scatter(level, side, kept, 0));
      kept = Batch();
    }
    kept_[side].clear();
  }
  kept_bytes_ = 0;
  levels_.push_back(std::move(level));
  phase_ = Phase::kPartitioning;
  CountSpill(out);
  Account();
  return Status::OK();
}

Status HashJoin::Scatter(Level& level, int side, const Batch& batch, int depth) {
  const int64_t rows = batch.num_rows();
  std::vector<ArrayDataPtr> keys;
  for (int key : options_.keys[side]) keys.push_back(batch.column(key));
  std::vector<uint64_t> hashes(rows);
  WEIR_RETURN_NOT_OK(hasher_[side].Hash(keys, rows, hashes.data()));
  std::vector<uint8_t> partitions(rows);
  for (int64_t i = 0; i < rows; ++i) partitions[i] = SpillPartition(hashes[i], depth);
  return level.sides[side]->Scatter(batch, partitions.data());
}

Status HashJoin::Finish(Emitter& out) {
  if (phase_ == Phase::kPartitioning) {
    for (auto& side : levels_.back().sides) WEIR_RETURN_NOT_OK(side->Finish());
    phase_ = Phase::kPartitions;
  }
  return Resume(out);
}

Status HashJoin::Resume(Emitter& out) {
  bool idle = false;
  while (!idle) {
    if (out.full()) {
      out.Yield();
      return Status::OK();
    }
    WEIR_RETURN_NOT_OK(Work(out, &idle));
  }
  return Status::OK();
}

Status HashJoin::Work(Emitter& out, bool* idle) {
  if (phase_ == Phase::kEnded || phase_ == Phase::kUndecided || phase_ == Phase::kBuilding ||
      phase_ == Phase::kPartitioning) {
    *idle = true;
    return Status::OK();
  }
  if (has_current_) return EmitPairs(out);
  std::optional<Batch> next;
  if (phase_ == Phase::kProbing) {
    std::vector<Batch>& waiting = kept_[probe()];
    if (!waiting.empty()) {
      next = std::move(waiting.front());
      waiting.erase(waiting.begin());
    }
  } else if (partition_ >= 0) {
    WEIR_ASSIGN_OR_RETURN(next, levels_.back().sides[probe()]->Next(partition_));
  }
  if (next) {
    current_ = std::move(*next);
    groups_.resize(current_.num_rows());
    WEIR_RETURN_NOT_OK(table_->Probe(current_, options_.keys[probe()], groups_.data()));
    row_ = 0;
    offset_ = 0;
    has_current_ = true;
    probe_only_given_ = false;
    return Status::OK();
  }
  if (phase_ == Phase::kProbing && !(port_ended_[kLeft] && port_ended_[kRight])) {
    *idle = true;
    return Status::OK();
  }
  if (table_ && options_.keep[build_] && build_only_next_ < table_->num_rows()) return EmitBuildOnly(out);
  if (phase_ == Phase::kPartitions) {
    bool done = false;
    WEIR_RETURN_NOT_OK(NextPartition(&done));
    CountSpill(out);
    if (!done) return Status::OK();
  }
  table_.reset();
  Account();
  phase_ = Phase::kEnded;
  return Status::OK();
}

Status HashJoin::NextPartition(bool* done) {
  partition_ = -1;
  table_.reset();
  while (!levels_.empty()) {
    const size_t level = levels_.size() - 1;
    if (levels_[level].next == kSpillPartitions) {
      for (const auto& side : levels_[level].sides) spilled_ += side->file_bytes();
      levels_.pop_back();
      continue;
    }
    const int partition = levels_[level].next++;
    if (!levels_[level].sides[kLeft]->has(partition) && !levels_[level].sides[kRight]->has(partition)) continue;
    WEIR_RETURN_NOT_OK(LoadPartition(levels_[level], partition));
    if (table_) {
      partition_ = partition;
      return Status::OK();
    }
  }
  *done = true;
  return Status::OK();
}

/// Builds the table of one partition, or, when it is too big, splits it into a level of its own; then table_ stays
/// null.
Status HashJoin::LoadPartition(Level& level, int partition) {
  // The smaller side of this very partition is the table.
  build_ = level.sides[kLeft]->rows(partition) < level.sides[kRight]->rows(partition) ? kLeft : kRight;
  const int64_t total = level.sides[build_]->rows(partition);
  table_ = std::make_unique<JoinTable>(options_.schemas[build_], options_.keys[build_], windows_);
  for (;;) {
    WEIR_ASSIGN_OR_RETURN(std::optional<Batch> batch, level.sides[build_]->Next(partition));
    if (!batch) break;
    WEIR_RETURN_NOT_OK(table_->Add(std::move(*batch)));
    Account();
    if (!reservation_.ShouldSpill(table_->growth_bytes()) || level.depth + 1 >= kMaxSpillDepth ||
        table_->num_rows() * 2 > total)
      continue;
    Level deeper;
    deeper.depth = level.depth + 1;
    for (int side : {kLeft, kRight}) {
      deeper.sides[side] = std::make_unique<PartitionedSpill>(context_.temp_dir, options_.schemas[side]);
    }
    for (Batch& taken : table_->TakeBatches()) {
      const Batch rows = std::move(taken);
      WEIR_RETURN_NOT_OK(Scatter(deeper, build_, rows, deeper.depth));
    }
    table_.reset();
    for (int side : {build_, probe()}) {
      for (;;) {
        WEIR_ASSIGN_OR_RETURN(std::optional<Batch> rest, level.sides[side]->Next(partition));
        if (!rest) break;
        WEIR_RETURN_NOT_OK(Scatter(deeper, side, *rest, deeper.depth));
      }
      WEIR_RETURN_NOT_OK(deeper.sides[side]->Finish());
    }
    levels_.push_back(std::move(deeper));
    Account();
    return Status::OK();
  }
  return FinishBuild();
}

Status HashJoin::EmitPairs(Emitter& out) {
  const int64_t rows = current_.num_rows();
  std::vector<int32_t> probe_rows;
  std::vector<uint32_t> positions;
  probe_rows.reserve(std::min(rows, context_.batch_rows));
  positions.reserve(std::min(rows, context_.batch_rows));
  const auto limit = static_cast<size_t>(std::max<int64_t>(context_.batch_rows, 1));
  for (; row_ < rows && positions.size() < limit; ++row_) {
    const uint32_t group = groups_[row_];
    if (group == kNoGroup) continue;
    const uint32_t begin = table_->begin(group), end = table_->end(group);
    uint32_t at = begin + offset_;
    for (; at < end && positions.size() < limit; ++at) {
      probe_rows.push_back(static_cast<int32_t>(row_));
      positions.push_back(at);
    }
    if (at < end) {
      offset_ = at - begin;  // the rest of this group goes into the next batch
      break;
    }
    offset_ = 0;
  }
  if (!matched_.empty()) {
    for (uint32_t position : positions) matched_[position] = true;
  }
  if (!positions.empty()) {
    Batch selected = current_;
    if (static_cast<int64_t>(probe_rows.size()) != rows || probe_rows.back() != rows - 1 || probe_rows[0] != 0 ||
        !table_->unique()) {
      const auto count = static_cast<int64_t>(probe_rows.size());
      selected = current_.Select({arrow::Buffer::FromVector(std::move(probe_rows)), count});
    }
    WEIR_RETURN_NOT_OK(EmitRows(selected, positions, true, out));
  }
  if (row_ < rows) return Status::OK();
  if (options_.keep[probe()] && !probe_only_given_) {
    probe_only_given_ = true;
    WEIR_RETURN_NOT_OK(EmitProbeOnly(out));
  }
  has_current_ = false;
  current_ = Batch();
  return Status::OK();
}

Status HashJoin::EmitProbeOnly(Emitter& out) {
  std::vector<int32_t> rows;
  for (int64_t row = 0; row < current_.num_rows(); ++row) {
    if (groups_[row] == kNoGroup) rows.push_back(static_cast<int32_t>(row));
  }
  if (rows.empty()) return Status::OK();
  const auto count = static_cast<int64_t>(rows.size());
  return EmitRows(current_.Select({arrow::Buffer::FromVector(std::move(rows)), count}), {}, false, out);
}

/// Probe rows beside the build rows at `positions`, or beside nulls.
Status HashJoin::EmitRows(const Batch& probe_rows, std::span<const uint32_t> positions, bool matched, Emitter& out) {
  const int left = options_.schemas[kLeft]->num_fields();
  const ColumnSet& needed = context_.needed_outputs[0];
  std::vector<int> indices;
  std::vector<ArrayDataPtr> fresh;
  for (int i = 0; i < options_.output->num_fields(); ++i) {
    const int side = i < left ? kLeft : kRight;
    const int column = i < left ? i : i - left;
    if (side == probe() && needed.contains(i)) {
      indices.push_back(column);
      continue;
    }
    fresh.emplace_back();
    indices.push_back(-static_cast<int>(fresh.size()));
    if (!needed.contains(i)) continue;  // pruned in every batch alike
    if (matched) {
      WEIR_ASSIGN_OR_RETURN(fresh.back(), table_->Gather(column, positions));
    } else {
      WEIR_ASSIGN_OR_RETURN(fresh.back(), NullColumn(options_.output->field(i)->type(), probe_rows.num_rows()));
    }
  }
  Batch joined = probe_rows.Project(options_.output, indices, std::move(fresh));
  joined.set_morsel(-1);
  if (!windows_) joined.set_event_time(Int64Column(Window{}.max_timestamp()));
  return out.Emit(std::move(joined));
}

Status HashJoin::EmitBuildOnly(Emitter& out) {
  std::vector<uint32_t> positions;
  while (build_only_next_ < table_->num_rows() && static_cast<int64_t>(positions.size()) < context_.batch_rows) {
    if (!matched_[build_only_next_]) positions.push_back(build_only_next_);
    ++build_only_next_;
  }
  if (positions.empty()) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(Batch rows, table_->GatherRows(positions));
  const int left = options_.schemas[kLeft]->num_fields();
  const ColumnSet& needed = context_.needed_outputs[0];
  std::vector<int> indices;
  std::vector<ArrayDataPtr> fresh;
  for (int i = 0; i < options_.output->num_fields(); ++i) {
    const int side = i < left ? kLeft : kRight;
    if (side == build_ && needed.contains(i)) {
      indices.push_back(i < left ? i : i - left);
      continue;
    }
    fresh.emplace_back();
    indices.push_back(-static_cast<int>(fresh.size()));
    if (!needed.contains(i)) continue;
    WEIR_ASSIGN_OR_RETURN(fresh.back(), NullColumn(options_.output->field(i)->type(), rows.num_rows()));
  }
  Batch alone = rows.Project(options_.output, indices, std::move(fresh));
  if (!windows_) alone.set_event_time(Int64Column(Window{}.max_timestamp()));
  return out.Emit(std::move(alone));
}

}  // namespace

Result<std::unique_ptr<Operator>> MakeHashJoin(HashJoinOptions options, const OperatorContext& context) {
  return std::make_unique<HashJoin>(std::move(options), context);
}

}  // namespace weir
