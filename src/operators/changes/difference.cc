// Difference: from a state to the flow that moves it: how much the value of each key has changed.
#include <arrow/buffer.h>
#include <arrow/type.h>

#include "operators/changes/running_fields.h"
#include "state/cells/keyed_cells.h"
#include "state/hash/group_table.h"
#include "state/memory_budget.h"

namespace weir {
namespace {

struct DifferenceConfig {
  std::vector<std::string> key;
  NodePtr fields;
  std::string language;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<DifferenceConfig>("Difference")
      .Summary("Give the amounts by which the values of each key change: a state becomes a flow.")
      .Doc(
          "The inverse of `Sum`. Where the input has changes (`output: retracting` of Sum, a Combine with retracting "
          "windows), a row that is taken back counts against the row that takes its place. Where it only appends, each "
          "row is the new value of its key (`output: upsert`). Out come rows that are never taken back, one for each "
          "key and event time of a batch: what has to be added at that time. A key that disappears gives what it had, "
          "negative.\n\n"
          "`Difference` of `Sum` is the flow again, by key and event time, to the last digit for integers and "
          "decimals. "
          "`Sum` of `Difference` is the state again, as long as no key disappears: then its total is 0. A null value "
          "counts as 0.")
      .Guarantees("Holds the last value of each key where the input only appends; nothing where it has changes.")
      .Field("key", &DifferenceConfig::key,
             FieldDoc("The fields that make a key; none: there is one value.").OrSingle().Example("[account]"))
      .Field("fields", &DifferenceConfig::fields,
             FieldDoc("The amounts: a mapping of new fields to values, which are fields or expressions.")
                 .Required()
                 .Type("mapping of expressions")
                 .JsonSchema(R"({"type": "object", "additionalProperties": {"type": ["string", "number"]}})")
                 .Example("{amount: balance}"))
      .Field("language", &DifferenceConfig::language,
             FieldDoc("Of the expressions: generic, sql or python.").Default("generic"))
      .Example("from balances to payments", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements:
      - {account: a, balance: 100}
      - {account: a, balance: 70}
  - type: Difference
    config: {key: account, fields: {amount: balance}}
  - type: Print
)");
}

class Difference final : public Operator {
 public:
  Difference(RunningPlanPtr plan, bool changes, const OperatorContext& lane)
      : plan_(plan),
        width_(plan->fields.size()),
        changes_(changes),
        input_(plan),
        table_(plan->key_types),
        reservation_(lane.memory) {
    if (lane.durable && !changes) marks_.TurnOn();
  }

  Status Process(int, Batch batch, Emitter& out) override {
    if (batch.num_rows() == 0) return Status::OK();
    WEIR_RETURN_NOT_OK(input_.Evaluate(std::move(batch), out));
    const int64_t rows = input_.batch.num_rows();
    if (rows == 0) return Status::OK();
    // The flow of a weighted state is a sum of its rows: no key need be remembered beyond the batch.
    if (changes_) table_.Clear();
    numbers_.resize(std::max<size_t>(numbers_.size(), rows));
    WEIR_RETURN_NOT_OK(table_.Lookup(input_.keys, rows, numbers_.data()));
    if (changes_) {
      step_of_key_.assign(table_.num_groups(), kNone);
    } else {
      step_of_key_.resize(table_.num_groups(), kNone);
      last_.resize(table_.num_groups() * width_);
      known_.resize(table_.num_groups());
    }
    steps_.clear();
    amounts_.clear();
    WEIR_RETURN_NOT_OK(AddRows(rows, out));
    reservation_.Set(table_.size_bytes() +
                     static_cast<int64_t>(last_.capacity() * sizeof(Amount) + step_of_key_.capacity() * 4));
    return Emit(out);
  }
  int64_t state_bytes() const override { return reservation_.bytes(); }

  Status Snapshot(StateCells* out) override {
    const auto columns = [this](std::span<const uint32_t> numbers) { return KeyColumns(numbers); };
    const auto value = [this](uint32_t key, StateWriter* writer) {
      for (size_t f = 0; f < width_; ++f) AppendAmount(plan_->fields[f], last_[key * width_ + f], writer);
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
    last_.resize(table_.num_groups() * width_);
    known_.resize(table_.num_groups());
    for (int64_t i = 0; i < cells.size(); ++i) {
      const uint32_t key = numbers_[static_cast<size_t>(i)];
      StateReader reader(cells.at(i).value);
      for (size_t f = 0; f < width_; ++f) last_[key * width_ + f] = ReadAmount(plan_->fields[f], &reader);
      if (!reader.AtEnd()) return DamagedState();
      known_[key] = 1;
      marks_.set_stored(key, true);
    }
    return Status::OK();
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  /// What is to be given for a key and an event time of the batch.
  struct Step {
    uint32_t key = 0;
    EventTime time = 0;
    int64_t rows = 0;  // sum of weights; a value that is new counts 1
  };

  Status AddRows(int64_t rows, Emitter& out) {
    std::vector<RowError> errors;
    for (int64_t row = 0; row < rows; ++row) {
      const uint32_t key = numbers_[row];
      const EventTime time = input_.batch.event_time().at(row);
      if (step_of_key_[key] == kNone || steps_[step_of_key_[key]].time != time) {
        step_of_key_[key] = static_cast<uint32_t>(steps_.size());
        steps_.push_back({key, time, 0});
        amounts_.resize(amounts_.size() + width_, Amount{});
      }
      if (const char* problem = changes_ ? AddChange(row) : AddValue(row)) errors.push_back({row, problem});
    }
    for (const Step& step : steps_) step_of_key_[step.key] = kNone;
    return errors.empty() ? Status::OK() : out.Reject(input_.batch, errors);
  }

  static constexpr const char* kTooBig = "the amount is beyond what its type holds";

  const char* AddChange(int64_t row) {
    const uint32_t step = step_of_key_[numbers_[row]];
    const int64_t weight = input_.batch.has_weight() ? input_.batch.weight().at(row) : 1;
    next_.assign(amounts_.begin() + step * width_, amounts_.begin() + (step + 1) * width_);
    for (size_t f = 0; f < width_; ++f) {
      if (!AddAmount(plan_->fields[f], input_.amounts[row * width_ + f], weight, &next_[f])) return kTooBig;
    }
    std::copy(next_.begin(), next_.end(), amounts_.begin() + step * width_);
    steps_[step].rows += weight;
    return nullptr;
  }

  const char* AddValue(int64_t row) {
    const uint32_t key = numbers_[row], step = step_of_key_[key];
    next_.assign(amounts_.begin() + step * width_, amounts_.begin() + (step + 1) * width_);
    for (size_t f = 0; f < width_; ++f) {
      const auto& field = plan_->fields[f];
      if (!AddAmount(field, input_.amounts[row * width_ + f], 1, &next_[f])) return kTooBig;
      if (known_[key] != 0 && !AddAmount(field, last_[key * width_ + f], -1, &next_[f])) return kTooBig;
    }
    std::copy(next_.begin(), next_.end(), amounts_.begin() + step * width_);
    std::copy_n(input_.amounts.begin() + row * static_cast<int64_t>(width_), width_, last_.begin() + key * width_);
    steps_[step].rows += known_[key] == 0 ? 1 : 0;
    known_[key] = 1;
    marks_.Mark(key);
    return nullptr;
  }

  Status Emit(Emitter& out) {
    std::vector<uint32_t> numbers;
    std::vector<int64_t> times;
    std::vector<Amount> amounts;
    for (size_t i = 0; i < steps_.size(); ++i) {
      bool moved = steps_[i].rows > 0;  // a key that begins with 0 is there all the same
      for (size_t f = 0; f < width_; ++f) moved |= !IsZero(plan_->fields[f], amounts_[i * width_ + f]);
      if (!moved) continue;
      numbers.push_back(steps_[i].key);
      times.push_back(steps_[i].time);
      amounts.insert(amounts.end(), amounts_.begin() + static_cast<int64_t>(i * width_),
                     amounts_.begin() + static_cast<int64_t>((i + 1) * width_));
    }
    const auto rows = static_cast<int64_t>(numbers.size());
    if (rows == 0) return Status::OK();
    WEIR_ASSIGN_OR_RETURN(std::vector<ArrayDataPtr> columns, KeyColumns(numbers));
    WEIR_ASSIGN_OR_RETURN(auto values, AmountColumns(*plan_, amounts, rows));
    for (auto& column : values) columns.push_back(std::move(column));
    Batch batch(plan_->schema, std::move(columns), rows);
    batch.set_event_time(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(times)))));
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

  const RunningPlanPtr plan_;
  const size_t width_;
  const bool changes_;
  RunningInput input_;
  GroupTable table_;
  std::vector<Amount> last_;    // append-only input: the values of each key
  std::vector<uint8_t> known_;  // and whether there are any
  CellMarks marks_;             // by key
  MemoryReservation reservation_;
  // Of the batch at hand.
  std::vector<uint32_t> numbers_, step_of_key_;
  std::vector<Step> steps_;
  std::vector<Amount> amounts_, next_;
};

std::optional<StepBinding> BindDifference(const DifferenceConfig& config, BindContext& context) {
  const RunningPlanPtr plan = ReadRunningPlan(config.key, config.fields, config.language, context);
  if (plan == nullptr) return std::nullopt;
  const bool changes = context.inputs()[0].info.changes;
  std::vector<std::string> notes;
  if (!changes) notes = {"state: grows with the number of keys: nothing bounds it"};
  return BindRunning(plan, context, false, std::move(notes),
                     [plan, changes](const OperatorContext& lane) -> Result<std::unique_ptr<Operator>> {
                       return std::make_unique<Difference>(plan, changes, lane);
                     });
}

}  // namespace

void RegisterDifference(Registry& registry) { registry.Add<DifferenceConfig>(Spec(), {1, 1}, BindDifference); }

}  // namespace weir
