// Values are evaluated for the whole batch; a row that fails in one of them fails as a whole.
#include "operators/combine/combine_input.h"

#include <utility>

#include "batch/gather.h"
#include "operators/support/good_rows.h"

namespace weir {

CombineInput::CombineInput(CombinePlanPtr plan) : plan_(std::move(plan)) {
  for (const auto& value : plan_->values) {
    const bool computed = value != nullptr && !value->as_column();
    evaluators_.push_back(computed ? std::make_unique<ExprEvaluator>(value) : nullptr);
  }
}

Status CombineInput::Evaluate(Batch in, bool window_keys, Emitter& out) {
  batch = std::move(in);
  std::vector<RowError> errors;
  WEIR_RETURN_NOT_OK(EvaluateValues(&errors));
  if (!errors.empty()) WEIR_RETURN_NOT_OK(RejectRows(&errors, out));
  rows = batch.num_rows();
  keys.clear();
  for (int key : plan_->keys) keys.push_back(batch.column(key));
  if (window_keys) {
    WEIR_ASSIGN_OR_RETURN(auto columns, plan_->windows.Columns(batch));
    for (auto& column : columns) keys.push_back(std::move(column));
  }
  weights = nullptr;
  if (!batch.has_weight()) return Status::OK();
  weights = batch.weight().data();
  if (weights == nullptr) {
    weight_values_.assign(rows, batch.weight().constant());
    weights = weight_values_.data();
  }
  return Status::OK();
}

Status CombineInput::EvaluateValues(std::vector<RowError>* errors) {
  values.assign(plan_->values.size(), nullptr);
  for (size_t i = 0; i < values.size(); ++i) {
    if (plan_->values[i] == nullptr) continue;
    if (evaluators_[i] == nullptr) {
      values[i] = batch.PlainColumn(*plan_->values[i]->as_column());
    } else {
      WEIR_ASSIGN_OR_RETURN(auto value, evaluators_[i]->Eval(batch, errors));
      WEIR_ASSIGN_OR_RETURN(values[i], DecodeDictionary(value));
    }
  }
  return Status::OK();
}

Status CombineInput::RejectRows(std::vector<RowError>* errors, Emitter& out) {
  SortRowErrors(errors);
  WEIR_RETURN_NOT_OK(out.Reject(batch, *errors));
  WEIR_ASSIGN_OR_RETURN(Selection good, GoodRows(batch.num_rows(), *errors));
  for (auto& value : values) {
    if (value == nullptr) continue;
    WEIR_ASSIGN_OR_RETURN(value, GatherColumn(value, good.span()));
  }
  batch = batch.Select(good);
  return Status::OK();
}

}  // namespace weir
