// StripErrorMetadata: gives the rows back that stand in an error output.
#include <arrow/array/data.h>
#include <arrow/type.h>

#include "batch/gather.h"
#include "engine/operator.h"
#include "plan/binding.h"

namespace weir {
namespace {

struct StripErrorMetadataConfig {};

ComponentSpec Spec() {
  return ComponentSpec::Transform<StripErrorMetadataConfig>("StripErrorMetadata")
      .Summary("Give back the rows that stand in an error output.")
      .Doc("Rows of an error output are `{element, msg, stack}`; this leaves what was `element`.")
      .Example("rows that failed", R"(pipeline:
  transforms:
  - type: Create
    config:
      elements: [{x: 2}, {x: 0}]
  - type: MapToFields
    input: Create
    config:
      fields: {y: 1 / x}
      error_handling: {output: failed}
  - type: StripErrorMetadata
    input: MapToFields.failed
  - type: Print
    input: StripErrorMetadata
)");
}

class StripErrorMetadata final : public Operator {
 public:
  StripErrorMetadata(SchemaPtr schema, int element) : schema_(std::move(schema)), element_(element) {}

  Status Open(OperatorContext& context) override {
    needed_ = context.needed_outputs[0];
    return Status::OK();
  }

  Status Process(int, Batch batch, Emitter& out) override {
    const ArrayDataPtr& element = batch.column(element_);
    if (element == nullptr) {
      return out.Emit(batch.WithColumns(schema_, std::vector<ArrayDataPtr>(schema_->num_fields())));
    }
    if (element->type->id() != arrow::Type::STRUCT) return out.Emit(batch.WithColumns(schema_, {element}));
    std::vector<int32_t> rows(batch.num_rows());
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      rows[row] = element->IsValid(row) ? static_cast<int32_t>(element->offset + row) : -1;
    }
    std::vector<ArrayDataPtr> columns(schema_->num_fields());
    for (int i = 0; i < schema_->num_fields(); ++i) {
      if (needed_.contains(i)) {
        WEIR_ASSIGN_OR_RETURN(columns[i], GatherColumn(element->child_data[i], rows));
      }
    }
    return out.Emit(batch.WithColumns(schema_, std::move(columns)));
  }

 private:
  const SchemaPtr schema_;
  const int element_;
  ColumnSet needed_;
};

std::optional<StepBinding> BindStripErrorMetadata(const StripErrorMetadataConfig&, BindContext& context) {
  const SchemaPtr& input = context.inputs()[0].info.schema;
  const int element = input->GetFieldIndex("element");
  if (element < 0 || input->GetFieldIndex("msg") < 0) {
    context.StepError("StripErrorMetadata reads an error output, and '" + context.inputs()[0].origin + "' is none",
                      "name the error output: STEP.OUTPUT");
    return std::nullopt;
  }
  const TypePtr& type = input->field(element)->type();
  SchemaPtr schema =
      type->id() == arrow::Type::STRUCT ? arrow::schema(type->fields()) : arrow::schema({input->field(element)});
  StepBinding binding = RowWiseBinding(context, schema, {element}, {},
                                       [schema, element](const OperatorContext&) -> Result<std::unique_ptr<Operator>> {
                                         return std::make_unique<StripErrorMetadata>(schema, element);
                                       });
  binding.can_reject = false;
  return binding;
}

}  // namespace

void RegisterStripErrorMetadata(Registry& registry) {
  registry.Add<StripErrorMetadataConfig>(Spec(), {1, 1}, BindStripErrorMetadata);
}

}  // namespace weir
