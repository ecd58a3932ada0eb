// StreamTable: both sides of a join whose inputs go on: rows by key, in chains, with the sum of weights for each key.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "state/cells/cell_marks.h"
#include "state/hash/group_table.h"
#include "state/join/chained_rows.h"

namespace weir {

class StateCells;

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
    bool durable = false;               // what changes is kept in mind for PutChanges
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
  int64_t partners(int side, uint32_t row) const { return sides_[side].partners[row]; }
  void AddPartners(int side, uint32_t row, int64_t count) {
    int64_t& partners = sides_[side].partners[row];
    // Without weights it is only asked whether there are any.
    if (partners == 0 || options_.weights[0] || options_.weights[1]) sides_[side].marks.Mark(row);
    partners += count;
  }

  /// So many rows have come since the last Rebuild that another one pays, if rows have gone or cancel each other out.
  bool WantsRebuild() const;
  /// Rows have been taken back since the last Rebuild.
  bool has_negative() const { return negative_; }
  /// Forgets the rows for which `keeps` says no, those of weight 0, and keys without rows. Rows get other numbers, keys
  /// other groups.
  Status Rebuild(const std::function<bool(int side, uint32_t row)>& keeps);
  void Clear();

  int64_t size_bytes() const;

  // Durable runs (stream_table_state.cc): a cell for each row, table 0 or 1 by its side. Key: `prefix`, then a number
  // counted by lane; value: the row, its partners.
  Status PutChanges(const std::string& prefix, StateCells* out);
  /// Deletes all that was put: the table is of no use any more.
  void PutGone(const std::string& prefix, StateCells* out) const;
  /// Takes the cells `numbers` of `all`, whose keys have a prefix of `prefix_size` bytes. Into an empty table.
  Status Restore(const StateCells& all, std::span<const int64_t> numbers, size_t prefix_size);

 private:
  struct CellId {
    int64_t number = 0;
    int group = 0;
  };
  struct Side {
    std::unique_ptr<ChainedRows> rows;
    std::vector<int64_t> sums;      // by group
    std::vector<int64_t> partners;  // by row
    // With weights: rows that differ, by all columns that are there, and the row number of each.
    std::unique_ptr<GroupTable> distinct;
    std::vector<uint32_t> row_of_distinct;
    std::vector<uint32_t> scratch;
    std::vector<CellId> cells;  // of rows that were put: the first ones
    CellMarks marks;            // by row: those that have changed since
  };
  Status PutRows(int side, std::span<const uint32_t> rows, const std::string& prefix, StateCells* out);
  Status RestoreSide(int side, const StateCells& all, std::span<const std::pair<int64_t, int64_t>> in_order);
  void KeepCells(int side, const Side& old, std::span<const uint32_t> rows);
  std::vector<ArrayDataPtr> Keys(int side, const Batch& batch) const;
  Status AddNew(Side* to, const Batch& batch, const std::vector<uint32_t>& groups, std::vector<uint32_t>* ids);
  Status AddEqual(Side* to, const Batch& batch, const std::vector<uint32_t>& groups, std::vector<uint32_t>* ids);
  Result<const uint32_t*> FindEqual(Side* to, const Batch& batch);

  const Options options_;
  GroupTable groups_;
  GroupTable::Scratch scratch_;
  Side sides_[2];
  bool negative_ = false;
  uint32_t rebuild_rows_;        // a Rebuild does not pay below
  std::vector<CellId> gone_[2];  // cells of rows that are gone
  int64_t next_cell_ = 0;
};

}  // namespace weir
