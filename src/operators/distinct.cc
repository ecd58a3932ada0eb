// Distinct: each different row once.
#include <arrow/type.h>

#include <algorithm>

#include "operators/combine/combine_binding.h"
#include "plan/binding.h"

namespace weir {
namespace {

struct DistinctConfig {
  std::vector<std::string> fields;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<DistinctConfig>("Distinct")
      .Summary("Give each different row once.")
      .Doc(
          "Rows are equal when all their fields are; null equals null here. With `fields` only these are compared, and "
          "only these come out; to keep one whole row for each key use Top. In a windowed collection every window is "
          "looked at by itself.")
      .Guarantees("Gives its rows when its input ends. What does not fit into the step's share of memory goes to disk.")
      .Field("fields", &DistinctConfig::fields,
             FieldDoc("The fields to compare and to give; a list, or one name. Default: all.")
                 .OrSingle()
                 .Example("[country, year]"))
      .Example("which countries there are", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements:
      - {country: CH, amount: 3}
      - {country: AT, amount: 4}
      - {country: CH, amount: 5}
  - type: Distinct
    config: {fields: country}
  - type: Print
)");
}

bool AddKeys(const DistinctConfig& config, BindContext& context, std::vector<int>* keys) {
  const arrow::Schema& schema = *context.inputs()[0].info.schema;
  const NodePtr settings = context.step_node()->Find("config");
  const NodePtr written = settings != nullptr && settings->is_map() ? settings->Find("fields") : nullptr;
  if (written == nullptr || written->IsNull()) {
    for (int i = 0; i < schema.num_fields(); ++i) keys->push_back(i);
    return true;
  }
  bool good = !config.fields.empty();
  if (!good) context.Error(written, "'fields' must name at least one field", "leave it out to compare all fields");
  for (size_t i = 0; i < config.fields.size(); ++i) {
    const NodePtr at = written->is_sequence() ? written->items()[i] : written;
    const int column = context.FindColumn(schema, config.fields[i], at);
    if (column >= 0 && std::find(keys->begin(), keys->end(), column) != keys->end()) {
      context.Error(at, "the field '" + config.fields[i] + "' is named twice");
      good = false;
    }
    good &= column >= 0;
    keys->push_back(column);
  }
  return good;
}

// A Combine that computes nothing.
std::optional<StepBinding> BindDistinct(const DistinctConfig& config, BindContext& context) {
  const arrow::Schema& schema = *context.inputs()[0].info.schema;
  auto plan = std::make_shared<CombinePlan>();
  bool good = AddKeys(config, context, &plan->keys);
  if (NeedsPanes(context.inputs()[0].info)) {
    context.StepError("Distinct needs a bounded input without changes, and windows that give one pane at their end",
                      "leave the trigger out, or count the rows of each group with Combine");
    good = false;
  }
  if (!good) return std::nullopt;
  arrow::FieldVector fields;
  for (const int key : plan->keys) {
    plan->key_types.push_back(schema.field(key)->type());
    fields.push_back(schema.field(key));
  }
  plan->group_schema = plan->output_schema = arrow::schema(std::move(fields));
  return BindCombinePlan(std::move(plan), context);
}

}  // namespace

void RegisterDistinct(Registry& registry) { registry.Add<DistinctConfig>(Spec(), {1, 1}, BindDistinct); }

}  // namespace weir
