// Filter: keeps the rows for which a condition is true.
#include <arrow/type.h>

#include "engine/operator.h"
#include "plan/binding.h"

namespace weir {
namespace {

struct FilterConfig {
  ExprSource keep;
  std::string language;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<FilterConfig>("Filter")
      .Summary("Keep the rows for which a condition is true.")
      .Doc("Rows for which it is false or null are dropped. A row for which it cannot be computed is a row error.")
      .KeepsFields()
      .Field("keep", &FilterConfig::keep, FieldDoc("What must be true of a row.").Required().Example("price > 3"))
      .Field("language", &FilterConfig::language,
             FieldDoc("The language of the condition.").Default("generic").OneOf({"generic", "sql", "python"}))
      .Example("dear fruit", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements: [{name: apple, price: 3}, {name: pear, price: 4}]
  - type: Filter
    config:
      keep: price > 3
  - type: Print
)");
}

class Filter final : public Operator {
 public:
  explicit Filter(CompiledExprPtr keep) : evaluator_(std::move(keep)) {}

  Status Process(int, Batch batch, Emitter& out) override {
    errors_.clear();
    WEIR_ASSIGN_OR_RETURN(Selection kept, evaluator_.EvalFilter(batch, &errors_));
    WEIR_RETURN_NOT_OK(out.Reject(batch, errors_));
    if (kept.count == batch.num_rows()) return out.Emit(std::move(batch));
    return out.Emit(batch.Select(kept));
  }

 private:
  ExprEvaluator evaluator_;
  std::vector<RowError> errors_;
};

std::optional<StepBinding> BindFilter(const FilterConfig& config, BindContext& context) {
  const SchemaPtr& schema = context.inputs()[0].info.schema;
  CompiledExprPtr keep = context.Compile(config.keep, config.language, *schema);
  if (keep == nullptr) return std::nullopt;
  std::vector<int> pass_through(schema->num_fields());
  for (int i = 0; i < schema->num_fields(); ++i) pass_through[i] = i;
  StepBinding binding = RowWiseBinding(
      context, schema, keep->columns(), pass_through,
      [keep](const OperatorContext&) -> Result<std::unique_ptr<Operator>> { return std::make_unique<Filter>(keep); });
  binding.filter = keep;
  binding.outputs[0].info.expected_rows *= keep->ExpectedShare();
  binding.operators[0].notes = {"keep: " + keep->ToString()};
  return binding;
}

}  // namespace

void RegisterFilter(Registry& registry) { registry.Add<FilterConfig>(Spec(), {1, 1}, BindFilter); }

}  // namespace weir
