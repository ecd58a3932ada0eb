// RankedRows: the first n rows of each group in an order, kept right while rows come and are taken back.
//
// Different rows are numbered (RowCounts); those that are there hang in a treap for each group (Seidel, Aragon 1996),
// whose links are arrays by row. Rows that are equal in the order are told apart by their fields, from the first; no
// result depends on the order of arrival but where fields of nested types alone differ. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "batch/batch.h"
#include "state/cells/keyed_cells.h"
#include "state/changes/row_counts.h"
#include "state/hash/group_table.h"
#include "state/sort/sort_keys.h"

namespace weir {

struct RankedRowsOptions {
  std::vector<int> keys;    // columns; none: all rows are one group
  std::vector<SortKey> by;  // columns in order of importance
  int64_t n = 1;
  bool takes_back = false;  // rows have weights: all are kept, since any may become one of the first
};

class RankedRows {
 public:
  RankedRows(SchemaPtr schema, const RankedRowsOptions& options);

  /// Rows come, or go where their weight is negative. No column may be pruned.
  Status Add(const Batch& batch);
  /// How the first rows have changed since the last call: each with its weight, what is taken back first, at the event
  /// time of the last row that its group had. `weighted` false: rows without weights, which are all new. Nullopt:
  /// nothing has changed.
  Result<std::optional<Batch>> TakeChanges(bool weighted);
  int64_t size_bytes() const;

  // Durable runs: a cell for each row that is there or shown. Key: `prefix`, then the row. Value: its count, its place
  // in the order of arrival, how often it is among the first that TakeChanges has told.
  void TrackChanges(std::string prefix);
  Status PutChanges(StateCells* out);
  /// Deletes all that was put, of rows that are of no use any more.
  Status PutGone(StateCells* out) const;
  /// Takes the cells `numbers` of `all`; keys begin with a prefix of `prefix_size` bytes. Before any Add.
  Status Restore(const StateCells& all, const std::vector<int64_t>& numbers, size_t prefix_size);

 private:
  // Links are row number + 1; 0: none.
  struct Node {
    EncodedKeys::Prefix prefix;
    uint64_t tail = 0;  // in tails_
    uint32_t tail_size = 0;
    uint32_t sequence = 0;  // decides where nothing else does
    uint32_t left = 0, right = 0;
    uint32_t priority = 0;
    bool known = false;
  };
  using Share = std::pair<uint32_t, int64_t>;  // a row, and how often it is among the first
  struct Group {
    uint32_t root = 0;
    int64_t total = 0;  // of the counts in the tree
    EventTime time = kMinEventTime;
    bool touched = false;
    std::vector<Share> shown;
  };

  void Know(const EncodedKeys& keys, int64_t row, Node* node);
  bool Less(uint32_t a, uint32_t b) const;
  uint32_t Merge(uint32_t a, uint32_t b);
  /// Rows before `row` to `left`, the others to `right`.
  void Split(uint32_t tree, uint32_t row, uint32_t* left, uint32_t* right);
  void Insert(uint32_t row, uint32_t* root);
  void Remove(uint32_t row, uint32_t* root);
  void First(uint32_t root, std::vector<Share>* out) const;
  /// Forgets rows that can never be among the first again.
  void Trim(Group* group);
  void Compare(const Group& group, const std::vector<Share>& now, std::vector<Share>* gone,
               std::vector<Share>* fresh) const;
  Status Compact();
  Status PutMarkedRows(StateCells* out);
  void CountShown(const std::vector<Share>& shares, int64_t sign);

  const SchemaPtr schema_;
  const RankedRowsOptions options_;
  std::vector<SortKey> order_;  // `by`, then all other columns that have an order
  RowCounts rows_;
  std::vector<Node> nodes_;  // by row
  std::string tails_;
  uint32_t sequence_ = 0;
  GroupTable table_;
  std::vector<Group> groups_;
  std::vector<uint32_t> touched_;
  std::vector<uint32_t> numbers_, group_numbers_;  // scratch
  CellPlace place_;
  CellMarks marks_;             // by row
  std::vector<int64_t> shown_;  // by row, while marks are on: how often it is shown
  StateCells pending_;          // put when rows got other numbers
};

}  // namespace weir
