// Reshuffle: spreads rows over the lanes.
#include <arrow/type.h>

#include "engine/operator.h"
#include "plan/binding.h"

namespace weir {
namespace {

struct ReshuffleConfig {};

ComponentSpec Spec() {
  return ComponentSpec::Transform<ReshuffleConfig>("Reshuffle")
      .Summary("Spread rows over the lanes.")
      .Doc(
          "Changes no row and promises no order. It helps where one lane would do all the work: behind a step that "
          "makes "
          "many rows of few.")
      .KeepsFields()
      .Example("work for all lanes", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements: [{day: 1}, {day: 2}, {day: 3}]
  - type: Reshuffle
  - type: MapToFields
    config:
      fields: {square: day * day}
  - type: Print
)");
}

class PassOn final : public Operator {
 public:
  Status Process(int, Batch batch, Emitter& out) override { return out.Emit(std::move(batch)); }
};

std::optional<StepBinding> BindReshuffle(const ReshuffleConfig&, BindContext& context) {
  const SchemaPtr& schema = context.inputs()[0].info.schema;
  std::vector<int> all(schema->num_fields());
  for (int i = 0; i < schema->num_fields(); ++i) all[i] = i;
  StepBinding binding = RowWiseBinding(
      context, schema, {}, all,
      [](const OperatorContext&) -> Result<std::unique_ptr<Operator>> { return std::make_unique<PassOn>(); });
  binding.operators[0].inputs[0].kind = ExchangeKind::kRebalance;
  binding.can_reject = false;
  return binding;
}

}  // namespace

void RegisterReshuffle(Registry& registry) { registry.Add<ReshuffleConfig>(Spec(), {1, 1}, BindReshuffle); }

}  // namespace weir
