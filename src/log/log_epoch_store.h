// LogEpochStore: an EpochStore in a chunk log. An epoch is one commit: records with the cells that changed, and a
// commit record with everything else.
//
// Old records are folded as epochs are committed: of the key groups that need the oldest records, the cells that have
// not changed since are written once more, and then the oldest segments go. Folding is paid by what changes: for every
// byte of changed keys and values at most 1.2 are written. So the log holds at most six to nine times the state, by the
// size of cells, and about four times where changes are spread evenly; a log of two segments is left alone. Small cells
// and small epochs cost more, by their heads. Source of the idea: the cleaner of the log-structured file system
// (Rosenblum and Ousterhout, 1992), which here goes round the key groups.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/cell_index.h"
#include "log/chunk_log.h"
#include "log/epoch_store.h"

namespace weir {

struct EpochStoreOptions {
  Durability durability = Durability::kPower;
  int64_t segment_bytes = int64_t{16} << 20;
  /// What is merged at a time, in bytes of cells: bounds the memory of folding, down to one key group of one node.
  int64_t fold_bytes = int64_t{8} << 20;
  std::string holder;  // who writes, for messages: "pid 4711"
  PlantedFaults faults;
};

/// Threads: as EpochStore. Commit: where the disk is full (IsDiskFull, env/system_error.h) nothing has happened, and
/// the same record may be committed when there is room; after any other error nothing more is committed.
class LogEpochStore final : public EpochStore {
 public:
  /// Takes the folder, which is made where it is missing. Errors: IOError where another process has it, and for
  /// damage, with file and offset.
  static Result<std::unique_ptr<LogEpochStore>> Open(FileSystem& files, std::string folder, EpochStoreOptions options);

  Result<std::optional<EpochState>> Load() override;
  Status Commit(const EpochRecord& record) override;
  /// Amends the last epoch: nodes of these names have no cells, position or token any more, as if they had never been.
  Status Forget(const std::vector<std::string>& nodes);

  /// Figures since Open: bytes of keys and values that were given to Commit, and what went to files.
  int64_t changed_bytes() const { return changed_bytes_; }
  int64_t bytes_written() const { return log_->bytes_written(); }
  int64_t folded_bytes() const { return folded_bytes_; }
  int64_t bytes_on_disk() const { return log_->bytes_on_disk(); }
  int64_t epoch() const { return log_->epoch(); }

 private:
  LogEpochStore(FileSystem& files, EpochStoreOptions options) : options_(std::move(options)), index_(files) {}
  void Begin();
  Status Write(const EpochRecord& record);
  Status WriteWithout(const std::vector<std::string>& nodes);
  Status CommitState(EpochState next, int64_t wall_us);
  Status End(const Status& written, int64_t changed);
  void Remember(const std::string& node);
  Status AppendCells(const std::string& node, const StateCells& cells, int64_t* written);
  Status FoldSome();
  void TakeBack();

  const EpochStoreOptions options_;
  std::unique_ptr<ChunkLog> log_;
  CellIndex index_;
  EpochState state_;           // of the last commit, without cells
  int64_t credit_before_ = 0;  // when this epoch was begun
  int64_t credit_ = 0;         // bytes that may be folded
  bool no_room_ = false;       // the last attempt found the disk full: do not fold in the next
  int64_t epoch_bytes_ = 0;    // written in this epoch, without what was folded
  int64_t last_epoch_bytes_ = 0;
  int64_t changed_bytes_ = 0, folded_bytes_ = 0;
  /// What the index said of the nodes that this epoch touches.
  struct Before {
    CellIndex::Slots slots;
    size_t records = 0;
  };
  std::map<std::string, Before> before_;
};

/// What was committed last in a folder that may be in use: reads only. Nullopt: nothing.
Result<std::optional<EpochState>> ReadEpochState(FileSystem& files, const std::string& folder);

}  // namespace weir
