// ToChanges: rows with weights as plain rows that say what came and what went.
#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <cstdlib>

#include "batch/gather.h"
#include "operators/changes/change_writers.h"

namespace weir {
namespace {

ComponentSpec Spec() {
  return AddChangesFields(
             ComponentSpec::Transform<ChangesConfig>("ToChanges")
                 .Summary("Write changes as plain rows that say what came and what went.")
                 .Doc("Rows that can be taken back carry a weight, which sinks and most other systems have no place "
                      "for. This step writes it into the row, so that any sink takes it; `FromChanges` with the same "
                      "settings reads it back.\n\n"
                      "`weight` adds an integer; `insert_delete` adds a word and repeats a row as often as it came or "
                      "went; `before_after` gives two objects, with null for what there is not; `upsert` gives the new "
                      "row of each key, and says when the key has none any more: there must be one row for each key "
                      "when all changes of an event time have come.\n\n"
                      "A row that goes waits for the one that takes its place (of the same key, and for `before_after` "
                      "the same event time), until the watermark has passed its event time or 100 ms have gone by."),
             false)
      .Guarantees("upsert holds a number for each key; the other forms hold nothing.")
      .Example("balances as a feed of updates", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements:
      - {account: a, amount: 100}
      - {account: a, amount: -30}
  - type: Sum
    config: {key: account, fields: {balance: amount}}
  - type: ToChanges
    config: {form: before_after, key: account}
  - type: Print
)");
}

std::vector<ArrayDataPtr> ColumnsOf(const Batch& batch) {
  std::vector<ArrayDataPtr> out;
  for (int i = 0; i < batch.num_columns(); ++i) out.push_back(batch.column(i));
  return out;
}

class ToWeights final : public Operator {
 public:
  explicit ToWeights(ToPlanPtr plan) : plan_(std::move(plan)) {}
  Status Process(int, Batch batch, Emitter& out) override {
    std::vector<int32_t> rows;
    std::vector<int64_t> weights;
    for (int64_t i = 0; i < batch.num_rows(); ++i) {
      if (ChangeWeight(batch, i) == 0) continue;
      rows.push_back(static_cast<int32_t>(i));
      weights.push_back(ChangeWeight(batch, i));
    }
    const auto count = static_cast<int64_t>(rows.size());
    if (count < batch.num_rows()) {
      WEIR_ASSIGN_OR_RETURN(batch, GatherBatch(batch, rows));
    }
    std::vector<ArrayDataPtr> columns = ColumnsOf(batch);
    columns.push_back(
        arrow::ArrayData::Make(arrow::int64(), count, {nullptr, arrow::Buffer::FromVector(std::move(weights))}, 0));
    return out.Emit(Unweighted(batch, plan_->schema, std::move(columns)));
  }

 private:
  const ToPlanPtr plan_;
};

class ToWords final : public Operator {
 public:
  explicit ToWords(ToPlanPtr plan) : plan_(std::move(plan)) {}
  Status Process(int, Batch batch, Emitter& out) override {
    std::vector<int32_t> rows, words;
    for (int64_t i = 0; i < batch.num_rows(); ++i) {
      const int64_t weight = ChangeWeight(batch, i);
      rows.insert(rows.end(), static_cast<size_t>(std::abs(weight)), static_cast<int32_t>(i));
      words.resize(rows.size(), weight < 0 ? 1 : 0);
    }
    WEIR_ASSIGN_OR_RETURN(batch, GatherBatch(batch, rows));
    std::vector<ArrayDataPtr> columns = ColumnsOf(batch);
    columns.push_back(WordColumn(plan_->config.insert[0], plan_->config.remove[0], std::move(words)));
    return out.Emit(Unweighted(batch, plan_->schema, std::move(columns)));
  }

 private:
  const ToPlanPtr plan_;
};

/// The output's fields; null after errors.
SchemaPtr OutputSchema(const ChangesConfig& config, const SchemaPtr& in, BindContext& context) {
  const NodePtr settings = context.step_node()->Find("config");
  if (config.form == "before_after") {
    const TypePtr object = arrow::struct_(in->fields());
    return arrow::schema({arrow::field(config.before, object), arrow::field(config.after, object)});
  }
  const std::string name = ChangeField(config);
  if (name.empty()) return in;
  if (in->GetFieldIndex(name) >= 0) {
    const NodePtr at = settings->Find("field") ? settings->Find("field") : settings->Find("form");
    context.Error(at, "the input has a field '" + name + "' already", "give 'field' another name");
    return nullptr;
  }
  arrow::FieldVector fields = in->fields();
  fields.push_back(arrow::field(name, config.form == "weight" ? arrow::int64() : arrow::utf8()));
  return arrow::schema(std::move(fields));
}

std::optional<StepBinding> BindToChanges(const ChangesConfig& config, BindContext& context) {
  const SchemaPtr& in = context.inputs()[0].info.schema;
  auto plan = std::make_shared<ToPlan>();
  plan->config = config;
  bool good = ReadChangeKey(config, *in, context, &plan->keys);
  plan->schema = OutputSchema(config, in, context);
  for (const auto* words : {&config.insert, &config.remove}) {
    if (words->size() == 1) continue;
    context.StepError("ToChanges writes one word for rows that came, and one for those that went");
    good = false;
  }
  if (!good || plan->schema == nullptr) return std::nullopt;
  for (int key : plan->keys) plan->key_types.push_back(in->field(key)->type());
  for (const auto& field : in->fields()) plan->types.push_back(field->type());
  const bool by_key = config.form == "upsert" || config.form == "before_after";
  StepBinding binding = BindChanges(context, plan->schema, by_key ? plan->keys : std::vector<int>{}, false,
                                    [plan](const OperatorContext& lane) -> Result<std::unique_ptr<Operator>> {
                                      const std::string& form = plan->config.form;
                                      if (form == "weight") return std::make_unique<ToWeights>(plan);
                                      if (form == "insert_delete") return std::make_unique<ToWords>(plan);
                                      if (form == "before_after") return MakeToPairs(plan, lane);
                                      return MakeToUpserts(plan, lane);
                                    });
  binding.can_reject = false;
  if (by_key) binding.operators[0].keeps = StateKeeping::kSnapshots;
  if (config.form == "upsert") {
    binding.operators[0].notes = {"state: a count for each key that has rows: nothing else bounds it"};
  }
  return binding;
}

}  // namespace

void RegisterToChanges(Registry& registry) { registry.Add<ChangesConfig>(Spec(), {1, 1}, BindToChanges); }

}  // namespace weir
