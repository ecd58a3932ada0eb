// Sorter: external merge sort of batches. Rows are sorted by number, in runs that fit into memory; a run that must make
// room goes to disk; what comes out is merged from all runs. Payload columns are copied once per run and once in the
// merge.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "batch/interleave.h"
#include "state/memory_budget.h"
#include "state/sort/held_bytes.h"
#include "state/sort/sort_keys.h"
#include "state/spill.h"

namespace weir {

struct SorterOptions {
  std::vector<SortKey> keys;
  int64_t limit = -1;         // only the first rows are wanted; -1: all
  int64_t batch_rows = 8192;  // of what comes out
  std::string temp_dir;
  MemoryBudget* memory = nullptr;  // null: unlimited
};

/// Add all, Finish, then Next until it gives nothing. Rows with equal keys keep the order in which they were added. Not
/// thread-safe.
class Sorter {
 public:
  Sorter(SchemaPtr schema, SorterOptions options);
  ~Sorter();
  Status Add(Batch batch);
  Status Finish();
  Result<std::optional<Batch>> Next();
  int64_t spilled_bytes() const { return spilled_bytes_; }

 private:
  struct Entry {
    EncodedKeys::Prefix prefix;
    RowRef ref;
  };
  struct Run;  // one sorted sequence in the merge

  void SortEntries();
  bool Less(const Entry& a, const Entry& b) const;
  /// Drops what cannot be among the first `limit` rows.
  Status CutToLimit();
  Status SpillRun();
  Status OpenRuns();
  /// Merges runs until few enough are left to merge at once.
  Status ReduceRuns();
  /// The last `count` files become one.
  Status MergeNewest(size_t count);
  Result<std::optional<Batch>> NextInMemory();
  Result<std::optional<Batch>> NextMerged(std::vector<std::unique_ptr<Run>>& runs);
  void Account();
  void Clear();

  const SchemaPtr schema_;
  const SorterOptions options_;
  MemoryReservation reservation_;
  std::vector<Batch> batches_;
  std::vector<EncodedKeys> keys_;  // per batch
  std::vector<Entry> entries_;
  HeldBytes held_;
  std::vector<std::unique_ptr<SpillFile>> files_;  // the oldest rows first
  std::vector<int> levels_;                        // of each file: how often its rows were merged
  std::vector<std::unique_ptr<Run>> runs_;
  int64_t spilled_bytes_ = 0;
  int64_t given_ = 0;  // rows that came out
  size_t next_entry_ = 0;
};

}  // namespace weir
