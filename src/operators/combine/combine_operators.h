// The operators that a Combine step is made of: rows → partial states → results, or rows → results in one lane.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/operator.h"
#include "expr/expr.h"
#include "operators/support/window_keys.h"
#include "state/aggregate/spilling_aggregator.h"
#include "state/panes/pane_table.h"

namespace weir {

/// What a Combine or Distinct step does, checked. Shared by its lanes.
struct CombinePlan {
  std::vector<int> keys;  // columns of the input
  std::vector<AggregateCall> calls;
  std::vector<std::shared_ptr<const CompiledExpr>> values;  // per call; null where it takes none
  WindowKeys windows;
  SchemaPtr input_schema;
  SchemaPtr partial_schema;  // keys, window keys, partial states
  SchemaPtr group_schema;    // keys, results of `calls`
  SchemaPtr output_schema;   // keys, then fields
  /// The fields behind the keys, over group_schema. Empty: the results of `calls` as they are.
  std::vector<std::shared_ptr<const CompiledExpr>> results;
  std::vector<TypePtr> key_types;          // of keys and window keys
  std::shared_ptr<const PaneRules> panes;  // null: every window gives one pane, at the end of the input
  SchemaPtr late_schema;                   // with panes
  bool windows_given = false;              // rows carry the windows of an earlier grouping

  size_t num_window_keys() const { return static_cast<size_t>(windows.num_columns()); }
};
using CombinePlanPtr = std::shared_ptr<const CombinePlan>;

/// Rejects groups that have no result. Each is shown as a row of the input that has its keys and nothing else; `groups`
/// begin with the keys.
Status RejectGroups(const CombinePlan& plan, const Batch& groups, std::vector<RowError> errors, Emitter& out);

/// Groups rows in their lane as far as that makes them fewer, before the exchange.
Result<std::unique_ptr<Operator>> MakeCombinePartial(CombinePlanPtr plan, const OperatorContext& lane);
/// Merges partial states and gives the results when its input has ended.
Result<std::unique_ptr<Operator>> MakeCombineFinal(CombinePlanPtr plan, const OperatorContext& lane);
/// Both in one, for a run with one lane.
Result<std::unique_ptr<Operator>> MakeCombineWhole(CombinePlanPtr plan, const OperatorContext& lane);

}  // namespace weir
