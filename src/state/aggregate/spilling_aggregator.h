// SpillingAggregator: a GroupAggregator of any size. When memory runs out, the partial states of all groups go to disk,
// split by hash into partitions, and the table starts afresh; at the end partitions are merged one after the other,
// splitting those again that do not fit. A hot key costs nothing extra: it is one state per spill. Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "state/aggregate/group_aggregator.h"
#include "state/hash/hash.h"
#include "state/memory_budget.h"
#include "state/partitioned_spill.h"

namespace weir {

/// What becomes of finished groups before results are taken: slices to windows, for example.
class Regrouping {
 public:
  virtual ~Regrouping() = default;
  /// The next groups with their final keys, valid until the next call; null when all were given.
  virtual Result<const GroupAggregator*> Next() = 0;
  virtual int64_t size_bytes() const = 0;
};

class SpillingAggregator {
 public:
  struct Options {
    std::string temp_dir;
    MemoryBudget* memory = nullptr;  // null: never spills
    int64_t batch_rows = 8192;       // of results
    /// Keys that decide on the partition: the first so many (-1: all). Groups that agree in them are in memory together
    /// when `regroup` sees them.
    int partition_keys = -1;
    /// Null: groups are results as they are. Else made of the groups of each partition, which outlive it.
    std::function<Result<std::unique_ptr<Regrouping>>(const GroupAggregator&)> regroup;
  };
  static Result<std::unique_ptr<SpillingAggregator>> Make(std::vector<TypePtr> key_types,
                                                          const std::vector<AggregateCall>& calls, Options options);

  /// As GroupAggregator.
  Status Update(const std::vector<ArrayDataPtr>& keys, const std::vector<ArrayDataPtr>& values, const int64_t* weights,
                int64_t rows);
  Status Merge(const std::vector<ArrayDataPtr>& keys, const std::vector<ArrayDataPtr>& partial, int64_t rows);

  /// Key columns (of what `regroup` made) then results, at most batch_rows rows; nullopt when all groups were given.
  /// The first call ends the input. `errors`: groups without a result, as rows of the returned batch.
  Result<std::optional<Batch>> Next(std::vector<RowError>* errors);
  /// Empty again, for the next input.
  void Clear();

  uint32_t num_groups_in_memory() const { return groups_->num_groups(); }
  int64_t spilled_bytes() const { return spilled_bytes_; }
  const char* Method() const { return groups_->Method(); }

 private:
  SpillingAggregator(std::unique_ptr<GroupAggregator> groups, Options options);
  /// What is held, with what waits to be written to `spill` (may be null).
  void Account(const PartitionedSpill* spill);
  Status MakeRoom(int64_t rows, int depth, std::unique_ptr<PartitionedSpill>* to);
  Status Spill(int depth, std::unique_ptr<PartitionedSpill>* to);
  Status FinishSpill(PartitionedSpill* spill);
  Status BeginOutput();
  Result<bool> LoadNextPartition();
  /// The groups in memory are whole: they become the next to be given.
  Status Offer();
  /// Another piece of the regrouping; offered_ is null when there is none.
  Status OfferRegrouped();

  struct Level {
    std::unique_ptr<PartitionedSpill> spill;
    int next_partition = 0;
  };

  std::unique_ptr<GroupAggregator> groups_;
  std::unique_ptr<Regrouping> regrouping_;
  const GroupAggregator* offered_ = nullptr;  // whose groups are given now
  Options options_;
  MemoryReservation reservation_;
  SchemaPtr partial_schema_;
  KeyHasher hasher_;
  std::unique_ptr<PartitionedSpill> spill_;  // of the input
  bool output_ = false;
  uint32_t next_group_ = 0;
  std::vector<Level> levels_;  // while merging: a stack of partitioned files
  int64_t spilled_bytes_ = 0;
};

}  // namespace weir
