// What Sum and Difference have in common: rows of a key with amounts, as exact numbers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/operator.h"
#include "expr/expr.h"
#include "plan/binding.h"
#include "state/snapshot/state_bytes.h"

namespace weir {

/// An amount: an integer or the digits of a decimal, or a double.
union Amount {
  __int128 exact = 0;
  double number;
};

/// Keys and amounts of a step, checked. Shared by its lanes.
struct RunningPlan {
  struct Field {
    std::string name;
    CompiledExprPtr value;
    TypePtr type;  // of the amount that comes out: int64, float64, decimal(38, s)
    bool is_double() const;
  };
  std::vector<int> keys;
  std::vector<TypePtr> key_types;
  std::vector<Field> fields;
  SchemaPtr schema;  // keys, then fields
};
using RunningPlanPtr = std::shared_ptr<const RunningPlan>;

/// Reads `key` and `fields` of the step's config, a mapping of new fields to expressions. Null after errors.
std::shared_ptr<RunningPlan> ReadRunningPlan(const std::vector<std::string>& key, const NodePtr& fields,
                                             const std::string& language, BindContext& context);

/// One operator by key, the output as the plan's schema says; `notes` for explain.
StepBinding BindRunning(RunningPlanPtr plan, BindContext& context, bool output_changes, std::vector<std::string> notes,
                        std::function<Result<std::unique_ptr<Operator>>(const OperatorContext&)> make);

/// a + b · weight of a field. False where it does not fit into the field's type.
bool AddAmount(const RunningPlan::Field& field, Amount b, int64_t weight, Amount* a);
bool IsZero(const RunningPlan::Field& field, Amount a);

/// Evaluates keys and amounts of batches.
class RunningInput {
 public:
  explicit RunningInput(RunningPlanPtr plan);
  /// Fills the members below; rows that fail are rejected and left out. An amount that is null is 0.
  Status Evaluate(Batch in, Emitter& out);

  Batch batch;
  std::vector<ArrayDataPtr> keys;
  std::vector<Amount> amounts;  // a row's fields side by side

 private:
  void FillAmounts(const std::vector<ArrayDataPtr>& values, const std::vector<int32_t>* rows);
  const RunningPlanPtr plan_;
  std::vector<ExprEvaluator> evaluators_;
};

void AppendAmount(const RunningPlan::Field& field, const Amount& amount, StateWriter* out);
Amount ReadAmount(const RunningPlan::Field& field, StateReader* in);

/// Columns of amounts: `amounts` holds a row's fields side by side, for `rows` rows.
Result<std::vector<ArrayDataPtr>> AmountColumns(const RunningPlan& plan, const std::vector<Amount>& amounts,
                                                int64_t rows);

}  // namespace weir
