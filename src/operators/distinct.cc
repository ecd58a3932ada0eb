// Distinct: each different row once.
#include <arrow/type.h>

#include <algorithm>

#include "operators/changes/distinct_rows.h"
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
          "looked at by itself.\n\n"
          "Where the input never ends, a row comes out when it is seen first, and each row once for each window; rows "
          "that come when their window is over go to the output `late`. Where the input has changes, a row comes out "
          "while it is there at least once, and is taken back when the last of its kind is. With a `trigger` or in "
          "session windows rows come in panes as those of Combine.")
      .Guarantees(
          "Of an input that ends: gives its rows at the end; what does not fit into the step's share of memory goes to "
          "disk. Else different rows are held in memory until the watermark passes their window; in the global window "
          "nothing bounds them.")
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

// A Combine that computes nothing, where the rows are known when a window has ended or triggers say when to look.
std::optional<StepBinding> BindDistinct(const DistinctConfig& config, BindContext& context) {
  const arrow::Schema& schema = *context.inputs()[0].info.schema;
  auto plan = std::make_shared<CombinePlan>();
  bool good = AddKeys(config, context, &plan->keys);
  if (!good) return std::nullopt;
  const CollectionInfo& in = context.inputs()[0].info;
  if (NeedsPanes(in) && CanGiveDistinctRows(in)) return BindDistinctRows(plan->keys, context);
  arrow::FieldVector fields;
  for (const int key : plan->keys) {
    plan->key_types.push_back(schema.field(key)->type());
    fields.push_back(schema.field(key));
  }
  plan->group_schema = plan->output_schema = arrow::schema(std::move(fields));
  return NeedsPanes(in) ? BindCombinePanes(std::move(plan), context) : BindCombinePlan(std::move(plan), context);
}

}  // namespace

void RegisterDistinct(Registry& registry) { registry.Add<DistinctConfig>(Spec(), {1, 1}, BindDistinct); }

}  // namespace weir
