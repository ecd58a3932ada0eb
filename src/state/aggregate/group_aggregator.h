// GroupAggregator: a GroupTable and the aggregates over its groups. Raw rows or partial states in, partial states or
// results out. Not thread-safe.
#pragma once

#include <memory>
#include <vector>

#include "state/aggregate/aggregate_states.h"
#include "state/hash/group_table.h"

namespace weir {

class GroupAggregator {
 public:
  /// Errors: TypeError when a function does not take its input type.
  static Result<std::unique_ptr<GroupAggregator>> Make(std::vector<TypePtr> key_types,
                                                       const std::vector<AggregateCall>& calls);

  const std::vector<TypePtr>& key_types() const { return table_.key_types(); }
  /// Columns that carry the partial states of all calls, in order.
  std::vector<TypePtr> partial_types() const { return states_.partial_types(); }
  std::vector<TypePtr> result_types() const { return states_.result_types(); }

  /// Adds rows: `values[i]` is the column of call i, plain, or null where its function needs none or
  /// another call has its states. `weights` null: +1 each.
  Status Update(const std::vector<ArrayDataPtr>& keys, const std::vector<ArrayDataPtr>& values, const int64_t* weights,
                int64_t rows);
  /// Adds partial states: `partial` are columns of partial_types().
  Status Merge(const std::vector<ArrayDataPtr>& keys, const std::vector<ArrayDataPtr>& partial, int64_t rows);

  /// The partial states of `rows` rows, each a group of its own, without their keys. What is here stays as it is: for
  /// rows that are not worth grouping before an exchange.
  Result<std::vector<ArrayDataPtr>> RowsAsPartials(const std::vector<ArrayDataPtr>& values, const int64_t* weights,
                                                   int64_t rows) const {
    return states_.RowsAsPartials(values, weights, rows);
  }

  uint32_t num_groups() const { return table_.num_groups(); }
  /// Key columns of groups [begin, end).
  Result<std::vector<ArrayDataPtr>> Keys(uint32_t begin, uint32_t end) const { return table_.KeyColumns(begin, end); }
  /// One key column of groups [begin, end).
  Result<ArrayDataPtr> Key(int column, uint32_t begin, uint32_t end) const;
  /// Key columns, then partial states of groups [begin, end).
  Result<std::vector<ArrayDataPtr>> Partial(uint32_t begin, uint32_t end) const;
  /// The same of `count` groups, in the order of `groups`.
  Result<std::vector<ArrayDataPtr>> PartialOf(const uint32_t* groups, uint32_t count) const;
  /// Key columns, then results. Groups without a result are in `errors` (ascending, once each), counted from `begin`.
  Result<std::vector<ArrayDataPtr>> Finish(uint32_t begin, uint32_t end, std::vector<RowError>* errors) const;

  int64_t size_bytes() const;
  /// What the next `rows` rows add in one piece where they make a table double; else 0.
  int64_t doubling_bytes(int64_t rows) const { return table_.doubling_bytes(rows); }
  /// What the next `rows` rows may make it grow by, at most.
  int64_t growth_bytes(int64_t rows) const { return table_.growth_bytes(rows) + rows * states_.stride(); }
  /// No rows or states come any more: gives back what only they need.
  void EndUpdates() { table_.EndLookups(); }
  /// Forgets all groups and gives the memory back.
  void Clear();
  const char* Method() const { return table_.Method(); }

 private:
  GroupAggregator(std::vector<TypePtr> key_types, AggregateStates states)
      : table_(std::move(key_types)), states_(std::move(states)) {}

  GroupTable table_;
  AggregateStates states_;
  std::vector<uint32_t> groups_;
};

}  // namespace weir
