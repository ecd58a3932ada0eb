// FromChanges: plain rows that say what came and what went as rows with weights.
#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>

#include "batch/gather.h"
#include "batch/gather_rows.h"
#include "batch/types.h"
#include "operators/changes/change_forms.h"
#include "operators/support/good_rows.h"
#include "operators/support/input_checks.h"
#include "state/cells/keyed_cells.h"
#include "state/changes/row_counts.h"
#include "state/memory_budget.h"

namespace weir {
namespace {

ComponentSpec Spec() {
  return AddChangesFields(
             ComponentSpec::Transform<ChangesConfig>("FromChanges")
                 .Summary("Read a feed of changes: plain rows that say what came and what went.")
                 .Doc(
                     "The feeds that databases and other systems give become rows that can be taken back, and every "
                     "step behind keeps its result right: joins, aggregates, `Top`, `Distinct`. The inverse of "
                     "`ToChanges`.\n\n"
                     "`weight` takes an integer field; `insert_delete` a field with a word (other words are row "
                     "errors); `before_after` two objects of the same fields, either of which may be null, as Debezium "
                     "writes them; `upsert` remembers the row of each key, takes it back when the next one comes, and "
                     "when the feed says that it went. What takes a row back has the event time of the row of the feed "
                     "that says so."),
             true)
      .Guarantees("upsert holds the last row of each key, in memory; the other forms hold nothing.")
      .Example("the newest price of each item", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements:
      - {item: apple, price: 3}
      - {item: pear, price: 4}
      - {item: apple, price: 5}
  - type: FromChanges
    config: {form: upsert, key: item}
  - type: Combine
    config: {group_by: [], combine: {dearest: {value: price, fn: max}}}
  - type: Print
)");
}

struct FromPlan {
  ChangesConfig config;
  SchemaPtr schema;
  int field = -1;               // of weight or word
  int before = -1, after = -1;  // the objects
  std::vector<int> columns;     // of the input that come out
  std::vector<int> keys;        // of the input
  std::vector<TypePtr> key_types, types;
};
using FromPlanPtr = std::shared_ptr<const FromPlan>;

Int64Column ColumnOfWeights(std::vector<int64_t> weights) {
  return Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(weights))));
}

/// weight and insert_delete: each row of the feed is a row, or is rejected.
class FromMarks final : public Operator {
 public:
  explicit FromMarks(FromPlanPtr plan) : plan_(std::move(plan)) {}
  Status Process(int, Batch batch, Emitter& out) override {
    errors_.clear();
    rows_.clear();
    std::vector<int64_t> weights;
    const ArrayDataPtr marks = batch.PlainColumn(plan_->field);
    for (int64_t i = 0; i < batch.num_rows(); ++i) {
      const int64_t weight = marks->IsNull(i) ? 0 : WeightOf(*marks, i);
      if (marks->IsNull(i)) errors_.push_back({i, "'" + ChangeField(plan_->config) + "' is null"});
      if (weight == 0) continue;
      rows_.push_back(static_cast<int32_t>(i));
      weights.push_back(weight);
    }
    WEIR_RETURN_NOT_OK(out.Reject(batch, errors_));
    if (rows_.empty()) return Status::OK();
    WEIR_ASSIGN_OR_RETURN(Selection selection, SelectionOf(rows_));
    Batch result = batch.Select(selection).Project(plan_->schema, plan_->columns);
    result.set_weight(ColumnOfWeights(std::move(weights)));
    return out.Emit(std::move(result));
  }

 private:
  int64_t WeightOf(const arrow::ArrayData& marks, int64_t row) {
    if (plan_->config.form == "weight") return marks.GetValues<int64_t>(1)[row];
    const auto* offsets = marks.GetValues<int32_t>(1) + row;
    const char* text = marks.buffers[2] ? reinterpret_cast<const char*>(marks.buffers[2]->data()) : "";
    const std::string_view word(text + offsets[0], static_cast<size_t>(offsets[1] - offsets[0]));
    const auto& config = plan_->config;
    if (std::find(config.insert.begin(), config.insert.end(), word) != config.insert.end()) return 1;
    if (std::find(config.remove.begin(), config.remove.end(), word) != config.remove.end()) return -1;
    errors_.push_back(
        {row, "'" + std::string(word.substr(0, 60)) + "' is neither a word for a row that came nor for one that went"});
    return 0;
  }

  const FromPlanPtr plan_;
  std::vector<RowError> errors_;
  std::vector<int32_t> rows_;
};

/// before_after: what went, then what came.
class FromPairs final : public Operator {
 public:
  explicit FromPairs(FromPlanPtr plan) : plan_(std::move(plan)) {}
  Status Process(int, Batch batch, Emitter& out) override {
    const ArrayDataPtr objects[] = {batch.column(plan_->before), batch.column(plan_->after)};
    std::vector<SourceRow> sources;
    std::vector<int64_t> weights;
    std::vector<int32_t> rows;
    for (int64_t i = 0; i < batch.num_rows(); ++i) {
      for (int32_t side : {0, 1}) {
        if (objects[side]->IsNull(i)) continue;
        sources.push_back({side, static_cast<int32_t>(i)});
        weights.push_back(side == 0 ? -1 : 1);
        rows.push_back(static_cast<int32_t>(i));
      }
    }
    if (rows.empty()) return Status::OK();
    std::vector<ArrayDataPtr> columns;
    for (int i = 0; i < plan_->schema->num_fields(); ++i) {
      std::vector<ArrayDataPtr> sides;
      for (const ArrayDataPtr& object : objects) {
        sides.push_back(object->child_data[i]->Slice(object->offset, object->length));
      }
      WEIR_ASSIGN_OR_RETURN(auto column, GatherRows(plan_->schema->field(i)->type(), sides, sources));
      columns.push_back(std::move(column));
    }
    Batch result(plan_->schema, std::move(columns), static_cast<int64_t>(rows.size()));
    TakeTimes(batch, rows, &result);
    result.set_weight(ColumnOfWeights(std::move(weights)));
    return out.Emit(std::move(result));
  }

 private:
  const FromPlanPtr plan_;
};

/// upsert: the row of each key, and which row it takes the place of.
class FromUpserts final : public Operator {
 public:
  FromUpserts(FromPlanPtr plan, const OperatorContext& lane)
      : plan_(plan), keys_(plan->key_types), rows_(plan->types), reservation_(lane.memory) {
    if (lane.durable) marks_.TurnOn();
  }

  Status Process(int, Batch batch, Emitter& out) override {
    if (batch.num_rows() == 0) return Status::OK();
    WEIR_RETURN_NOT_OK(Number(batch));
    std::vector<uint32_t> shown;
    std::vector<int64_t> weights;
    std::vector<int32_t> times;
    for (int64_t i = 0; i < batch.num_rows(); ++i) {
      const bool went = Went(batch, i);
      uint32_t& current = current_[key_numbers_[i]];
      const uint32_t next = went ? kNone : row_numbers_[i];
      if (current == next) continue;
      const auto add = [&](uint32_t row, int64_t weight) {
        shown.push_back(row);
        weights.push_back(weight);
        times.push_back(static_cast<int32_t>(i));
        rows_.Add(row, weight);
      };
      keys_.Add(key_numbers_[i], static_cast<int64_t>(current == kNone) - static_cast<int64_t>(next == kNone));
      if (current != kNone) add(current, -1);
      if (next != kNone) add(next, 1);
      current = next;
      marks_.Mark(key_numbers_[i]);
    }
    WEIR_RETURN_NOT_OK(Emit(batch, shown, std::move(weights), times, out));
    WEIR_RETURN_NOT_OK(Compact());
    reservation_.Set(keys_.size_bytes() + rows_.size_bytes() + static_cast<int64_t>(current_.capacity() * 4));
    return Status::OK();
  }
  int64_t state_bytes() const override { return reservation_.bytes(); }

  Status Snapshot(StateCells* out) override {
    out->AppendGroups(before_compaction_, 0, kKeyGroups);
    before_compaction_ = {};
    return PutChanges(out);
  }

  Status Restore(const StateCells& cells) override {
    const int64_t count = cells.size();
    RowStateReader keys(plan_->key_types), rows(plan_->types);
    for (int64_t i = 0; i < count; ++i) {
      WEIR_RETURN_NOT_OK(keys.Add(StateReader(cells.at(i).key).Bytes()));
      WEIR_RETURN_NOT_OK(rows.Add(StateReader(cells.at(i).value).Bytes()));
    }
    WEIR_ASSIGN_OR_RETURN(const auto key_columns, keys.Finish());
    WEIR_ASSIGN_OR_RETURN(const auto row_columns, rows.Finish());
    key_numbers_.resize(static_cast<size_t>(count));
    row_numbers_.resize(key_numbers_.size());
    WEIR_RETURN_NOT_OK(keys_.Number(key_columns, count, key_numbers_.data()));
    WEIR_RETURN_NOT_OK(rows_.Number(row_columns, count, row_numbers_.data()));
    current_.resize(keys_.size(), kNone);
    for (size_t i = 0; i < key_numbers_.size(); ++i) {
      keys_.Add(key_numbers_[i], 1);
      rows_.Add(row_numbers_[i], 1);
      current_[key_numbers_[i]] = row_numbers_[i];
      marks_.set_stored(key_numbers_[i], true);
    }
    return Status::OK();
  }

 private:
  static constexpr uint32_t kNone = RowCounts::kNone;

  /// Of each key its row.
  Status PutChanges(StateCells* out) {
    std::vector<ArrayDataPtr> rows;  // of the keys that have one, in the order of the marks
    int64_t next = 0;
    const auto columns = [&](std::span<const uint32_t> keys) -> Result<std::vector<ArrayDataPtr>> {
      std::vector<uint32_t> numbers;
      for (uint32_t key : keys) {
        if (current_[key] != kNone) numbers.push_back(current_[key]);
      }
      WEIR_ASSIGN_OR_RETURN(rows, rows_.Columns(numbers));
      next = 0;
      return keys_.Columns(keys);
    };
    std::string bytes;
    const auto value = [&](uint32_t key, StateWriter* writer) {
      if (current_[key] == kNone) return false;
      bytes.clear();
      AppendRowState(rows, next++, &bytes);
      writer->Bytes(bytes);
      return true;
    };
    return PutMarked({}, columns, value, &marks_, out);
  }

  Status Number(const Batch& batch) {
    std::vector<ArrayDataPtr> keys, columns;
    for (int key : plan_->keys) keys.push_back(batch.column(key));
    for (int column : plan_->columns) columns.push_back(batch.column(column));
    const int64_t rows = batch.num_rows();
    key_numbers_.resize(std::max<size_t>(key_numbers_.size(), rows));
    row_numbers_.resize(key_numbers_.size());
    WEIR_RETURN_NOT_OK(keys_.Number(keys, rows, key_numbers_.data()));
    WEIR_RETURN_NOT_OK(rows_.Number(columns, rows, row_numbers_.data()));
    current_.resize(keys_.size(), kNone);
    return Status::OK();
  }

  bool Went(const Batch& batch, int64_t row) const {
    if (plan_->field >= 0) {
      const arrow::ArrayData& words = *batch.PlainColumn(plan_->field);
      if (words.IsNull(row)) return false;
      const auto* offsets = words.GetValues<int32_t>(1) + row;
      const char* text = words.buffers[2] ? reinterpret_cast<const char*>(words.buffers[2]->data()) : "";
      const std::string_view word(text + offsets[0], static_cast<size_t>(offsets[1] - offsets[0]));
      return std::find(plan_->config.remove.begin(), plan_->config.remove.end(), word) != plan_->config.remove.end();
    }
    for (int column : plan_->columns) {
      const bool is_key = std::find(plan_->keys.begin(), plan_->keys.end(), column) != plan_->keys.end();
      if (!is_key && batch.PlainColumn(column)->IsValid(row)) return false;
    }
    return true;
  }

  Status Emit(const Batch& batch, const std::vector<uint32_t>& shown, std::vector<int64_t> weights,
              const std::vector<int32_t>& times, Emitter& out) const {
    if (shown.empty()) return Status::OK();
    std::vector<ArrayDataPtr> columns;
    for (int i = 0; i < plan_->schema->num_fields(); ++i) {
      WEIR_ASSIGN_OR_RETURN(auto column, rows_.Column(i, shown));
      columns.push_back(std::move(column));
    }
    Batch result(plan_->schema, std::move(columns), static_cast<int64_t>(shown.size()));
    TakeTimes(batch, times, &result);
    result.set_weight(ColumnOfWeights(std::move(weights)));
    return out.Emit(std::move(result));
  }

  Status Compact() {
    if (rows_.wants_compaction()) {
      WEIR_ASSIGN_OR_RETURN(const auto moved, rows_.Compact());
      for (uint32_t& row : current_) row = row == kNone ? kNone : moved[row];
    }
    if (!keys_.wants_compaction()) return Status::OK();
    if (marks_.on()) WEIR_RETURN_NOT_OK(PutChanges(&before_compaction_));
    WEIR_ASSIGN_OR_RETURN(const auto moved, keys_.Compact());
    marks_.Renumber(moved, kNone);
    const std::vector<uint32_t> before = std::move(current_);
    current_.assign(keys_.size(), kNone);
    for (size_t key = 0; key < moved.size(); ++key) {
      if (moved[key] != kNone) current_[moved[key]] = before[key];
    }
    return Status::OK();
  }

  const FromPlanPtr plan_;
  RowCounts keys_;                 // 1 where there is a row
  RowCounts rows_;                 // how many keys have it
  std::vector<uint32_t> current_;  // by key
  CellMarks marks_;                // by key
  StateCells before_compaction_;   // what was put when keys got other numbers
  MemoryReservation reservation_;
  std::vector<uint32_t> key_numbers_, row_numbers_;  // scratch
};

/// The place of a setting that may have been left out.
NodePtr PlaceOf(const char* setting, BindContext& context) {
  const NodePtr settings = context.step_node()->Find("config");
  const NodePtr found = settings->Find(setting);
  return found ? found : settings->Find("form");
}

bool ReadObjects(const ChangesConfig& config, const arrow::Schema& in, BindContext& context, FromPlan* plan) {
  plan->before = context.FindColumn(in, config.before, PlaceOf("before", context));
  plan->after = context.FindColumn(in, config.after, PlaceOf("after", context));
  if (plan->before < 0 || plan->after < 0) return false;
  const TypePtr &before = in.field(plan->before)->type(), &after = in.field(plan->after)->type();
  if (after->id() != arrow::Type::STRUCT || !before->Equals(*after)) {
    context.Error(PlaceOf("after", context),
                  "'" + config.before + "' and '" + config.after + "' must be objects of the same fields, not " +
                      TypeName(*before) + " and " + TypeName(*after),
                  "declare them in the source's 'schema', or with 'output_type' in MapToFields");
    return false;
  }
  plan->schema = arrow::schema(after->fields());
  return true;
}

/// All columns but that of weight or word.
bool ReadMarks(const ChangesConfig& config, const arrow::Schema& in, BindContext& context, FromPlan* plan) {
  const std::string name = ChangeField(config);
  if (!name.empty()) {
    plan->field = context.FindColumn(in, name, PlaceOf("field", context));
    if (plan->field < 0) return false;
    const arrow::DataType& type = *in.field(plan->field)->type();
    const auto wanted = config.form == "weight" ? arrow::Type::INT64 : arrow::Type::STRING;
    if (type.id() != wanted) {
      context.Error(PlaceOf("field", context), "'" + name + "' must be " +
                                                   (config.form == "weight" ? "an integer" : "a string") + ", not " +
                                                   TypeName(type));
      return false;
    }
  }
  arrow::FieldVector fields;
  for (int i = 0; i < in.num_fields(); ++i) {
    if (i == plan->field) continue;
    plan->columns.push_back(i);
    fields.push_back(in.field(i));
    plan->types.push_back(in.field(i)->type());
  }
  plan->schema = arrow::schema(std::move(fields));
  return true;
}

std::optional<StepBinding> BindFromChanges(const ChangesConfig& config, BindContext& context) {
  const SchemaPtr& in = context.inputs()[0].info.schema;
  bool good = !RefuseChanges("FromChanges", context);
  auto plan = std::make_shared<FromPlan>();
  plan->config = config;
  good &= config.form == "before_after" ? ReadObjects(config, *in, context, plan.get())
                                        : ReadMarks(config, *in, context, plan.get());
  if (config.form == "upsert") good &= ReadChangeKey(config, *in, context, &plan->keys);
  if (!good) return std::nullopt;
  for (int key : plan->keys) plan->key_types.push_back(in->field(key)->type());
  StepBinding binding = BindChanges(context, plan->schema, plan->keys, true,
                                    [plan](const OperatorContext& lane) -> Result<std::unique_ptr<Operator>> {
                                      if (plan->config.form == "before_after") return std::make_unique<FromPairs>(plan);
                                      if (plan->config.form != "upsert") return std::make_unique<FromMarks>(plan);
                                      return std::make_unique<FromUpserts>(plan, lane);
                                    });
  const bool marks = config.form == "weight" || config.form == "insert_delete";
  binding.can_reject = marks;
  if (config.form == "upsert") {
    binding.operators[0].keeps = StateKeeping::kSnapshots;
    binding.operators[0].notes = {"state: the last row of each key: grows with the number of keys: nothing bounds it"};
  }
  return binding;
}

}  // namespace

void RegisterFromChanges(Registry& registry) { registry.Add<ChangesConfig>(Spec(), {1, 1}, BindFromChanges); }

}  // namespace weir
