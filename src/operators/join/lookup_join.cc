// The lane that builds, the lanes that probe, and the table between them.
#include "operators/join/lookup_join.h"

#include <arrow/type.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "operators/join/join_prober.h"
#include "operators/support/windowed_rows.h"
#include "state/cells/row_state.h"
#include "state/join/join_table.h"
#include "state/memory_budget.h"
#include "state/snapshot/state_cells.h"
#include "state/spill.h"

namespace weir {
namespace {

/// Tables of cells: rows of the build side, and rows that came too early.
constexpr int kTable = 0, kEarlyTable = 1;

/// Rows that stay for ever, as cells: each is put once. Until then their batches are kept.
class KeptRows {
 public:
  KeptRows(SchemaPtr schema, bool on) : schema_(std::move(schema)), on_(on) {}
  void Add(const Batch& batch) {
    if (on_) fresh_.push_back(batch);
  }
  Status Put(StateCells* out) {
    std::string key, value;
    for (const Batch& batch : fresh_) {
      for (int64_t row = 0; row < batch.num_rows(); ++row) {
        key.clear();
        value.clear();
        StateWriter(&key).Int(next_++);
        StateWriter writer(&value);
        AppendBatchRow(batch, row, &writer);
        out->Put(kTable, kNoKeyGroup, key, value);
      }
    }
    fresh_.clear();
    return Status::OK();
  }
  Result<std::vector<Batch>> Restore(const StateCells& cells) {
    std::vector<std::pair<int64_t, int64_t>> in_order;  // number, cell
    for (int64_t i = 0; i < cells.size(); ++i) {
      if (cells.at(i).table == kTable) in_order.emplace_back(StateReader(cells.at(i).key).Int(), i);
    }
    std::sort(in_order.begin(), in_order.end());
    std::vector<Batch> out;
    BatchStateReader reader(schema_);
    for (const auto& [number, i] : in_order) {
      StateReader value(cells.at(i).value);
      WEIR_RETURN_NOT_OK(reader.Add(&value));
      if (!value.AtEnd()) return DamagedState();
      next_ = std::max(next_, number + 1);
      if (reader.rows() < kBatchRows && number != in_order.back().first) continue;
      WEIR_ASSIGN_OR_RETURN(Batch batch, reader.Finish());
      out.push_back(std::move(batch));
    }
    return out;
  }

 private:
  static constexpr int64_t kBatchRows = 65536;
  const SchemaPtr schema_;
  const bool on_;
  std::vector<Batch> fresh_;
  int64_t next_ = 0;
};

/// Written by the build until it ends, read by the probes afterwards.
struct BuildSide {
  BuildSide(const LookupJoinOptions& options, const OperatorContext& lane)
      : reservation(lane.memory), kept(options.join.schemas[kRight], lane.durable) {}
  std::unique_ptr<JoinTable> table;  // null: on disk
  std::vector<bool> gathered;        // columns of it that are asked for
  bool finished = false;             // the table
  std::mutex mutex;                  // over reading `spilled`
  std::unique_ptr<SpillFile> spilled;
  MemoryReservation reservation;
  std::atomic<int> probes{0};  // that have not ended
  KeptRows kept;               // the probe of the first lane puts them: when the build has ended, nobody asks it

  /// By the build, or where it had ended in an earlier run by the first probe that knows.
  Status Finish() {
    std::lock_guard lock(mutex);
    if (finished || table == nullptr) return Status::OK();
    finished = true;
    WEIR_RETURN_NOT_OK(table->Finish(gathered));
    reservation.Set(table->size_bytes());
    return Status::OK();
  }

  void Free() {
    table.reset();
    spilled.reset();
    reservation.Set(0);
  }
};

std::shared_ptr<BuildSide> SharedBuild(const LookupJoinOptions& options, const OperatorContext& context) {
  return context.shared->Get<BuildSide>("build of " + options.name,
                                        [&] { return std::make_shared<BuildSide>(options, context); });
}

Result<Batch> InWindows(Batch batch, const WindowingStrategy& windowing) {
  if (windowing.is_global() || batch.has_window()) return batch;
  return PutIntoWindows(std::move(batch), windowing);
}

class LookupBuild final : public Operator {
 public:
  LookupBuild(LookupJoinOptions options, const OperatorContext& context)
      : options_(std::move(options)), context_(context), side_(SharedBuild(options_, context_)) {
    const HashJoinOptions& join = options_.join;
    const ColumnSet& needed = context_.needed_outputs[0];
    for (int i = 0; i < needed.num_columns(); ++i) side_->gathered.push_back(needed.contains(i));
    side_->table = std::make_unique<JoinTable>(join.schemas[kRight], join.keys[kRight], !join.windowing.is_global());
  }

  Status Process(int, Batch batch, Emitter& out) override {
    WEIR_ASSIGN_OR_RETURN(batch, InWindows(std::move(batch), options_.join.windowing));
    side_->kept.Add(batch);
    if (side_->spilled != nullptr) {
      WEIR_RETURN_NOT_OK(side_->spilled->Append(batch));
      return Account(out);
    }
    WEIR_RETURN_NOT_OK(side_->table->Add(std::move(batch)));
    WEIR_RETURN_NOT_OK(Account(out));
    if (options_.join.endless_left || !side_->reservation.ShouldSpill(side_->table->growth_bytes()))
      return Status::OK();
    WEIR_ASSIGN_OR_RETURN(side_->spilled, SpillFile::Create(context_.temp_dir, options_.join.schemas[kRight]));
    for (Batch& taken : side_->table->TakeBatches()) {
      const Batch rows = std::move(taken);  // freed when it is written
      WEIR_RETURN_NOT_OK(side_->spilled->Append(rows));
    }
    side_->table.reset();
    return Account(out);
  }

  Status Finish(Emitter& out) override {
    WEIR_RETURN_NOT_OK(side_->Finish());
    return Account(out);
  }

 private:
  Status Account(Emitter& out) {
    side_->reservation.Set(side_->table ? side_->table->size_bytes() : side_->spilled->buffered_bytes());
    const int64_t written = side_->spilled ? side_->spilled->file_bytes() : 0;
    out.CountSpill(written - counted_spill_);
    counted_spill_ = written;
    return Status::OK();
  }

  const LookupJoinOptions options_;
  const OperatorContext context_;
  const std::shared_ptr<BuildSide> side_;
  int64_t counted_spill_ = 0;
};

class LookupProbe final : public Operator {
 public:
  LookupProbe(LookupJoinOptions options, const OperatorContext& context)
      : options_(std::move(options)),
        context_(context),
        side_(SharedBuild(options_, context_)),
        prober_(options_.join, context_) {
    ++side_->probes;
  }
  ~LookupProbe() override {
    if (--side_->probes == 0) side_->Free();
  }

  bool Accepts(int port) const override { return port == kRight || ready_; }
  EventTime watermark_hold() const override { return ready_ ? kMaxEventTime : kMinEventTime; }

  Status Process(int port, Batch batch, Emitter& out) override {
    if (!ready_) {  // handed over all the same
      early_.push_back(std::move(batch));
      return Status::OK();
    }
    if (on_disk_ != nullptr) return on_disk_->Process(port, std::move(batch), out);
    WEIR_ASSIGN_OR_RETURN(batch, InWindows(std::move(batch), options_.join.windowing));
    WEIR_RETURN_NOT_OK(prober_.Start(side_->table.get(), kRight, std::move(batch)));
    return EmitJoined(out);
  }

  Status OnPortEnd(int port, Emitter& out) override {
    if (port == kLeft) return on_disk_ ? on_disk_->OnPortEnd(port, out) : Status::OK();
    ready_ = true;
    WEIR_RETURN_NOT_OK(side_->Finish());
    if (side_->table == nullptr) WEIR_RETURN_NOT_OK(LoadFromDisk(out));
    return Resume(out);
  }

  // The table, and the rows that were handed over before it was there: these go to the first lane, under keys of the
  // lane that had them.
  Status Snapshot(StateCells* out) override {
    if (context_.lane == 0) WEIR_RETURN_NOT_OK(side_->kept.Put(out));
    for (const std::string& key : put_) out->Delete(kEarlyTable, kNoKeyGroup, key);
    put_.clear();
    for (const Batch& batch : early_) {
      for (int64_t row = 0; row < batch.num_rows(); ++row) {
        std::string key, value;
        StateWriter key_writer(&key), writer(&value);
        key_writer.Int(context_.lane);
        key_writer.Int(static_cast<int64_t>(put_.size()));
        AppendBatchRow(batch, row, &writer);
        out->Put(kEarlyTable, kNoKeyGroup, key, value);
        put_.push_back(std::move(key));
      }
    }
    return Status::OK();
  }
  Status Restore(const StateCells& cells) override {
    if (context_.lane == 0) {
      WEIR_ASSIGN_OR_RETURN(std::vector<Batch> batches, side_->kept.Restore(cells));
      for (Batch& batch : batches) WEIR_RETURN_NOT_OK(side_->table->Add(std::move(batch)));
      side_->reservation.Set(side_->table->size_bytes());
    }
    BatchStateReader reader(options_.join.schemas[kLeft]);
    for (int64_t i = 0; i < cells.size(); ++i) {
      if (cells.at(i).table != kEarlyTable) continue;
      StateReader value(cells.at(i).value);
      WEIR_RETURN_NOT_OK(reader.Add(&value));
      put_.emplace_back(cells.at(i).key);
    }
    if (reader.rows() == 0) return Status::OK();
    WEIR_ASSIGN_OR_RETURN(Batch batch, reader.Finish());
    early_.push_back(std::move(batch));
    return Status::OK();
  }

  Status Finish(Emitter& out) override { return on_disk_ ? on_disk_->Finish(out) : Resume(out); }

  Status Resume(Emitter& out) override {
    if (prober_.busy()) WEIR_RETURN_NOT_OK(EmitJoined(out));
    while (!early_.empty() && !prober_.busy()) {
      Batch batch = std::move(early_.back());
      early_.pop_back();
      WEIR_RETURN_NOT_OK(Process(kLeft, std::move(batch), out));
    }
    return on_disk_ ? on_disk_->Resume(out) : Status::OK();
  }

 private:
  Status EmitJoined(Emitter& out) {
    for (;;) {
      WEIR_ASSIGN_OR_RETURN(std::optional<Batch> joined, prober_.Next(&no_marks_));
      if (!joined) return Status::OK();
      WEIR_RETURN_NOT_OK(out.Emit(std::move(*joined)));
      if (prober_.busy() && out.full()) {
        out.Yield();
        return Status::OK();
      }
    }
  }

  /// One lane after the other reads the whole build side into a join of its own, which partitions it on disk.
  Status LoadFromDisk(Emitter& out) {
    WEIR_ASSIGN_OR_RETURN(on_disk_, MakeHashJoin(options_.join, context_));
    {
      std::lock_guard lock(side_->mutex);
      WEIR_RETURN_NOT_OK(side_->spilled->Rewind());
      for (;;) {
        WEIR_ASSIGN_OR_RETURN(std::optional<Batch> batch, side_->spilled->Next());
        if (!batch) break;
        WEIR_RETURN_NOT_OK(on_disk_->Process(kRight, std::move(*batch), out));
      }
    }
    return on_disk_->OnPortEnd(kRight, out);
  }

  const LookupJoinOptions options_;
  const OperatorContext context_;
  const std::shared_ptr<BuildSide> side_;
  bool ready_ = false;
  std::vector<Batch> early_;
  std::vector<std::string> put_;  // keys of their cells
  JoinProber prober_;
  std::vector<bool> no_marks_;
  std::unique_ptr<Operator> on_disk_;
};

}  // namespace

Result<std::unique_ptr<Operator>> MakeLookupBuild(LookupJoinOptions options, const OperatorContext& context) {
  return std::make_unique<LookupBuild>(std::move(options), context);
}

Result<std::unique_ptr<Operator>> MakeLookupProbe(LookupJoinOptions options, const OperatorContext& context) {
  return std::make_unique<LookupProbe>(std::move(options), context);
}

}  // namespace weir
