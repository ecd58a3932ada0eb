// From a plan of groups to operators and what they need.
#include "operators/combine/combine_binding.h"

#include <arrow/type.h>

#include "operators/combine/pane_combine.h"
#include "operators/support/late_rows.h"

namespace weir {
namespace {

/// Hands on the errors of values, which the first operator finds, and those of groups, which the last one does.
class JoinErrors final : public Operator {
 public:
  Status Process(int, Batch batch, Emitter& out) override { return out.Emit(std::move(batch)); }
};

OperatorSpec WholeSpec(const std::shared_ptr<const CombinePlan>& plan, const BindContext& context) {
  OperatorSpec whole;
  whole.name = context.step_name();
  whole.inputs = {Exchange{ExchangeKind::kGather, {}}};
  whole.outputs = {plan->output_schema};
  whole.needs = NeedsOf(*plan);
  whole.make = [plan](const OperatorContext& lane) { return MakeCombineWhole(plan, lane); };
  return whole;
}

OperatorSpec PartialSpec(const std::shared_ptr<const CombinePlan>& plan, const BindContext& context) {
  OperatorSpec partial;
  partial.name = context.step_name() + " (partial)";
  partial.inputs = {Exchange{}};
  partial.outputs = {plan->partial_schema};
  partial.needs = NeedsOf(*plan);
  partial.make = [plan](const OperatorContext& lane) { return MakeCombinePartial(plan, lane); };
  return partial;
}

OperatorSpec FinalSpec(const std::shared_ptr<const CombinePlan>& plan, const BindContext& context) {
  OperatorSpec last;
  last.name = context.step_name() + " (final)";
  Exchange exchange{ExchangeKind::kHash, {}};
  // Groups that are merged across windows must meet; without keys, windows may spread over lanes unless they merge.
  const size_t exchange_keys = plan->windows.needs_regroup() ? plan->keys.size() : plan->key_types.size();
  for (size_t i = 0; i < exchange_keys; ++i) exchange.keys.push_back(static_cast<int>(i));
  if (exchange_keys == 0) exchange.kind = ExchangeKind::kGather;
  if (exchange_keys == 0) last.max_lanes = 1;
  last.inputs = {exchange};
  last.outputs = {plan->output_schema};
  last.needs = [columns = plan->partial_schema->num_fields()](const std::vector<ColumnSet>&) {
    return std::vector<ColumnSet>{ColumnSet::All(columns)};
  };
  last.make = [plan](const OperatorContext& lane) { return MakeCombineFinal(plan, lane); };
  last.can_reject = !plan->calls.empty();
  return last;
}

}  // namespace

bool NeedsPanes(const CollectionInfo& in) {
  const WindowingStrategy& windowing = in.windowing;
  return !in.bounded || in.changes || !windowing.trigger.is_default() ||
         windowing.accumulation == Accumulation::kRetracting || windowing.output_time != OutputTime::kEndOfWindow;
}

Status CompletePlan(const CollectionInfo& in, CombinePlan* plan) {
  plan->windows = WindowKeys(in.windowing, in.has_window);
  plan->input_schema = in.schema;
  plan->windows_given = in.has_window;
  arrow::FieldVector fields;
  for (size_t i = 0; i < plan->keys.size(); ++i) fields.push_back(plan->output_schema->field(static_cast<int>(i)));
  for (size_t i = 0; i < plan->num_window_keys(); ++i) {
    plan->key_types.push_back(arrow::int64());
    fields.push_back(arrow::field("window", arrow::int64()));
  }
  WEIR_ASSIGN_OR_RETURN(auto groups, GroupAggregator::Make(plan->key_types, plan->calls));
  for (const auto& type : groups->partial_types()) fields.push_back(arrow::field("state", type));
  plan->partial_schema = arrow::schema(std::move(fields));
  return Status::OK();
}

std::string StateNote(const WindowingStrategy& windowing, const std::string& what) {
  if (windowing.is_global()) return "state: grows with the number of " + what + ": nothing bounds it";
  return "state: " + what + " of open windows; dropped when the watermark passes their end" +
         (windowing.allowed_lateness_us > 0 ? " + allowed lateness" : "");
}

std::function<std::vector<ColumnSet>(const std::vector<ColumnSet>&)> NeedsOf(const CombinePlan& plan) {
  ColumnSet needed = ColumnSet::None(plan.input_schema->num_fields());
  needed.AddAll(plan.keys);
  for (const auto& value : plan.values) {
    if (value) needed.AddAll(value->columns());
  }
  return [needed](const std::vector<ColumnSet>&) { return std::vector<ColumnSet>{needed}; };
}

std::optional<StepBinding> BindCombinePlan(std::shared_ptr<CombinePlan> plan, BindContext& context) {
  const CollectionInfo& in = context.inputs()[0].info;
  if (Status status = CompletePlan(in, plan.get()); !status.ok()) {
    context.StepError(status.message());
    return std::nullopt;
  }
  StepBinding binding;
  CollectionInfo out = in;
  out.schema = plan->output_schema;
  out.has_window = !in.windowing.is_global();
  // A rule of thumb: groups are of a few rows.
  out.expected_rows = plan->keys.empty() && in.windowing.is_global() ? 1 : in.expected_rows / 4;
  out.unfiltered_rows = out.expected_rows;
  binding.outputs = {{"", out}};
  binding.can_reject = !plan->calls.empty();
  if (context.lanes() == 1) {
    binding.operators = {WholeSpec(plan, context)};
    return binding;
  }
  binding.operators = {PartialSpec(plan, context), FinalSpec(plan, context)};
  binding.join_errors = [](const OperatorContext&) -> Result<std::unique_ptr<Operator>> {
    return std::make_unique<JoinErrors>();
  };
  return binding;
}

std::optional<StepBinding> BindCombinePanes(std::shared_ptr<CombinePlan> plan, BindContext& context) {
  const CollectionInfo& in = context.inputs()[0].info;
  if (Status status = CompletePlan(in, plan.get()); !status.ok()) {
    context.StepError(status.message());
    return std::nullopt;
  }
  const std::vector<TypePtr> user_keys(plan->key_types.begin(), plan->key_types.begin() + plan->keys.size());
  plan->panes = std::make_shared<PaneRules>(PaneRules{
      user_keys, plan->calls, in.windowing, TriggerMachine(in.windowing.trigger), in.changes, plan->output_schema});
  plan->late_schema = LateSchema(in.schema);
  plan->input_schema = in.schema;
  StepBinding binding;
  CollectionInfo out = in, late = in;
  out.schema = plan->output_schema;
  out.has_window = !in.windowing.is_global();
  out.changes = in.windowing.accumulation == Accumulation::kRetracting;
  late.schema = plan->late_schema;
  late.windowing = WindowingStrategy{};
  late.has_window = false;
  binding.outputs = {{"", out}, {"late", late}};
  OperatorSpec spec;
  spec.name = context.step_name() + " (panes)";
  Exchange exchange{plan->keys.empty() ? ExchangeKind::kGather : ExchangeKind::kHash, plan->keys};
  if (plan->keys.empty()) spec.max_lanes = 1;
  spec.inputs = {exchange};
  spec.outputs = {plan->output_schema, plan->late_schema};
  const int width = in.schema->num_fields();
  spec.needs = [needed = NeedsOf(*plan), width](const std::vector<ColumnSet>& outputs) {
    if (outputs[LateRows::kPort].ToIndices().empty()) return needed(outputs);
    return std::vector<ColumnSet>{ColumnSet::All(width)};
  };
  spec.keeps = StateKeeping::kSnapshots;
  spec.make = [plan](const OperatorContext& lane) { return MakePaneCombine(plan, lane); };
  spec.notes = {StateNote(in.windowing, "groups")};
  binding.operators = {std::move(spec)};
  return binding;
}

}  // namespace weir
