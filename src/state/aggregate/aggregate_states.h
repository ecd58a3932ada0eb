// AggregateStates: the states of several aggregates over groups that somebody else numbers. One row of bytes per group
// holds those of all aggregates. Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "state/aggregate/aggregate.h"
#include "state/hash/huge_buffer.h"

namespace weir {

/// One output column of a grouping.
struct AggregateCall {
  const AggregateFunction* function = nullptr;
  TypePtr input;  // flowing type of its values; any where the function needs none
  /// An earlier call of the same values whose states (AggregateFunction::states) serve this one too; -1: none.
  int same_states = -1;
  std::string name{};  // for messages about its result; may be empty
};

class AggregateStates {
 public:
  /// Errors: TypeError when a function does not take its input type.
  static Result<AggregateStates> Make(const std::vector<AggregateCall>& calls);

  /// Columns that carry the partial states of all calls, in order.
  std::vector<TypePtr> partial_types() const;
  std::vector<TypePtr> result_types() const;

  /// Adds rows to groups, of which there are `num_groups`: `values[i]` is the column of call i, plain, or null where
  /// its function needs none or another call has its states. `weights` null: +1 each. A group that is new has no rows.
  Status Update(const uint32_t* groups, uint32_t num_groups, const std::vector<ArrayDataPtr>& values,
                const int64_t* weights, int64_t rows);
  /// Adds partial states: `partial` are columns of partial_types().
  Status Merge(const uint32_t* groups, uint32_t num_groups, const std::vector<ArrayDataPtr>& partial, int64_t rows);

  /// The partial states of `rows` rows, each a group of its own. What is here stays as it is: for rows that are not
  /// worth grouping before an exchange.
  Result<std::vector<ArrayDataPtr>> RowsAsPartials(const std::vector<ArrayDataPtr>& values, const int64_t* weights,
                                                   int64_t rows) const;
  /// There is room for `num_groups` groups; new ones have no rows.
  void Reserve(uint32_t num_groups) { states_.Reserve(static_cast<size_t>(num_groups) * stride_); }
  /// Partial states of groups [begin, end), which have been reserved.
  Result<std::vector<ArrayDataPtr>> Partial(uint32_t begin, uint32_t end) const;
  /// The same of `count` groups, in the order of `groups`.
  Result<std::vector<ArrayDataPtr>> PartialOf(const uint32_t* groups, uint32_t count) const;
  /// Results of groups [begin, end). Groups without one are in `errors` (ascending, once each), counted from `begin`.
  Result<std::vector<ArrayDataPtr>> Finish(uint32_t begin, uint32_t end, std::vector<RowError>* errors) const;

  int64_t stride() const { return stride_; }
  int64_t size_bytes() const;
  /// Forgets all groups and gives the memory back.
  void Clear();

 private:
  bool HasStates(size_t i) const { return calls_[i].same_states < 0; }
  StateRows StatesOf(size_t i) const { return {const_cast<uint8_t*>(states_.data()) + offsets_[i], stride_}; }
  void Prefetch(const uint32_t* groups, int64_t rows) const;

  std::vector<AggregateCall> calls_;
  std::vector<std::unique_ptr<Aggregate>> aggregates_;
  std::vector<int64_t> offsets_;
  int64_t stride_ = 0;
  HugeBuffer states_;  // a row of stride_ bytes per group
};

}  // namespace weir
