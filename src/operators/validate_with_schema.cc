// ValidateWithSchema: passes the rows that a JSON schema accepts.
#include <arrow/type.h>

#include "engine/operator.h"
#include "operators/support/good_rows.h"
#include "operators/support/row_schema.h"
#include "plan/binding.h"

namespace weir {
namespace {

struct ValidateConfig {
  NodePtr schema;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<ValidateConfig>("ValidateWithSchema")
      .Summary("Pass the rows that a JSON schema accepts; others are row errors.")
      .Doc(
          "Types are compared with those of the rows before anything runs. Known keywords: `type properties required "
          "additionalProperties items enum const minimum maximum exclusiveMinimum exclusiveMaximum multipleOf "
          "minLength "
          "maxLength pattern minItems maxItems`. A null field counts as absent: only `required` minds it. "
          "`output_schema` in "
          "the config of any step does the same to what the step gives.")
      .Field("schema", &ValidateConfig::schema,
             FieldDoc("A JSON schema of type object.")
                 .Required()
                 .Type("mapping")
                 .JsonSchema(R"({"type": "object"})")
                 .Example("{type: object, properties: {age: {type: integer, minimum: 0}}}"))
      .Example("ages", R"(pipeline:
  transforms:
  - type: Create
    config:
      elements: [{name: Ada, age: 36}, {name: Bob, age: -1}]
  - type: ValidateWithSchema
    input: Create
    config:
      schema: {type: object, properties: {age: {type: integer, minimum: 0}}}
      error_handling: {output: bad}
  - {type: Print, name: Good, input: ValidateWithSchema}
  - {type: Print, name: Bad, input: ValidateWithSchema.bad}
)");
}

class ValidateWithSchema final : public Operator {
 public:
  explicit ValidateWithSchema(std::shared_ptr<const RowSchema> schema) : schema_(std::move(schema)) {}

  Status Process(int, Batch batch, Emitter& out) override {
    errors_.clear();
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      std::string why = schema_->Check(batch, row);
      if (!why.empty()) errors_.push_back({row, std::move(why)});
    }
    if (errors_.empty()) return out.Emit(std::move(batch));
    WEIR_RETURN_NOT_OK(out.Reject(batch, errors_));
    WEIR_ASSIGN_OR_RETURN(Selection good, GoodRows(batch.num_rows(), errors_));
    return out.Emit(batch.Select(good));
  }

 private:
  const std::shared_ptr<const RowSchema> schema_;
  std::vector<RowError> errors_;
};

std::optional<StepBinding> BindValidate(const ValidateConfig& config, BindContext& context) {
  const SchemaPtr& rows = context.inputs()[0].info.schema;
  std::shared_ptr<const RowSchema> schema = RowSchema::Compile(config.schema, *rows, &context.diagnostics());
  if (schema == nullptr) return std::nullopt;
  std::vector<int> all(rows->num_fields());
  for (int i = 0; i < rows->num_fields(); ++i) all[i] = i;
  return RowWiseBinding(context, rows, all, all, [schema](const OperatorContext&) -> Result<std::unique_ptr<Operator>> {
    return std::make_unique<ValidateWithSchema>(schema);
  });
}

}  // namespace

void RegisterValidateWithSchema(Registry& registry) { registry.Add<ValidateConfig>(Spec(), {1, 1}, BindValidate); }

}  // namespace weir
