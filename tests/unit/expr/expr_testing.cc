// Helpers of the expression tests: see expr_testing.h.
#include "unit/expr/expr_testing.h"

#include <arrow/array/data.h>
#include <arrow/type.h>

#include "expr/functions/nested.h"

namespace weir {

std::vector<std::string> Evaluate(const Batch& batch, std::string_view text, ExprLanguage language) {
  std::vector<ExprError> mistakes;
  auto compiled = CompiledExpr::Compile(text, language, *batch.schema(), &mistakes);
  if (compiled == nullptr) return {"plan error: " + PlanErrors(*batch.schema(), text, language)};
  ExprEvaluator evaluator(compiled);
  std::vector<RowError> errors;
  auto values = evaluator.Eval(batch, &errors);
  if (!values.ok()) return {"run error: " + values.status().ToString()};
  EXPECT_EQ((*values)->length, batch.num_rows()) << text;
  EXPECT_TRUE(compiled->can_fail() || errors.empty()) << text << " failed, but said that it cannot";
  if (!compiled->nullable() && errors.empty()) {
    EXPECT_EQ((*values)->GetNullCount(), 0) << text << " is null, but said that it cannot be";
  }
  std::vector<std::string> shown;
  for (int64_t i = 0; i < batch.num_rows(); ++i) {
    std::string one;
    expr::AppendJson(**values, i, &one);
    shown.push_back(std::move(one));
  }
  for (const RowError& error : errors) {
    EXPECT_EQ(shown[error.row], "null") << text << ": a row that failed has a value";
    shown[error.row] = "error: " + error.message;
  }
  return shown;
}

std::string EvaluateLine(const Batch& batch, std::string_view text, ExprLanguage language) {
  std::string line;
  for (const std::string& value : Evaluate(batch, text, language)) line += (line.empty() ? "" : " | ") + value;
  return line;
}

std::string PlanErrors(const arrow::Schema& schema, std::string_view text, ExprLanguage language) {
  std::vector<ExprError> errors;
  auto compiled = CompiledExpr::Compile(text, language, schema, &errors);
  EXPECT_EQ(compiled == nullptr, !errors.empty()) << text;
  std::string shown;
  for (const ExprError& error : errors) {
    EXPECT_LE(error.begin, error.end) << text;
    EXPECT_LE(error.end, text.size()) << text;
    shown += (shown.empty() ? "" : "\n") + std::to_string(error.begin) + "-" + std::to_string(error.end) + " '" +
             std::string(text.substr(error.begin, error.end - error.begin)) + "': " + error.message +
             (error.hint.empty() ? "" : " [" + error.hint + "]");
  }
  return shown;
}

std::vector<int> FilterRows(const Batch& batch, std::string_view text) {
  std::vector<ExprError> mistakes;
  auto compiled = CompiledExpr::Compile(text, ExprLanguage::kGeneric, *batch.schema(), &mistakes);
  EXPECT_NE(compiled, nullptr) << text;
  if (compiled == nullptr) return {};
  std::vector<RowError> errors;
  auto selection = ExprEvaluator(compiled).EvalFilter(batch, &errors);
  EXPECT_TRUE(selection.ok()) << selection.status().ToString();
  return {selection->span().begin(), selection->span().end()};
}

}  // namespace weir
