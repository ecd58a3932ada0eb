// Stateful: a row of state for each key, updated by every row of the key.
#include <arrow/array/data.h>
#include <arrow/array/util.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include "base/duration.h"
#include "operators/stateful/fold.h"
#include "operators/support/input_checks.h"
#include "operators/support/late_rows.h"
#include "plan/binding.h"
#include "plan/declared_type.h"

namespace weir {
namespace {

struct StateField {
  NodePtr initial, update;
  std::optional<TypeDecl> type;
  static const FieldSet<StateField>& Fields() {
    static const FieldSet<StateField> fields =
        FieldSet<StateField>()
            .Field("initial", &StateField::initial,
                   FieldDoc("The value of a new key; an expression without fields.").Required().Example("0"))
            .Field("update", &StateField::update,
                   FieldDoc("The value after a row: an expression over the fields of the row and those of the state as "
                            "they were before it.")
                       .Required()
                       .Example("count + 1"))
            .Field("type", &StateField::type, FieldDoc("Its type; by default that of `initial`.").Example("decimal"));
    return fields;
  }
};

struct StatefulConfig {
  std::vector<std::string> key;
  std::vector<std::pair<std::string, StateField>> state;
  std::optional<Duration> expire_after;
  std::string order;
  std::string language;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<StatefulConfig>("Stateful")
      .Summary("Keep a row of state for each key, and update it with every row of the key.")
      .Doc(
          "Gives each row with the state of its key after it. All updates of a row see the state as it was before the "
          "row. Rows are taken in the order of event time, whatever the order of their arrival: each waits until the "
          "watermark has passed it. Rows that come behind the watermark go to the output `late`. With `order: arrival` "
          "rows are taken as they come; the result then depends on that. A row whose update cannot be computed is a "
          "row "
          "error and leaves the state as it is.\n\n"
          "With `expire_after` a key that has been silent for so long in event time is forgotten; its state goes to "
          "the "
          "output `expired`, and its next row finds a new key.\n\n"
          "Rows of one key are computed one after another, those of different keys together: many keys are fast, one "
          "key is not.")
      .Guarantees(
          "The same result for any order of arrival within the watermark, any number of lanes and any cut of batches.")
      .Field("key", &StatefulConfig::key,
             FieldDoc("Fields whose values make a key; none: all rows share one state.").OrSingle().Example("account"))
      .Field("state", &StatefulConfig::state,
             FieldDoc("The fields of the state.").Required().Example("{count: {initial: 0, update: count + 1}}"))
      .Field(
          "expire_after", &StatefulConfig::expire_after,
          FieldDoc("Event time after the last row of a key at which it is forgotten. Default: never.").Example("30m"))
      .Field("order", &StatefulConfig::order,
             FieldDoc("In which order rows are taken.").Default("event_time").OneOf({"event_time", "arrival"}))
      .Field("language", &StatefulConfig::language,
             FieldDoc("The language of the expressions.").Default("generic").OneOf({"generic", "sql", "python"}))
      .Example("a running balance, and how often it went below zero", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements:
      - {account: anna, at: 1, amount: 10}
      - {account: anna, at: 2, amount: -15}
      - {account: ben, at: 1, amount: 7}
      - {account: anna, at: 3, amount: 20}
  - type: AssignTimestamps
    config: {timestamp: at}
  - type: Stateful
    config:
      key: account
      state:
        balance: {initial: 0, update: balance + amount}
        overdrawn: {initial: 0, update: overdrawn + case when balance + amount < 0 then 1 else 0 end}
  - type: Print
)");
}

NodePtr Place(BindContext& context, const std::string& setting) {
  const NodePtr config = context.step_node()->Find("config");
  const NodePtr value = config != nullptr && config->is_map() ? config->Find(setting) : nullptr;
  return value != nullptr ? value : context.step_node();
}

/// Reads the settings into a plan; everything that is wrong with them is said.
class StatefulReader {
 public:
  StatefulReader(const StatefulConfig& config, BindContext& context, FoldPlan* plan)
      : config_(config), context_(context), plan_(plan) {}

  bool Read() {
    plan_->input = context_.inputs()[0].info.schema;
    bool good = true;
    arrow::FieldVector expired;
    for (const std::string& name : config_.key) {
      plan_->keys.push_back(context_.FindColumn(*plan_->input, name, Place(context_, "key")));
      good &= plan_->keys.back() >= 0;
      if (plan_->keys.back() >= 0) expired.push_back(plan_->input->field(plan_->keys.back()));
    }
    for (const auto& [name, field] : config_.state) good &= ReadInitial(name, field);
    if (!good) return false;
    if (config_.state.empty()) {
      context_.Error(Place(context_, "state"), "'state' must have at least one field");
      return false;
    }
    arrow::FieldVector both = plan_->input->fields();
    for (const auto& field : fields_) both.push_back(field);
    expired.insert(expired.end(), fields_.begin(), fields_.end());
    plan_->both = plan_->output = arrow::schema(std::move(both));
    plan_->expired = arrow::schema(std::move(expired));
    plan_->initial = Batch(arrow::schema(fields_), std::move(initial_), 1);
    for (const auto& [name, field] : config_.state) good &= ReadUpdate(name, field);
    return good;
  }

 private:
  bool ReadInitial(const std::string& name, const StateField& field) {
    const NodePtr place = field.initial;
    if (plan_->input->GetFieldIndex(name) >= 0) {
      context_.Error(Place(context_, "state"), "the input has a field '" + name + "' already",
                     "give the field of the state another name");
      return false;
    }
    CompiledExprPtr expr = Compile(field.initial, *arrow::schema({}));
    if (expr != nullptr && field.type) {
      const TypePtr type = DeclaredType(*field.type, &context_.diagnostics());
      expr = type == nullptr ? nullptr : Convert(expr, type, place);
    }
    if (expr == nullptr) return false;
    const std::shared_ptr<arrow::Scalar> value = expr->as_constant();
    if (value == nullptr || expr->type()->id() == arrow::Type::NA) {
      context_.Error(place, "'initial' must be a constant whose type is known",
                     "say the type where the value is null: {initial: null, type: integer, …}");
      return false;
    }
    auto column = arrow::MakeArrayFromScalar(*value, 1);
    if (!column.ok()) {
      context_.Error(place, column.status().message());
      return false;
    }
    fields_.push_back(arrow::field(name, expr->type()));
    initial_.push_back((*column)->data());
    return true;
  }

  bool ReadUpdate(const std::string& name, const StateField& field) {
    CompiledExprPtr expr = Compile(field.update, *plan_->both);
    if (expr == nullptr) return false;
    const TypePtr& type = plan_->both->GetFieldByName(name)->type();
    if (!expr->type()->Equals(*type)) expr = Convert(expr, type, field.update);
    if (expr == nullptr) return false;
    plan_->updates.push_back(std::move(expr));
    return true;
  }

  CompiledExprPtr Compile(const NodePtr& node, const arrow::Schema& schema) {
    if (!node->is_scalar()) {
      context_.Error(node, "an expression must be text, not " + node->Describe());
      return nullptr;
    }
    return context_.Compile(ExprSource{ExprForm::kExpression, node->IsNull() ? "null" : node->text(), "", node},
                            config_.language, schema);
  }

  CompiledExprPtr Convert(const CompiledExprPtr& expr, const TypePtr& type, const NodePtr& place) {
    auto cast = CompiledExpr::Cast(expr, type);
    if (cast.ok()) return *cast;
    context_.Error(place, cast.status().message(), "give the field of the state another 'type'");
    return nullptr;
  }

  const StatefulConfig& config_;
  BindContext& context_;
  FoldPlan* const plan_;
  arrow::FieldVector fields_;
  std::vector<ArrayDataPtr> initial_;
};

std::string StateNote(const FoldPlan& plan) {
  if (plan.expire_after_us == 0) return "state: one row for each key there ever was: nothing bounds it";
  return "state: one row for each key; forgotten " + FormatDuration({plan.expire_after_us}) +
         " of event time after its last row";
}

std::optional<StepBinding> BindStateful(const StatefulConfig& config, BindContext& context) {
  if (RefuseChanges("Stateful", context)) return std::nullopt;
  const CollectionInfo& in = context.inputs()[0].info;
  auto plan = std::make_shared<FoldPlan>();
  plan->bounded = in.bounded;
  plan->by_arrival = config.order == "arrival";
  plan->expire_after_us = config.expire_after ? config.expire_after->us : 0;
  bool good = StatefulReader(config, context, plan.get()).Read();
  if (config.expire_after && config.expire_after->us <= 0) {
    context.Error(Place(context, "expire_after"), "'expire_after' must be positive");
    good = false;
  }
  if (!good) return std::nullopt;

  StepBinding binding;
  CollectionInfo rows = in, late = in, expired = in;
  rows.schema = plan->output;
  late.schema = LateSchema(in.schema);
  expired.schema = plan->expired;
  late.windowing = expired.windowing = WindowingStrategy{};
  late.has_window = expired.has_window = false;
  binding.outputs = {{"", rows}, {"late", late}, {"expired", expired}};
  OperatorSpec spec;
  spec.name = "Stateful";
  spec.inputs = {Exchange{plan->keys.empty() ? ExchangeKind::kGather : ExchangeKind::kHash, plan->keys}};
  if (plan->keys.empty()) spec.max_lanes = 1;
  spec.outputs = {plan->output, late.schema, plan->expired};
  spec.notes = {StateNote(*plan)};
  if (!plan->bounded || plan->by_arrival) spec.keeps = StateKeeping::kSnapshots;
  spec.make = [plan](const OperatorContext& lane) { return MakeFold(plan, lane); };
  binding.operators = {std::move(spec)};
  return binding;
}

}  // namespace

void RegisterStateful(Registry& registry) { registry.Add<StatefulConfig>(Spec(), {1, 1}, BindStateful); }

}  // namespace weir
