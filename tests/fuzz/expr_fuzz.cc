// Fuzz target: any bytes as an expression. It compiles or has mistakes with places inside the text; what compiles gives
// a value or an error for every row. The first byte chooses the front end.
#include <arrow/api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "batch/batch.h"
#include "expr/expr.h"

namespace weir {
namespace {

const arrow::Schema& Input() {
  static const auto kSchema = arrow::schema({
      arrow::field("a", arrow::int64()),
      arrow::field("b", arrow::float64()),
      arrow::field("s", arrow::utf8()),
      arrow::field("t", arrow::boolean()),
  });
  return *kSchema;
}

const Batch& Rows() {
  static const Batch kBatch = [] {
    const auto column = [](const std::shared_ptr<arrow::DataType>& type,
                           const std::vector<std::shared_ptr<arrow::Scalar>>& values) {
      auto builder = arrow::MakeBuilder(type).ValueOrDie();
      for (const auto& value : values)
        WEIR_CHECK(builder->AppendScalar(*value).ok(), "the row is of the column's type");
      return (*builder->Finish())->data();
    };
    const auto null = [](const auto& type) { return arrow::MakeNullScalar(type); };
    return Batch(
        arrow::schema(Input().fields()),
        {column(arrow::int64(), {arrow::MakeScalar(int64_t{7}), null(arrow::int64()), arrow::MakeScalar(INT64_MIN)}),
         column(arrow::float64(), {arrow::MakeScalar(0.5), arrow::MakeScalar(-0.0), null(arrow::float64())}),
         column(arrow::utf8(), {arrow::MakeScalar("é1"), null(arrow::utf8()), arrow::MakeScalar("")}),
         column(arrow::boolean(), {arrow::MakeScalar(true), null(arrow::boolean()), arrow::MakeScalar(false)})},
        3);
  }();
  return kBatch;
}

void Evaluate(const CompiledExprPtr& compiled) {
  ExprEvaluator evaluator(compiled);
  std::vector<RowError> errors;
  const auto values = evaluator.Eval(Rows(), &errors);
  if (!values.ok()) return;  // a limit of the whole batch
  WEIR_CHECK((*values)->length == Rows().num_rows(), "an expression gives one value for each row");
  WEIR_CHECK(errors.empty() || compiled->can_fail(), "only what can fail fails");
  WEIR_CHECK(errors.size() <= 3, "a row has one error");
}

void Try(std::string_view text, ExprLanguage language) {
  std::vector<ExprError> errors;
  const CompiledExprPtr compiled = CompiledExpr::Compile(text, language, Input(), &errors);
  WEIR_CHECK((compiled == nullptr) == !errors.empty(), "an expression compiles or has a mistake");
  for (const ExprError& error : errors) {
    WEIR_CHECK(!error.message.empty(), "a mistake says something");
    WEIR_CHECK(error.begin <= error.end && error.end <= text.size(), "a mistake lies in the text");
  }
  if (compiled != nullptr) Evaluate(compiled);
}

}  // namespace
}  // namespace weir

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  weir::Try(text, data[0] % 2 == 0 ? weir::ExprLanguage::kGeneric : weir::ExprLanguage::kSql);
  return 0;
}
