// HashJoin: the side that ends first becomes the table, the other streams past it.
//
//   undecided ──one side ended, or too much is kept──▶ building ──build side ended──▶ probing ──▶ ended
//        └───────────────┬──────────────────────────────────┘
//                        └──over the memory budget──▶ partitioning ──both ended──▶ partition after partition ──▶ ended
//
// Partitioning writes both sides to disk by the hash of their keys, then joins partition by partition; one that is
// still too big is partitioned again by other bits of the hash (GRACE: Kitsuregawa et al. 1983). A partition that does
// not get smaller (one hot key) is joined in memory after all.
#include "operators/join/hash_join.h"

#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>

#include "batch/gather.h"
#include "operators/join/join_prober.h"
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
      : options_(std::move(options)), context_(context), reservation_(context.memory), prober_(options_, context_) {
    windows_ = !options_.windowing.is_global();
  }

  Status Process(int port, Batch batch, Emitter& out) override;
  Status OnPortEnd(int port, Emitter& out) override;
  Status Finish(Emitter& out) override;
  Status Resume(Emitter& out) override;
  bool Accepts(int port) const override { return phase_ != Phase::kBuilding || port == build_; }
  int64_t state_bytes() const override { return reservation_.bytes(); }

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
  Status EmitBuildOnly(Emitter& out);
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

  JoinProber prober_;
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
  const int first = build_ == kLeft ? 0 : options_.schemas[kLeft]->num_fields();
  std::vector<bool> gathered;
  for (int i = 0; i < options_.schemas[build_]->num_fields(); ++i) {
    gathered.push_back(context_.needed_outputs[0].contains(first + i));
  }
  WEIR_RETURN_NOT_OK(table_->Finish(gathered));
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
  if (prober_.busy()) {
    WEIR_ASSIGN_OR_RETURN(std::optional<Batch> joined, prober_.Next(&matched_));
    return joined ? out.Emit(std::move(*joined)) : Status::OK();
  }
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
  if (next) return prober_.Start(table_.get(), static_cast<Side>(build_), std::move(*next));
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
