// Sum: from a flow of amounts to a state: the running total of each key.
#include <arrow/buffer.h>
#include <arrow/type.h>

#include "operators/changes/running_fields.h"
#include "state/cells/keyed_cells.h"
#include "state/hash/group_table.h"
#include "state/memory_budget.h"

namespace weir {
namespace {

struct SumConfig {
  std::vector<std::string> key;
  NodePtr fields;
  std::string output, language;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<SumConfig>("Sum")
      .Summary("Keep the running total of each key: a flow of amounts becomes a state.")
      .Doc(
          "Each row moves the totals of its key, and the new totals come out at once, with the event time of the row. "
          "`retracting` takes the old totals back (weight −1) and gives the new ones (weight +1), so that every step "
          "behind it stays right; `upsert` gives the new totals only, for sinks that overwrite by key. Rows of one key "
          "and one event time that come in one batch are one step. A row that is taken back is subtracted; a key "
          "whose "
          "rows were all taken back disappears.\n\n"
          "`Difference` is the inverse: it gives the flow again, by key and event time. Integers and decimals are "
          "exact, and a row that would carry a total beyond its type is a row error; doubles are rounded at each step, "
          "so their difference is right to the last digits only. A null amount counts as 0.\n\n"
          "For totals of windows use Combine: Sum runs over all time, in the order in which rows come.")
      .Guarantees("Holds one total for each key for as long as it runs.")
      .Field("key", &SumConfig::key,
             FieldDoc("The fields that make a key; none: one total of all rows.").OrSingle().Example("[account]"))
      .Field("fields", &SumConfig::fields,
             FieldDoc("The totals: a mapping of new fields to amounts, which are fields or expressions.")
                 .Required()
                 .Type("mapping of expressions")
                 .JsonSchema(R"({"type": "object", "additionalProperties": {"type": ["string", "number"]}})")
                 .Example("{balance: amount}"))
      .Field("output", &SumConfig::output,
             FieldDoc("Whether the old totals are taken back.").Default("retracting").OneOf({"retracting", "upsert"}))
      .Field("language", &SumConfig::language,
             FieldDoc("Of the expressions: generic, sql or python.").Default("generic"))
      .Example("balances", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements:
      - {account: a, amount: 100}
      - {account: b, amount: 7}
      - {account: a, amount: -30}
  - type: Sum
    config: {key: account, fields: {balance: amount}, output: upsert}
  - type: Print
)");
}

/// The totals of one key before and after the rows of one event time in one batch.
struct Step {
  uint32_t key = 0;
  EventTime time = 0;
  bool was_there = false, is_there = false;
};

class Sum final : public Operator {
 public:
  Sum(RunningPlanPtr plan, bool retracting, const OperatorContext& lane)
      : plan_(plan),
        width_(plan->fields.size()),
        retracting_(retracting),
        input_(plan),
        table_(plan->key_types),
        reservation_(lane.memory) {
    if (lane.durable) marks_.TurnOn();
  }

  Status Process(int, Batch batch, Emitter& out) override {
    if (batch.num_rows() == 0) return Status::OK();
    WEIR_RETURN_NOT_OK(input_.Evaluate(std::move(batch), out));
    const int64_t rows = input_.batch.num_rows();
    numbers_.resize(std::max<size_t>(numbers_.size(), rows));
    WEIR_RETURN_NOT_OK(table_.Lookup(input_.keys, rows, numbers_.data()));
    keys_.resize(table_.num_groups());
    totals_.resize(keys_.size() * width_, Zero());
    steps_.clear();
    before_.clear();
    after_.clear();
    WEIR_RETURN_NOT_OK(AddRows(rows, out));
    for (const Step& step : steps_) keys_[step.key].step = kNone;
    reservation_.Set(table_.size_bytes() + static_cast<int64_t>(keys_.capacity() * sizeof(Key)) +
                     static_cast<int64_t>(totals_.capacity() * sizeof(Amount)));
    return Emit(out);
  }
  int64_t state_bytes() const override { return reservation_.bytes(); }

  Status Snapshot(StateCells* out) override {
    const auto columns = [this](std::span<const uint32_t> numbers) { return KeyColumns(numbers); };
    const auto value = [this](uint32_t number, StateWriter* writer) {
      writer->Int(keys_[number].rows);
      for (size_t f = 0; f < width_; ++f) AppendAmount(plan_->fields[f], Totals(number)[f], writer);
      return true;
    };
    return PutMarked({}, columns, value, &marks_, out);
  }

  Status Restore(const StateCells& cells) override {
    RowStateReader keys(plan_->key_types);
    for (int64_t i = 0; i < cells.size(); ++i) WEIR_RETURN_NOT_OK(keys.Add(StateReader(cells.at(i).key).Bytes()));
    WEIR_ASSIGN_OR_RETURN(const auto columns, keys.Finish());
    numbers_.resize(static_cast<size_t>(cells.size()));
    WEIR_RETURN_NOT_OK(table_.Lookup(columns, cells.size(), numbers_.data()));
    keys_.resize(table_.num_groups());
    totals_.resize(keys_.size() * width_, Zero());
    for (int64_t i = 0; i < cells.size(); ++i) {
      const uint32_t number = numbers_[static_cast<size_t>(i)];
      StateReader reader(cells.at(i).value);
      keys_[number].rows = reader.Int();
      for (size_t f = 0; f < width_; ++f) Totals(number)[f] = ReadAmount(plan_->fields[f], &reader);
      if (!reader.AtEnd()) return DamagedState();
      marks_.set_stored(number, true);
    }
    return Status::OK();
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Key {
    int64_t rows = 0;       // sum of weights
    uint32_t step = kNone;  // of the batch at hand
  };

  static Amount Zero() { return Amount{}; }

  Status AddRows(int64_t rows, Emitter& out) {
    std::vector<RowError> errors;
    for (int64_t row = 0; row < rows; ++row) {
      const uint32_t number = numbers_[row];
      const int64_t weight = input_.batch.has_weight() ? input_.batch.weight().at(row) : 1;
      next_.assign(Totals(number), Totals(number) + width_);
      size_t bad = width_;
      for (size_t f = 0; f < width_ && bad == width_; ++f) {
        if (!AddAmount(plan_->fields[f], input_.amounts[row * width_ + f], weight, &next_[f])) bad = f;
      }
      if (bad < width_) {
        errors.push_back({row, "'" + plan_->fields[bad].name + "' would be beyond what its type holds"});
        continue;
      }
      Move(number, input_.batch.event_time().at(row), weight);
    }
    return errors.empty() ? Status::OK() : out.Reject(input_.batch, errors);
  }

  /// The totals of the key become next_.
  void Move(uint32_t number, EventTime time, int64_t weight) {
    Key& key = keys_[number];
    marks_.Mark(number);
    if (key.step == kNone || steps_[key.step].time != time) {
      key.step = static_cast<uint32_t>(steps_.size());
      steps_.push_back({number, time, Exists(number), false});
      before_.insert(before_.end(), Totals(number), Totals(number) + width_);
      after_.resize(before_.size());
    }
    key.rows += weight;
    std::copy(next_.begin(), next_.end(), Totals(number));
    std::copy(next_.begin(), next_.end(), after_.begin() + static_cast<int64_t>(key.step * width_));
    steps_[key.step].is_there = Exists(number);
  }

  Amount* Totals(uint32_t number) { return totals_.data() + number * width_; }
  /// A row that was taken back before it came leaves a total, too. So does rounding, which says nothing: doubles do not
  /// count.
  bool Exists(uint32_t number) {
    if (keys_[number].rows != 0) return true;
    for (size_t f = 0; f < width_; ++f) {
      const auto& field = plan_->fields[f];
      if (!field.is_double() && !IsZero(field, Totals(number)[f])) return true;
    }
    return false;
  }

  Status Emit(Emitter& out) {
    std::vector<uint32_t> numbers;
    std::vector<int64_t> times, weights;
    std::vector<Amount> amounts;
    const auto add = [&](const Step& step, size_t index, const std::vector<Amount>& from, int64_t weight) {
      numbers.push_back(step.key);
      times.push_back(step.time);
      weights.push_back(weight);
      amounts.insert(amounts.end(), from.begin() + static_cast<int64_t>(index * width_),
                     from.begin() + static_cast<int64_t>((index + 1) * width_));
    };
    for (size_t i = 0; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      if (step.was_there == step.is_there && Unmoved(i)) continue;
      if (retracting_ && step.was_there) add(step, i, before_, -1);
      if (!retracting_ || step.is_there) add(step, i, after_, 1);
    }
    const auto rows = static_cast<int64_t>(numbers.size());
    if (rows == 0) return Status::OK();
    WEIR_ASSIGN_OR_RETURN(std::vector<ArrayDataPtr> columns, KeyColumns(numbers));
    WEIR_ASSIGN_OR_RETURN(auto totals, AmountColumns(*plan_, amounts, rows));
    for (auto& column : totals) columns.push_back(std::move(column));
    Batch batch(plan_->schema, std::move(columns), rows);
    batch.set_event_time(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(times)))));
    if (retracting_) batch.set_weight(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(weights)))));
    return out.Emit(std::move(batch));
  }

  Result<std::vector<ArrayDataPtr>> KeyColumns(std::span<const uint32_t> numbers) const {
    std::vector<ArrayDataPtr> columns;
    for (size_t k = 0; k < plan_->keys.size(); ++k) {
      WEIR_ASSIGN_OR_RETURN(
          auto column, table_.KeyColumn(static_cast<int>(k), numbers.data(), static_cast<uint32_t>(numbers.size())));
      columns.push_back(std::move(column));
    }
    return columns;
  }

  bool Unmoved(size_t step) const {
    for (size_t i = step * width_; i < (step + 1) * width_; ++i) {
      const bool is_double = plan_->fields[i - step * width_].is_double();
      if (is_double ? before_[i].number != after_[i].number : before_[i].exact != after_[i].exact) return false;
    }
    return true;
  }

  const RunningPlanPtr plan_;
  const size_t width_;
  const bool retracting_;
  RunningInput input_;
  GroupTable table_;
  std::vector<Key> keys_;
  std::vector<Amount> totals_;  // a key's fields side by side
  CellMarks marks_;             // by key
  MemoryReservation reservation_;
  // Of the batch at hand.
  std::vector<uint32_t> numbers_;
  std::vector<Step> steps_;
  std::vector<Amount> before_, after_, next_;
};

std::optional<StepBinding> BindSum(const SumConfig& config, BindContext& context) {
  const RunningPlanPtr plan = ReadRunningPlan(config.key, config.fields, config.language, context);
  if (plan == nullptr) return std::nullopt;
  const bool retracting = config.output == "retracting";
  return BindRunning(plan, context, retracting, {"state: grows with the number of keys: nothing bounds it"},
                     [plan, retracting](const OperatorContext& lane) -> Result<std::unique_ptr<Operator>> {
                       return std::make_unique<Sum>(plan, retracting, lane);
                     });
}

}  // namespace

void RegisterSum(Registry& registry) { registry.Add<SumConfig>(Spec(), {1, 1}, BindSum); }

}  // namespace weir
