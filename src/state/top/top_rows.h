// TopRows: the first n rows of each group in an order, over a stream of batches.
//
// A row that is among the first n so far is copied once, with those of its batch, into memory of its own; a batch that
// has lost most of its rows is copied together with others like it. What does not fit goes to disk by hash of the key,
// and each part is done again by itself: the first rows of the first rows are the first rows.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "batch/interleave.h"
#include "state/hash/group_table.h"
#include "state/hash/hash.h"
#include "state/memory_budget.h"
#include "state/sort/sort_keys.h"
#include "state/spill.h"

namespace weir {

struct TopRowsOptions {
  std::vector<int> keys;    // columns; none: all rows are one group
  std::vector<SortKey> by;  // rows that are equal in these are told apart by all their columns, from the first
  int64_t n = 1;
  bool windows = false;  // rows carry windows, which are part of the key
  int64_t batch_rows = 8192;
  std::string temp_dir;
  MemoryBudget* memory = nullptr;  // null: unlimited
};

/// Add all, Finish, then Next until it gives nothing. Without keys the rows of a group come in order; with keys in no
/// particular order. Not thread-safe.
class TopRows {
 public:
  TopRows(SchemaPtr schema, TopRowsOptions options, int level = 0);
  ~TopRows();
  Status Add(Batch batch);
  Status Finish();
  Result<std::optional<Batch>> Next();
  int64_t spilled_bytes() const { return spilled_bytes_; }

 private:
  struct Entry {
    EncodedKeys::Prefix prefix;
    RowRef ref{kNone, 0};
  };
  static constexpr uint32_t kNone = UINT32_MAX;

  Result<std::vector<ArrayDataPtr>> KeyColumns(const Batch& batch) const;
  bool Before(const Entry& a, const Entry& b) const;
  /// Whether the row is now among the first of its group. Rows that it drives out are forgotten.
  bool Offer(uint32_t group, const Entry& entry);
  void Forget(const RowRef& ref);
  /// Replaces the batch at the end of the list by a copy of its rows that are still wanted.
  Status KeepWanted(int64_t rows);
  void MoveEntry(uint32_t group, uint32_t from_row, uint32_t to_row);
  template <typename F>
  void ForEachEntry(F function);
  Status CompactBatches();
  /// Removes batches that no entry refers to any more; the others get new numbers.
  void DropBatches(const std::vector<uint8_t>& dropped);
  Status Spill();
  void Account();
  void PrepareOutput();

  const SchemaPtr schema_;
  const TopRowsOptions options_;
  const int level_;
  MemoryReservation reservation_;
  GroupTable table_;
  KeyHasher hasher_;
  std::vector<Entry> single_;              // n = 1: by group
  std::vector<std::vector<Entry>> lists_;  // n > 1: by group, in order
  std::vector<Batch> batches_;
  std::vector<EncodedKeys> tails_;    // per batch; empty where no key is long
  std::vector<int64_t> wanted_rows_;  // per batch
  std::vector<uint8_t> wanted_;       // scratch: rows of the batch at hand
  std::vector<uint32_t> groups_;      // scratch
  int64_t held_rows_ = 0, total_wanted_ = 0, batch_bytes_ = 0;

  std::vector<std::unique_ptr<SpillFile>> parts_;
  std::unique_ptr<TopRows> part_;
  size_t next_part_ = 0;
  int64_t spilled_bytes_ = 0;

  std::vector<RowRef> ordered_;               // output without keys
  std::vector<std::vector<int32_t>> output_;  // output with keys: rows per batch
  size_t next_output_ = 0;
};

}  // namespace weir
