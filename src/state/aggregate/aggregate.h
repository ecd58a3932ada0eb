// Aggregate: one function over groups, on vectors of group numbers. The same object adds rows, takes them back, merges
// partial states that another lane, a spill file or a slice of a window made, and gives partial states or results. So
// partial aggregation before an exchange, spilling and sliding windows are one mechanism.
//
// The state of a group is a few bytes in a row that all aggregates of a step share (one cache line per group, not one
// per aggregate); all zero means "no rows yet". What does not fit there lives in the object.
//
// Null rules: nulls are skipped; count counts rows; group keeps nulls in its lists. A group whose values are all null
// gives null. Sums of integers and decimals are exact in 128 bits, so no order of rows can overflow on the way; a final
// sum beyond its type is an error of that group. Sums of doubles are compensated (Neumaier 1974), so that lanes and
// batches move the result by rounding of the last place at most. NaN counts as greater than every number in min and
// max.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "batch/row_error.h"
#include "batch/types.h"

namespace weir {

/// The state of one aggregate in the rows of all groups: group g's is at base + g * stride.
struct StateRows {
  uint8_t* base = nullptr;
  int64_t stride = 0;
  template <class T>
  T& at(uint32_t group) const {
    return *reinterpret_cast<T*>(base + group * stride);
  }
};

/// Rows [begin, begin + rows) of a column, with the group of each: groups[0] belongs to row `begin`.
struct AggregateRows {
  const arrow::ArrayData* values = nullptr;  // plain; null for an aggregate that takes none
  const int64_t* weights = nullptr;          // of row `begin`; null: +1 each. Negative takes rows back
  const uint32_t* groups = nullptr;
  int64_t begin = 0;
  int64_t rows = 0;
};

class Aggregate {
 public:
  explicit Aggregate(TypePtr output_type) : output_type_(std::move(output_type)) {}
  virtual ~Aggregate() = default;

  const TypePtr& output_type() const { return output_type_; }
  /// Bytes in a group's row, a multiple of 8.
  virtual int64_t state_bytes() const = 0;
  /// Columns that carry a partial state.
  virtual std::vector<TypePtr> partial_types() const = 0;
  /// Adds rows. Errors: Invalid for a negative weight that it cannot take back.
  virtual Status Update(const AggregateRows& in, StateRows states) = 0;
  /// Adds partial states: `partial` are columns of partial_types(), groups[i] the group of row i.
  virtual Status Merge(const std::vector<ArrayDataPtr>& partial, const uint32_t* groups, int64_t rows,
                       StateRows states) = 0;
  /// Partial states of groups [begin, end).
  virtual Result<std::vector<ArrayDataPtr>> Partial(StateRows states, uint32_t begin, uint32_t end) const = 0;
  /// Results of groups [begin, end). A group without a result (overflow) gives null and an error, its row counted from
  /// `begin`.
  virtual Result<ArrayDataPtr> Finish(StateRows states, uint32_t begin, uint32_t end,
                                      std::vector<RowError>* errors) const = 0;
  /// A copy of a group's state says all there is: nothing is found by the number of the group.
  virtual bool state_is_all() const { return true; }
  /// Memory beside the rows.
  virtual int64_t extra_bytes() const { return 0; }
  /// Forgets what it holds beside the rows.
  virtual void Clear() {}

 private:
  TypePtr output_type_;
};

/// What a pipeline file may write as a combine function.
struct AggregateFunction {
  const char* name;
  const char* summary;
  bool needs_value;                                                  // false: count
  bool can_retract;                                                  // takes rows back in the form that `make` makes
  Result<std::unique_ptr<Aggregate>> (*make)(const TypePtr& input);  // TypeError when it does not take the type
  /// Functions with the same name here give their results from the same states, which lie in the rows alone. Null: a
  /// state of its own.
  const char* states = nullptr;
};

/// All of them, for documents and checks.
const std::vector<AggregateFunction>& AggregateFunctions();
const AggregateFunction* FindAggregateFunction(const std::string& name);
/// The form of a function that takes rows back: itself where it can, else one that keeps each different value of a
/// group with its number of rows. Null: there is none.
const AggregateFunction* RetractingForm(const AggregateFunction& function);

/// The constructors, one file each; AggregateFunctions() is their table.
Result<std::unique_ptr<Aggregate>> MakeCount(const TypePtr& input);
Result<std::unique_ptr<Aggregate>> MakeSum(const TypePtr& input);
Result<std::unique_ptr<Aggregate>> MakeMean(const TypePtr& input);
Result<std::unique_ptr<Aggregate>> MakeMin(const TypePtr& input);
Result<std::unique_ptr<Aggregate>> MakeMax(const TypePtr& input);
Result<std::unique_ptr<Aggregate>> MakeAll(const TypePtr& input);
Result<std::unique_ptr<Aggregate>> MakeAny(const TypePtr& input);
Result<std::unique_ptr<Aggregate>> MakeGroup(const TypePtr& input);
Result<std::unique_ptr<Aggregate>> MakeConcat(const TypePtr& input);
Result<std::unique_ptr<Aggregate>> MakeCountDistinct(const TypePtr& input);
Result<std::unique_ptr<Aggregate>> MakeVariance(const TypePtr& input);
Result<std::unique_ptr<Aggregate>> MakeStddev(const TypePtr& input);

}  // namespace weir
