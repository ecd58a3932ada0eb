// JoinTable: the build side of a hash join in memory. Rows of whole batches, found by the group numbers of their keys.
#pragma once

#include <memory>
#include <vector>

#include "batch/batch.h"
#include "batch/interleave.h"
#include "state/hash/group_table.h"

namespace weir {

/// Add all, Finish, then any number of Probe. Not thread-safe until Finish; after it every const method may be called
/// by several threads at once.
class JoinTable {
 public:
  /// `keys`: columns of the build rows. With `windows` the windows that rows carry are part of the key.
  JoinTable(SchemaPtr schema, std::vector<int> keys, bool windows);

  Status Add(Batch batch);
  /// `gathered`: the columns that will be asked for; the others are freed.
  Status Finish(const std::vector<bool>& gathered);

  /// groups[i] = what row i of `batch` matches, kNoGroup for nothing; `keys` are its key columns in the same order. A
  /// null key matches nothing.
  Status Probe(const Batch& batch, const std::vector<int>& keys, GroupTable::Scratch* scratch, uint32_t* groups) const;
  /// The rows of a group: positions as Gather takes them.
  uint32_t begin(uint32_t group) const { return in_order_ ? group : starts_[group]; }
  uint32_t end(uint32_t group) const { return in_order_ ? group + 1 : starts_[group + 1]; }
  /// No key has two rows: each group is one row.
  bool unique() const { return unique_; }
  /// Moreover the position of a group's row is the group's number.
  bool in_order() const { return in_order_; }

  /// Column `column` of the rows at `positions` (as begin() and end() count them).
  Result<ArrayDataPtr> Gather(int column, std::span<const uint32_t> positions) const;
  /// Whole rows, with times and windows.
  Result<Batch> GatherRows(std::span<const uint32_t> positions) const;

  int64_t num_rows() const { return num_rows_; }
  int64_t size_bytes() const;
  /// What the next rows and Finish may take besides: tables double, and small ones are put into one batch.
  int64_t growth_bytes() const;
  /// Before Finish: gives the rows back and forgets them.
  std::vector<Batch> TakeBatches();

 private:
  std::vector<ArrayDataPtr> KeyColumns(const Batch& batch, const std::vector<int>& keys) const;
  void OrderRows();
  std::vector<int32_t> FlatRows(std::span<const uint32_t> positions) const;
  std::vector<RowRef> Rows(std::span<const uint32_t> positions) const;

  const SchemaPtr schema_;
  const std::vector<int> keys_;
  const bool windows_;
  GroupTable groups_;
  std::vector<Batch> batches_;
  std::vector<std::vector<uint32_t>> groups_of_batch_;
  std::vector<uint32_t> starts_;    // per group, into rows_; neither is needed where rows are in order
  std::vector<RowRef> rows_;        // ordered by group
  std::vector<int32_t> flat_rows_;  // the same as rows of one_, when all fits into one batch
  Batch one_;
  bool is_one_ = false;
  bool unique_ = false;
  bool in_order_ = false;
  int64_t num_rows_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace weir
