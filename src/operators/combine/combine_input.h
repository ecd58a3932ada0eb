// CombineInput: the rows of a Combine step as columns of keys and values.
#pragma once

#include <memory>
#include <vector>

#include "engine/operator.h"
#include "operators/combine/combine_operators.h"

namespace weir {

/// Evaluates keys and values of a batch; rows that fail are rejected and left out.
class CombineInput {
 public:
  explicit CombineInput(CombinePlanPtr plan);

  /// Fills the members below. `window_keys`: the plan's window columns follow the user's keys.
  Status Evaluate(Batch in, bool window_keys, Emitter& out);

  // Of the last batch, without rejected rows.
  Batch batch;
  std::vector<ArrayDataPtr> keys, values;
  const int64_t* weights = nullptr;  // null: +1 each
  int64_t rows = 0;

 private:
  Status EvaluateValues(std::vector<RowError>* errors);
  Status RejectRows(std::vector<RowError>* errors, Emitter& out);

  CombinePlanPtr plan_;
  std::vector<std::unique_ptr<ExprEvaluator>> evaluators_;  // null where the value is a column
  std::vector<int64_t> weight_values_;
};

}  // namespace weir
