// Combine: groups rows by fields and reduces each group with aggregate functions.
#include <arrow/type.h>

#include <algorithm>
#include <string_view>

#include "batch/types.h"
#include "operators/combine/combine_binding.h"
#include "operators/combine/sql_aggregates.h"
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
          "collection every window is grouped by itself. Sums of integers are exact; one beyond 64 bits is an error, "
          "whose `element` has "
          "the "
          "fields of the group and null in the others.\n\n"
          "Where the input never ends, a window gives its groups as its `trigger` and the watermark say, and rows that "
          "come when it is over go to the output `late`. Where the input has changes, rows that are taken back count "
          "against those that came, for every function, and a group without rows disappears; `accumulation: "
          "retracting` takes the last result of a group back when it gives a new one.")
      .Guarantees(
          "Of an input that ends: gives its rows at the end, and groups beyond the step's share of the memory budget "
          "go to disk. Else groups are held in memory until the watermark passes their window and its allowed "
          "lateness.")
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
              "count_distinct, variance, stddev. With `language: sql` also an expression over SQL's aggregate "
              "functions, "
              "as `sum(price) / count(*)`; `count(x)` there leaves nulls out.")
              .Required()
              .Type("mapping of aggregates")
              .JsonSchema(
                  R"({"type": "object", "additionalProperties": {"oneOf": [{"type": "string"}, {"type": "object"}]}})")
              .Example("{total: {value: price, fn: sum}}"))
      .Field("language", &CombineConfig::language,
             FieldDoc("Of the expressions: generic, sql or python.").Default("generic"))
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

/// Reads the entries of `combine` into a plan whose keys are known.
class AggregateReader {
 public:
  /// `fields`: of the keys.
  AggregateReader(const CombineConfig& config, BindContext& context, arrow::FieldVector fields, CombinePlan* plan)
      : config_(config),
        context_(context),
        schema_(*context.inputs()[0].info.schema),
        groups_(fields),
        outputs_(std::move(fields)),
        plan_(*plan) {}

  bool Read() {
    bool good = true;
    for (const NodeEntry& entry : config_.combine->entries()) {
      if (!IsTaken(entry) && Add(entry)) continue;
      outputs_.push_back(arrow::field(entry.key->text(), arrow::null()));  // for the checks of the steps behind
      good = false;
    }
    plan_.group_schema = arrow::schema(groups_);
    plan_.output_schema = arrow::schema(outputs_);
    if (!has_expressions_) plan_.results.clear();
    return good;
  }

 private:
  bool IsTaken(const NodeEntry& entry) {
    const std::string& name = entry.key->text();
    for (const auto& field : outputs_) {
      if (field->name() != name) continue;
      context_.Error(entry.key, "the field '" + name + "' is grouped by already", "give the aggregate another name");
      return true;
    }
    return false;
  }

  bool Add(const NodeEntry& entry) {
    const std::string& name = entry.key->text();
    if (const NodePtr text = SqlTextOf(entry.value)) return AddSql(name, text);
    ParsedAggregate parsed;
    if (!ParseAggregate(entry, context_, &parsed)) return false;
    const bool names_a_field = parsed.value.node != entry.key || schema_.GetFieldIndex(name) >= 0;
    std::shared_ptr<const CompiledExpr> value;
    if (parsed.function->needs_value || names_a_field) {
      value = context_.Compile(parsed.value, config_.language, schema_);
      if (value == nullptr) return false;
    }
    if (!AddCall(parsed.function, std::move(value), parsed.value.node, name, name)) return false;
    AddResult(name, CompiledExpr::Column(*arrow::schema(groups_), static_cast<int>(groups_.size()) - 1));
    return true;
  }

  /// `language: sql` and a text that is not the name of a function: an expression over aggregates.
  NodePtr SqlTextOf(const NodePtr& value) const {
    if (config_.language != "sql") return nullptr;
    const NodePtr text = value->is_map() && value->entries().size() == 1 ? value->Find("fn") : value;
    const bool is_text = text != nullptr && text->is_scalar() && FindAggregateFunction(text->text()) == nullptr;
    return is_text ? text : nullptr;
  }

  bool AddSql(const std::string& name, const NodePtr& node) {
    const auto split = SplitSqlAggregates(node, schema_, config_.group_by, plan_.calls.size(), context_);
    if (!split) return false;
    for (const SqlAggregateCall& call : split->calls) {
      const AggregateFunction* function = call.function;
      std::shared_ptr<const CompiledExpr> value;
      if (!call.argument.empty()) {
        value = context_.Compile({ExprForm::kExpression, call.argument, "", node}, "sql", schema_);
        if (value == nullptr) return false;
      }
      if (call.counts_values) {  // our count counts rows
        const std::string text = "case when (" + value->ToString() + ") is null then 0 else 1 end";
        value = context_.Compile({ExprForm::kExpression, text, "", node}, "generic", schema_);
        function = FindAggregateFunction("sum");
        if (value == nullptr) return false;
      }
      if (!AddCall(function, std::move(value), node, call.column, name)) return false;
    }
    auto result = context_.Compile({ExprForm::kExpression, split->rest, "", node}, "sql", *arrow::schema(groups_));
    if (result == nullptr) return false;
    has_expressions_ = true;
    AddResult(name, std::move(result));
    return true;
  }

  /// `column`: of the result among the groups'; `name`: for messages about it.
  bool AddCall(const AggregateFunction* function, std::shared_ptr<const CompiledExpr> value, const NodePtr& place,
               const std::string& column, const std::string& name) {
    if (context_.inputs()[0].info.changes) function = RetractingForm(*function);
    const TypePtr type = value ? value->type() : arrow::int64();
    auto aggregate = function->make(type);
    if (!aggregate.ok()) {
      context_.Error(place, aggregate.status().message());
      return false;
    }
    // count needs no value; one that cannot fail is not even computed.
    if (!function->needs_value && value && !value->can_fail()) value = nullptr;
    const int same_states = CallWithSameStates(plan_, *function, type, value.get());
    if (same_states >= 0) value = nullptr;
    plan_.calls.push_back({function, type, same_states, name});
    plan_.values.push_back(std::move(value));
    groups_.push_back(arrow::field(column, (*aggregate)->output_type()));
    return true;
  }

  void AddResult(const std::string& name, std::shared_ptr<const CompiledExpr> result) {
    outputs_.push_back(arrow::field(name, result->type()));
    plan_.results.push_back(std::move(result));
  }

  const CombineConfig& config_;
  BindContext& context_;
  const arrow::Schema& schema_;
  arrow::FieldVector groups_, outputs_;
  CombinePlan& plan_;
  bool has_expressions_ = false;
};

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
  return AggregateReader(config, context, std::move(fields), plan).Read() && good;
}

bool CheckPanes(const CollectionInfo& in, const CombinePlan& plan, BindContext& context) {
  bool good = true;
  if (!plan.results.empty()) {
    context.StepError("SQL text needs a bounded input and windows that give one pane",
                      "write each aggregate as {value: expression, fn: function}");
    good = false;
  }
  if (!in.bounded && !in.as_stream && in.windowing.is_global() && in.windowing.trigger.is_default()) {
    context.StepError("the input never ends and is not windowed, so no group is ever complete",
                      "window it, for example 'windowing: {type: fixed, size: 1m}', or give a 'trigger' such as "
                      "{type: global, trigger: {repeat: {after_count: 1}}, accumulation: retracting}");
    good = false;
  }
  // A pane of discarding windows has what came since the last one: of rows taken back that is no set of values.
  const bool several_panes = !in.windowing.trigger.is_default() || in.windowing.allowed_lateness_us > 0;
  for (const AggregateCall& call : plan.calls) {
    const bool linear = FindAggregateFunction(call.function->name)->can_retract;
    if (!in.changes || linear || !several_panes || in.windowing.accumulation != Accumulation::kDiscarding) continue;
    context.StepError(
        std::string("the input has changes, and a pane that only says what came since the last has no '") +
            call.function->name + "'",
        "write 'accumulation: retracting' in the windowing");
    good = false;
  }
  return good;
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
  if (!NeedsPanes(in)) return BindCombinePlan(std::move(plan), context);
  return BindCombinePanes(std::move(plan), context);
}

}  // namespace

void RegisterCombine(Registry& registry) { registry.Add<CombineConfig>(Spec(), {1, 1}, BindCombine); }

}  // namespace weir
