// Fold: the operator of the Stateful step. Each key has a row of state, which every row of the key updates; a timer in
// event time forgets keys that have been silent.
#pragma once

#include <memory>
#include <vector>

#include "engine/operator.h"
#include "expr/expr.h"

namespace weir {

/// What Stateful was asked for, checked. Shared by all lanes.
struct FoldPlan {
  SchemaPtr input;                       // fields of the input
  std::vector<int> keys;                 // columns of the input
  Batch initial;                         // one row: the state of a new key
  SchemaPtr both;                        // input, then state as it was before the row
  std::vector<CompiledExprPtr> updates;  // over `both`, one for each field of the state, of its type
  SchemaPtr output;                      // input, then state after the row
  SchemaPtr expired;                     // keys, then state
  int64_t expire_after_us = 0;           // 0: never
  bool by_arrival = false;               // rows as they come, not in the order of event time
  bool bounded = true;                   // nothing is complete before the end
};

constexpr int kExpiredPort = 2;  // behind the rows, and those that are late (LateRows::kPort)

Result<std::unique_ptr<Operator>> MakeFold(std::shared_ptr<const FoldPlan> plan, const OperatorContext& lane);

}  // namespace weir
