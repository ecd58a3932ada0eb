// WindowInto: says how the rows of a collection are grouped in event time from here on.
#include <arrow/type.h>

#include "engine/operator.h"
#include "plan/binding.h"

namespace weir {
namespace {

struct WindowIntoConfig {
  NodePtr windowing;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<WindowIntoConfig>("WindowInto")
      .Summary("Window a collection for the grouping steps that follow.")
      .Doc(
          "A row's windows follow from its event time, so this step moves no data: Combine, Join and their like do the "
          "grouping. `windowing:` on any other step is short for this step before it.")
      .KeepsFields()
      .Field(
          "windowing", &WindowIntoConfig::windowing,
          FieldDoc(
              "`type` is global, fixed (`size`, `offset`), sliding (`size`, `period`, `offset`), sessions (`gap`), "
              "calendar (`every`: day, week, month, quarter or year; `timezone`, `offset`) or count (`size` rows of a "
              "key). Fixed with a `timezone` takes a `size` of days, weeks, months or years: 1d, 2w, 1mo, 1y.")
              .Type("windowing")
              .Example("{type: fixed, size: 1h}"))
      .Example("rows per minute", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements: [{at: 10}, {at: 20}, {at: 70}]
  - type: AssignTimestamps
    config: {timestamp: at}
  - type: WindowInto
    config:
      windowing: {type: fixed, size: 1m}
  - type: Combine
    config: {group_by: [], combine: {rows: {value: at, fn: count}}}
  - type: Print
)");
}

/// Forgets the windows that an earlier grouping step gave its rows.
class StripWindow final : public Operator {
 public:
  Status Process(int, Batch batch, Emitter& out) override {
    if (!batch.has_window()) return out.Emit(std::move(batch));
    std::vector<int> all(batch.num_columns());
    for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i);
    Batch bare = batch.Project(batch.schema(), all);
    bare.clear_window();
    return out.Emit(std::move(bare));
  }
};

std::optional<StepBinding> BindWindowInto(const WindowIntoConfig& config, BindContext& context) {
  if (!context.windowing()) {
    if (config.windowing == nullptr)
      context.StepError("WindowInto needs 'windowing'", "for example {type: fixed, size: 1h}");
    return std::nullopt;
  }
  const SchemaPtr& schema = context.inputs()[0].info.schema;
  std::vector<int> pass_through(schema->num_fields());
  for (int i = 0; i < schema->num_fields(); ++i) pass_through[i] = i;
  StepBinding binding = RowWiseBinding(
      context, schema, {}, pass_through,
      [](const OperatorContext&) -> Result<std::unique_ptr<Operator>> { return std::make_unique<StripWindow>(); });
  CollectionInfo& info = binding.outputs[0].info;
  info.windowing = *context.windowing();
  info.has_window = false;
  binding.operators[0].repeatable = true;
  binding.operators[0].notes = {"windows: " + info.windowing.ToString()};
  return binding;
}

}  // namespace

void RegisterWindowInto(Registry& registry) { registry.Add<WindowIntoConfig>(Spec(), {1, 1}, BindWindowInto); }

}  // namespace weir
