// What `state:` of a step adds behind it: hands its rows on, and keeps them as a table that queries read while the run
// lasts.
#include <arrow/type.h>

#include <algorithm>
#include <mutex>

#include "base/duration.h"
#include "engine/operator.h"
#include "plan/binding.h"
#include "state/memory_budget.h"
#include "state/table/state_table.h"

namespace weir {
namespace {

struct KeepConfig {
  std::string name;
  std::vector<std::string> key;
  Duration history;
  bool sums = false;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<KeepConfig>("state")
      .Summary("Keep what a step gives as a table that can be asked while the run lasts.")
      .KeepsFields()
      .Field("name", &KeepConfig::name, FieldDoc("What queries call it.").Required().Example("balances"))
      .Field("key", &KeepConfig::key,
             FieldDoc("The fields that tell its rows apart; a list, or one name.")
                 .OrSingle()
                 .Required()
                 .Example("account"))
      .Field("history", &KeepConfig::history,
             FieldDoc("How far before the watermark, in event time, it can be asked for.").Default("1d"))
      .Field("sums", &KeepConfig::sums, FieldDoc("Rows are running sums.").Default("false"));
}

/// The least watermark of all lanes.
class LaneWatermarks {
 public:
  explicit LaneWatermarks(int lanes) : at_(static_cast<size_t>(lanes), kMinEventTime) {}
  EventTime Set(int lane, EventTime watermark) {
    std::lock_guard lock(mutex_);
    at_[static_cast<size_t>(lane)] = watermark;
    return *std::min_element(at_.begin(), at_.end());
  }

 private:
  std::mutex mutex_;
  std::vector<EventTime> at_;
};

class KeepTable final : public Operator {
 public:
  KeepTable(std::shared_ptr<StateTable> table, const OperatorContext& lane)
      : table_(std::move(table)), lane_(lane.lane), reservation_(lane.memory) {
    watermarks_ = lane.shared->Get<LaneWatermarks>(
        "watermarks", [lanes = lane.lanes] { return std::make_shared<LaneWatermarks>(lanes); });
  }

  Status Process(int, Batch batch, Emitter& out) override {
    WEIR_RETURN_NOT_OK(table_->Append(batch));
    if (lane_ == 0) reservation_.Set(table_->size_bytes());
    return out.Emit(std::move(batch));
  }
  Status OnWatermark(EventTime watermark, Emitter&) override {
    table_->SetWatermark(watermarks_->Set(lane_, watermark));
    return Status::OK();
  }
  // One lane speaks for the table of all.
  Status Snapshot(StateCells* out) override { return lane_ == 0 ? table_->PutChanges(out) : Status::OK(); }
  Status Restore(const StateCells& cells) override { return lane_ == 0 ? table_->Restore(cells) : Status::OK(); }
  int64_t state_bytes() const override { return lane_ == 0 ? table_->size_bytes() : 0; }

 private:
  const std::shared_ptr<StateTable> table_;
  const int lane_;
  std::shared_ptr<LaneWatermarks> watermarks_;
  MemoryReservation reservation_;
};

bool AreSums(const StateTableOptions& options) {
  for (int i = 0; i < options.schema->num_fields(); ++i) {
    if (std::find(options.keys.begin(), options.keys.end(), i) != options.keys.end()) continue;
    const auto id = options.schema->field(i)->type()->id();
    if (id != arrow::Type::INT64 && id != arrow::Type::DOUBLE && id != arrow::Type::DECIMAL128) return false;
  }
  return true;
}

bool IsName(const std::string& name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::optional<StateTableOptions> OptionsOf(const KeepConfig& config, BindContext& context) {
  const NodePtr& place = context.step_node();
  const CollectionInfo& in = context.inputs()[0].info;
  StateTableOptions options;
  options.name = config.name;
  options.schema = in.schema;
  options.history_us = config.history.us;
  options.has_window = in.has_window;
  if (!IsName(config.name)) {
    context.Error(place->Find("name"), "'" + config.name + "' cannot be the name of a table",
                  "letters, digits and '_', beginning with a letter");
    return std::nullopt;
  }
  if (!context.ClaimOutput("table " + config.name, place->Find("name"))) return std::nullopt;
  for (const std::string& key : config.key) {
    const int column = context.FindColumn(*in.schema, key, place->Find("key"));
    if (column < 0) return std::nullopt;
    options.keys.push_back(column);
  }
  if (config.sums && AreSums(options)) {
    options.form = in.changes ? TableForm::kSums : TableForm::kLatestSums;
  } else {
    options.form = in.changes ? TableForm::kChanges : TableForm::kLatest;
  }
  return options;
}

std::optional<StepBinding> BindKeepTable(const KeepConfig& config, BindContext& context) {
  const std::optional<StateTableOptions> options = OptionsOf(config, context);
  if (!options) return std::nullopt;
  auto table = std::make_shared<StateTable>(*options);
  std::vector<int> all(static_cast<size_t>(options->schema->num_fields()));
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i);
  StepBinding binding = RowWiseBinding(context, options->schema, all, all,
                                       [table](const OperatorContext& lane) -> Result<std::unique_ptr<Operator>> {
                                         return std::make_unique<KeepTable>(table, lane);
                                       });
  binding.can_reject = false;
  binding.table = table;
  binding.operators[0].keeps = StateKeeping::kSnapshots;
  binding.operators[0].notes = {"state: table '" + config.name + "', a row per key, and what changed in the last " +
                                std::to_string(config.history.us / 1'000'000) + " s of event time"};
  return binding;
}

}  // namespace

void RegisterKeepTable(Registry& registry) { registry.AddImplied<KeepConfig>(Spec(), {1, 1}, BindKeepTable); }

}  // namespace weir
