// StreamTable: both sides of a join whose inputs go on: rows by key, in chains, with the sum of weights for each key.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "state/hash/group_table.h"
#include "state/join/chained_rows.h"

namespace weir {

/// One lane; not thread-safe. Sides are 0 and 1. Both share one table of keys, so a row that looks for partners and is
/// kept itself is looked up once.
class StreamTable {
 public:
  struct Options {
    SchemaPtr schemas[2];
    std::vector<int> keys[2];           // columns, pairwise of one type
    bool weights[2] = {false, false};   // rows of this side carry weights
    bool partners[2] = {false, false};  // a count is kept for each row of this side
    bool times = false;                 // with weights: rows that differ in nothing but event time are not equal
  };
  explicit StreamTable(Options options);

  /// groups[i] = the group of row i; a new key gets a new one. kNoGroup where a key is null: it equals nothing.
  Status Lookup(int side, const Batch& batch, std::vector<uint32_t>* groups);
  /// The same without new keys: kNoGroup for those that are not there.
  Status Find(int side, const Batch& batch, std::vector<uint32_t>* groups);
  /// Keeps the rows that have a group; of a side with weights, rows that are equal are one row with the sum of their
  /// weights. `ids`, unless null: the row number of each, kEnd without a group; those that were not there before have
  /// the numbers from rows(side).num_rows() of before on.
  Status Add(int side, const Batch& batch, const std::vector<uint32_t>& groups, std::vector<uint32_t>* ids = nullptr);

  const ChainedRows& rows(int side) const { return *sides_[side].rows; }
  ChainedRows* mutable_rows(int side) { return sides_[side].rows.get(); }
  uint32_t num_groups() const { return groups_.num_groups(); }
  /// Of the weights of all rows of this key and side.
  int64_t sum(int side, uint32_t group) const {
    const auto& sums = sides_[side].sums;
    return group < sums.size() ? sums[group] : 0;
  }
  std::vector<int64_t>& partners(int side) { return sides_[side].partners; }

  /// So many rows have come since the last Rebuild that another one pays, if rows have gone or cancel each other out.
  bool WantsRebuild() const;
  /// Rows have been taken back since the last Rebuild.
  bool has_negative() const { return negative_; }
  /// Forgets the rows for which `keeps` says no, those of weight 0, and keys without rows. Rows get other numbers, keys
  /// other groups.
  Status Rebuild(const std::function<bool(int side, uint32_t row)>& keeps);
  void Clear();

  int64_t size_bytes() const;

 private:
  struct Side {
    std::unique_ptr<ChainedRows> rows;
    std::vector<int64_t> sums;      // by group
    std::vector<int64_t> partners;  // by row
    // With weights: rows that differ, by all columns that are there, and the row number of each.
    std::unique_ptr<GroupTable> distinct;
    std::vector<uint32_t> row_of_distinct;
    std::vector<uint32_t> scratch;
  };
  std::vector<ArrayDataPtr> Keys(int side, const Batch& batch) const;
  Status AddNew(Side* to, const Batch& batch, const std::vector<uint32_t>& groups, std::vector<uint32_t>* ids);
  Status AddEqual(Side* to, const Batch& batch, const std::vector<uint32_t>& groups, std::vector<uint32_t>* ids);
  Result<const uint32_t*> FindEqual(Side* to, const Batch& batch);

  const Options options_;
  GroupTable groups_;
  GroupTable::Scratch scratch_;
  Side sides_[2];
  bool negative_ = false;
  uint32_t rebuild_rows_;  // a Rebuild does not pay below
};

}  // namespace weir
