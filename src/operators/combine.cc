// Combine: groups rows by fields and reduces each group with aggregate functions.
#include <arrow/type.h>

#include <algorithm>
#include <string_view>

#include "batch/types.h"
#include "operators/combine/combine_operators.h"
#include "operators/combine/pane_combine.h"
#include "operators/support/late_rows.h"
#include "plan/binding.h"

namespace weir {
namespace {

struct CombineConfig {
  std::vector<std::string> group_by;
  NodePtr combine;
  std::string language;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<CombineConfig>("Combine")
      .Summary("Group rows and reduce each group to one row.")
      .Doc(
          "The fields of the result are those of `group_by`, then those of `combine` in order. Null is a group like "
          "any "
          "other; aggregates skip nulls, except count, which counts rows, and group, which lists them. A group whose "
          "values "
          "are all null gives null. `group_by: []` makes one row of everything (none of an empty input). In a windowed "
          "collection every window is grouped by itself. Sums of integers are exact; one beyond 64 bits is an error of "
          "its "
          "row.")
      .Guarantees("Gives its rows when its input ends. Groups beyond the step's share of the memory budget go to disk.")
      .Field("group_by", &CombineConfig::group_by,
             FieldDoc("The fields that rows of a group have in common; a list, or one name.")
                 .OrSingle()
                 .Required()
                 .Example("[country, year]"))
      .Field(
          "combine", &CombineConfig::combine,
          FieldDoc(
              "What to compute: a mapping of new fields to a function name (of the field of the same name), or to "
              "`{value: expression, fn: function}`. Functions: sum, max, min, all, any, mean, count, group, concat, "
              "count_distinct, variance, stddev.")
              .Required()
              .Type("mapping of aggregates")
              .JsonSchema(
                  R"({"type": "object", "additionalProperties": {"oneOf": [{"type": "string"}, {"type": "object"}]}})")
              .Example("{total: {value: price, fn: sum}}"))
      .Field("language", &CombineConfig::language,
             FieldDoc("Of the value expressions: generic, sql or python.").Default("generic"))
      .Example("sales per country", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements:
      - {country: CH, amount: 3}
      - {country: CH, amount: 4}
      - {country: AT, amount: 5}
  - type: Combine
    config:
      group_by: country
      combine:
        total: {value: amount, fn: sum}
        sales: {value: amount, fn: count}
  - type: Print
)");
}

std::vector<std::string> FunctionNames() {
  std::vector<std::string> names;
  for (const AggregateFunction& function : AggregateFunctions()) names.emplace_back(function.name);
  return names;
}

std::string FunctionList() {
  std::string out;
  for (const std::string& name : FunctionNames()) out += (out.empty() ? "" : ", ") + name;
  return out;
}

/// The function that `fn` names: a word, or {type: word}.
const AggregateFunction* ParseFunction(const NodePtr& fn, BindContext& context) {
  NodePtr name = fn;
  if (fn->is_map()) {
    for (const NodeEntry& entry : fn->entries()) {
      if (entry.key->text() == "type") continue;
      context.Error(entry.key, "unknown setting '" + entry.key->text() + "' of an aggregate function",
                    "'fn' is the name of a function, or {type: name}");
      return nullptr;
    }
    name = fn->Find("type");
  }
  if (name == nullptr || !name->is_scalar()) {
    context.Error(fn, "'fn' must be the name of an aggregate function", "one of " + FunctionList());
    return nullptr;
  }
  const AggregateFunction* function = FindAggregateFunction(name->text());
  if (function == nullptr) {
    const std::string near = ClosestMatch(name->text(), FunctionNames());
    context.Error(name, "there is no aggregate function '" + name->text() + "'",
                  near.empty() ? "one of " + FunctionList() : "did you mean '" + near + "'?");
  }
  return function;
}

struct ParsedAggregate {
  const AggregateFunction* function = nullptr;
  ExprSource value;
};

/// `out: fn` or `out: {value: …, fn: …}`.
bool ParseAggregate(const NodeEntry& entry, BindContext& context, ParsedAggregate* out) {
  const NodePtr& node = entry.value;
  NodePtr fn = node, value;
  if (node->is_map()) {
    for (const NodeEntry& setting : node->entries()) {
      const std::string& key = setting.key->text();
      if (key == "value" || key == "fn") continue;
      context.Error(setting.key, "unknown setting '" + key + "' of the aggregate '" + entry.key->text() + "'",
                    "it takes 'value' and 'fn'");
      return false;
    }
    fn = node->Find("fn");
    value = node->Find("value");
    if (fn == nullptr) {
      context.Error(node, "the aggregate '" + entry.key->text() + "' needs 'fn'", "one of " + FunctionList());
      return false;
    }
  }
  out->function = ParseFunction(fn, context);
  if (out->function == nullptr) return false;
  const bool by_name = value == nullptr;
  if (by_name) value = entry.key;
  if (value->is_map()) {
    if (NodePtr expression = value->Find("expression")) value = expression;
  }
  if (!value->is_scalar()) {
    context.Error(value, "'value' must be an expression, not " + value->Describe());
    return false;
  }
  out->value = {ExprForm::kExpression, value->text(), "", value};
  // The field of the same name may hold characters that an expression would read otherwise.
  if (by_name && context.inputs()[0].info.schema->GetFieldIndex(value->text()) >= 0)
    out->value.text = "`" + value->text() + "`";
  return true;
}

/// A call so far from whose states `function` of `value` can take its results: a sum serves the mean; -1: none.
int CallWithSameStates(const CombinePlan& plan, const AggregateFunction& function, const TypePtr& type,
                       const CompiledExpr* value) {
  if (function.states == nullptr) return -1;
  for (size_t i = 0; i < plan.calls.size(); ++i) {
    const AggregateCall& call = plan.calls[i];
    if (call.same_states >= 0 || call.function->states == nullptr || !call.input->Equals(*type)) continue;
    if (std::string_view(call.function->states) != function.states) continue;
    const CompiledExpr* other = plan.values[i].get();
    const bool same = value == nullptr || other == nullptr ? value == other : value->ToString() == other->ToString();
    if (same) return static_cast<int>(i);
  }
  return -1;
}

bool AddAggregate(const NodeEntry& entry, const std::string& language, BindContext& context, CombinePlan* plan,
                  arrow::FieldVector* fields) {
  const arrow::Schema& schema = *context.inputs()[0].info.schema;
  const std::string& name = entry.key->text();
  for (const auto& field : *fields) {
    if (field->name() == name) {
      context.Error(entry.key, "the field '" + name + "' is grouped by already", "give the aggregate another name");
      return false;
    }
  }
  ParsedAggregate parsed;
  if (!ParseAggregate(entry, context, &parsed)) return false;
  const bool names_a_field = parsed.value.node != entry.key || schema.GetFieldIndex(name) >= 0;
  std::shared_ptr<const CompiledExpr> value;
  if (parsed.function->needs_value || names_a_field) {
    value = context.Compile(parsed.value, language, schema);
    if (value == nullptr) return false;
  }
  const TypePtr type = value ? value->type() : arrow::int64();
  auto aggregate = parsed.function->make(type);
  if (!aggregate.ok()) {
    context.Error(parsed.value.node, aggregate.status().message());
    return false;
  }
  // count needs no value; one that cannot fail is not even computed.
  if (!parsed.function->needs_value && value && !value->can_fail()) value = nullptr;
  const int same_states = CallWithSameStates(*plan, *parsed.function, type, value.get());
  if (same_states >= 0) value = nullptr;
  plan->calls.push_back({parsed.function, type, same_states});
  plan->values.push_back(std::move(value));
  fields->push_back(arrow::field(name, (*aggregate)->output_type()));
  return true;
}

bool MakePlan(const CombineConfig& config, BindContext& context, CombinePlan* plan) {
  const CollectionInfo& in = context.inputs()[0].info;
  arrow::FieldVector fields;
  bool good = true;
  const NodePtr settings = context.step_node()->Find("config");
  const NodePtr group_by = settings ? settings->Find("group_by") : nullptr;
  for (size_t i = 0; i < config.group_by.size(); ++i) {
    const NodePtr at = group_by->is_sequence() ? group_by->items()[i] : group_by;
    const int column = context.FindColumn(*in.schema, config.group_by[i], at);
    if (column < 0) {
      fields.push_back(arrow::field(config.group_by[i], arrow::null()));
      good = false;
    } else if (std::find(plan->keys.begin(), plan->keys.end(), column) != plan->keys.end()) {
      context.Error(at, "the field '" + config.group_by[i] + "' is grouped by twice");
      good = false;
    } else {
      plan->keys.push_back(column);
      plan->key_types.push_back(in.schema->field(column)->type());
      fields.push_back(in.schema->field(column));
    }
  }
  if (!config.combine->is_map()) {
    context.Error(config.combine,
                  "'combine' must be a mapping of new fields to aggregates, not " + config.combine->Describe());
    return false;
  }
  for (const NodeEntry& entry : config.combine->entries()) {
    if (AddAggregate(entry, config.language, context, plan, &fields)) continue;
    fields.push_back(arrow::field(entry.key->text(), arrow::null()));  // for the checks of the steps behind
    good = false;
  }
  plan->output_schema = arrow::schema(std::move(fields));
  return good;
}

/// Keys, window keys and partial states, as they cross the exchange.
Status CompletePlan(const CollectionInfo& in, CombinePlan* plan) {
  plan->windows = WindowKeys(in.windowing, in.has_window);
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

/// Columns of the input that keys and values read.
std::function<std::vector<ColumnSet>(const std::vector<ColumnSet>&)> NeedsOf(const CombinePlan& plan, int width) {
  ColumnSet needed = ColumnSet::None(width);
  needed.AddAll(plan.keys);
  for (const auto& value : plan.values) {
    if (value) needed.AddAll(value->columns());
  }
  return [needed](const std::vector<ColumnSet>&) { return std::vector<ColumnSet>{needed}; };
}

/// Whether a window may give anything but one pane when its input has ended.
bool NeedsPanes(const CollectionInfo& in) {
  const WindowingStrategy& windowing = in.windowing;
  return !in.bounded || in.changes || !windowing.trigger.is_default() ||
         windowing.accumulation == Accumulation::kRetracting || windowing.output_time != OutputTime::kEndOfWindow;
}

bool CheckPanes(const CollectionInfo& in, const CombinePlan& plan, BindContext& context) {
  bool good = true;
  if (!in.bounded && in.windowing.is_global() && in.windowing.trigger.is_default()) {
    context.StepError("the input never ends and is not windowed, so no group is ever complete",
                      "window it, for example 'windowing: {type: fixed, size: 1m}', or give a 'trigger' such as "
                      "{type: global, trigger: {repeat: {after_count: 1}}, accumulation: retracting}");
    good = false;
  }
  for (const AggregateCall& call : plan.calls) {
    if (!in.changes || call.function->can_retract) continue;
    context.StepError(std::string("the input has changes, and '") + call.function->name + "' cannot take a row back",
                      "use sum, count or mean, or an input that only appends");
    good = false;
  }
  return good;
}

std::optional<StepBinding> BindPanes(const CollectionInfo& in, std::shared_ptr<CombinePlan> plan) {
  const std::vector<TypePtr> user_keys(plan->key_types.begin(), plan->key_types.begin() + plan->keys.size());
  plan->panes = std::make_shared<PaneRules>(PaneRules{
      user_keys, plan->calls, in.windowing, TriggerMachine(in.windowing.trigger), in.changes, plan->output_schema});
  plan->late_schema = LateSchema(in.schema);
  plan->windows_given = in.has_window;
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
  spec.name = "Combine (panes)";
  Exchange exchange{plan->keys.empty() ? ExchangeKind::kGather : ExchangeKind::kHash, plan->keys};
  if (plan->keys.empty()) spec.max_lanes = 1;
  spec.inputs = {exchange};
  spec.outputs = {plan->output_schema, plan->late_schema};
  const int width = in.schema->num_fields();
  spec.needs = [needed = NeedsOf(*plan, width), width](const std::vector<ColumnSet>& outputs) {
    if (outputs[LateRows::kPort].ToIndices().empty()) return needed(outputs);
    return std::vector<ColumnSet>{ColumnSet::All(width)};
  };
  spec.make = [plan](const OperatorContext& lane) { return MakePaneCombine(plan, lane); };
  spec.notes = {"state of a window goes when the watermark is " +
                (in.windowing.allowed_lateness_us > 0 ? std::string("its allowed lateness past its end")
                                                      : std::string("past its end"))};
  binding.operators = {std::move(spec)};
  return binding;
}

std::optional<StepBinding> BindCombine(const CombineConfig& config, BindContext& context) {
  const CollectionInfo& in = context.inputs()[0].info;
  auto plan = std::make_shared<CombinePlan>();
  bool good = MakePlan(config, context, plan.get());
  if (good && NeedsPanes(in)) good = CheckPanes(in, *plan, context);
  if (!good) {
    if (plan->output_schema == nullptr) return std::nullopt;
    return OutputOnlyBinding(context, plan->output_schema);
  }
  if (Status status = CompletePlan(in, plan.get()); !status.ok()) {
    context.StepError(status.message());
    return std::nullopt;
  }
  if (NeedsPanes(in)) return BindPanes(in, std::move(plan));
  StepBinding binding;
  CollectionInfo out = in;
  out.schema = plan->output_schema;
  out.has_window = !in.windowing.is_global();
  // A rule of thumb: groups are of a few rows.
  out.expected_rows = plan->keys.empty() && in.windowing.is_global() ? 1 : in.expected_rows / 4;
  out.unfiltered_rows = out.expected_rows;
  binding.outputs = {{"", out}};
  const int width = in.schema->num_fields();
  if (context.lanes() == 1) {
    OperatorSpec whole;
    whole.name = context.step_name();
    whole.inputs = {Exchange{ExchangeKind::kGather, {}}};
    whole.outputs = {plan->output_schema};
    whole.needs = NeedsOf(*plan, width);
    whole.make = [plan](const OperatorContext& lane) { return MakeCombineWhole(plan, lane); };
    binding.operators.push_back(std::move(whole));
    return binding;
  }
  OperatorSpec partial;
  partial.name = context.step_name() + " (partial)";
  partial.inputs = {Exchange{}};
  partial.outputs = {plan->partial_schema};
  partial.needs = NeedsOf(*plan, width);
  partial.make = [plan](const OperatorContext& lane) { return MakeCombinePartial(plan, lane); };
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
  binding.operators = {std::move(partial), std::move(last)};
  return binding;
}

}  // namespace

void RegisterCombine(Registry& registry) { registry.Add<CombineConfig>(Spec(), {1, 1}, BindCombine); }

}  // namespace weir
