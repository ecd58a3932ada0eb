// Dedupe: the first row of each key within a horizon of event time.
#include <arrow/type.h>

#include <algorithm>

#include "base/duration.h"
#include "batch/gather.h"
#include "engine/operator.h"
#include "operators/support/good_rows.h"
#include "operators/support/input_checks.h"
#include "operators/support/late_rows.h"
#include "operators/support/slice_windows.h"
#include "plan/binding.h"
#include "state/cells/keyed_cells.h"
#include "state/changes/row_counts.h"
#include "state/memory_budget.h"

namespace weir {
namespace {

struct DedupeConfig {
  std::vector<std::string> key;
  Duration horizon;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<DedupeConfig>("Dedupe")
      .Summary("Drop rows whose key was already seen.")
      .Doc(
          "The first row of a key passes, at once; rows of the same key whose event time is less than `horizon` away "
          "from one that passed do not, whether before or after it. First is what comes first: rows that are read by "
          "several lanes have no order of their own. Null is a key like any other.\n\n"
          "A row is forgotten when the watermark is `horizon` past its event time. A row that is older than that when "
          "it comes can no more be judged: it goes to the output `late`.")
      .KeepsFields()
      .Guarantees(
          "Exactly once inside the horizon for rows that are not late. Holds the keys of one horizon, in memory; of an "
          "input that ends, all keys, for its watermark comes at the end.")
      .Field("key", &DedupeConfig::key,
             FieldDoc("Fields that make two rows the same; a list, or one name.")
                 .Required()
                 .OrSingle()
                 .Example("order_id"))
      .Field("horizon", &DedupeConfig::horizon,
             FieldDoc("How long a key is remembered, in event time: duplicates come within minutes, and each hour "
                      "costs memory.")
                 .Default("10m")
                 .Min("1ms"))
      .Example("orders that were sent twice", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements:
      - {order: 1, at: 0}
      - {order: 1, at: 3}
      - {order: 2, at: 4}
  - type: AssignTimestamps
    config: {timestamp: at}
  - type: Dedupe
    config: {key: order, horizon: 1h}
  - type: Print
)");
}

struct DedupePlan {
  std::vector<int> keys;
  std::vector<TypePtr> key_types;
  int64_t horizon_us = 0;
  SchemaPtr late_schema;
};

class Dedupe final : public Operator {
 public:
  Dedupe(std::shared_ptr<const DedupePlan> plan, const OperatorContext& lane)
      : plan_(plan), late_(plan->late_schema, lane), keys_(plan->key_types), reservation_(lane.memory) {
    if (lane.durable) marks_.TurnOn();
  }

  Status Process(int, Batch batch, Emitter& out) override {
    const int64_t rows = batch.num_rows();
    if (rows == 0) return Status::OK();
    std::vector<ArrayDataPtr> columns;
    for (int key : plan_->keys) columns.push_back(batch.column(key));
    numbers_.resize(std::max<size_t>(numbers_.size(), rows));
    WEIR_RETURN_NOT_OK(keys_.Number(columns, rows, numbers_.data()));
    newest_.resize(keys_.size(), 0);
    passed_.clear();
    std::vector<int32_t> late_rows;
    std::vector<int64_t> late_ends;
    for (int64_t row = 0; row < rows; ++row) {
      const EventTime time = batch.event_time().at(row);
      const EventTime end = SaturatingAdd(time, plan_->horizon_us);
      if (end <= watermark_) {
        late_rows.push_back(static_cast<int32_t>(row));
        late_ends.push_back(end);
      } else if (!Remembers(numbers_[row], time)) {
        Remember(numbers_[row], time);
        passed_.push_back(static_cast<int32_t>(row));
      }
    }
    Account();
    WEIR_RETURN_NOT_OK(late_.Emit(batch, late_rows, std::move(late_ends), watermark_, out));
    if (static_cast<int64_t>(passed_.size()) == rows) return out.Emit(std::move(batch));
    WEIR_ASSIGN_OR_RETURN(Selection selection, SelectionOf(passed_));
    return out.Emit(batch.Select(selection));
  }

  Status OnWatermark(EventTime watermark, Emitter&) override {
    watermark_ = watermark;
    // A sweep looks at all that is held: eight in a horizon cost little, and hold an eighth more than need be.
    if (watermark < SaturatingAdd(swept_, plan_->horizon_us / 8)) return Status::OK();
    swept_ = watermark;
    for (uint32_t number = 0; number < keys_.size(); ++number) Forget(number);
    if (keys_.wants_compaction()) WEIR_RETURN_NOT_OK(Compact());
    Account();
    return Status::OK();
  }
  int64_t state_bytes() const override { return reservation_.bytes(); }

  Status Snapshot(StateCells* out) override {
    out->AppendGroups(before_compaction_, 0, kKeyGroups);
    before_compaction_ = {};
    return PutChanges(out);
  }

  Status Restore(const StateCells& cells) override {
    RowStateReader keys(plan_->key_types);
    for (int64_t i = 0; i < cells.size(); ++i) WEIR_RETURN_NOT_OK(keys.Add(StateReader(cells.at(i).key).Bytes()));
    WEIR_ASSIGN_OR_RETURN(const auto columns, keys.Finish());
    numbers_.resize(static_cast<size_t>(cells.size()));
    WEIR_RETURN_NOT_OK(keys_.Number(columns, cells.size(), numbers_.data()));
    newest_.resize(keys_.size(), 0);
    for (int64_t i = 0; i < cells.size(); ++i) {
      const uint32_t key = numbers_[static_cast<size_t>(i)];
      StateReader reader(cells.at(i).value);
      while (!reader.AtEnd() && reader.ok()) Remember(key, reader.Int());
      if (!reader.ok()) return DamagedState();
      marks_.set_stored(key, true);
    }
    marks_.Done();
    Account();
    return Status::OK();
  }

 private:
  /// A row that passed; those of a key hang together. Numbers are index + 1, 0: none.
  struct Passed {
    EventTime time = 0;
    uint32_t next = 0;
  };

  bool Remembers(uint32_t key, EventTime time) const {
    for (uint32_t at = newest_[key]; at != 0; at = entries_[at - 1].next) {
      const EventTime other = entries_[at - 1].time;
      if (std::max(time, other) < SaturatingAdd(std::min(time, other), plan_->horizon_us)) return true;
    }
    return false;
  }

  void Remember(uint32_t key, EventTime time) {
    uint32_t at = free_;
    if (at != 0) {
      free_ = entries_[at - 1].next;
    } else {
      entries_.emplace_back();
      at = static_cast<uint32_t>(entries_.size());
    }
    entries_[at - 1] = {time, newest_[key]};
    newest_[key] = at;
    keys_.Add(key, 1);
    marks_.Mark(key);
  }

  void Forget(uint32_t key) {
    for (uint32_t* link = &newest_[key]; *link != 0;) {
      const uint32_t at = *link;
      Passed& entry = entries_[at - 1];
      if (SaturatingAdd(entry.time, plan_->horizon_us) > watermark_) {
        link = &entry.next;
        continue;
      }
      *link = entry.next;
      entry.next = free_;
      free_ = at;
      keys_.Add(key, -1);
      marks_.Mark(key);
    }
  }

  /// A key's times, from the oldest memory on.
  Status PutChanges(StateCells* out) {
    std::vector<EventTime> times;
    const auto value = [&](uint32_t key, StateWriter* writer) {
      times.clear();
      for (uint32_t at = newest_[key]; at != 0; at = entries_[at - 1].next) times.push_back(entries_[at - 1].time);
      for (size_t i = times.size(); i > 0; --i) writer->Int(times[i - 1]);
      return !times.empty();
    };
    return PutMarked(
        {}, [this](std::span<const uint32_t> numbers) { return keys_.Columns(numbers); }, value, &marks_, out);
  }

  Status Compact() {
    if (marks_.on()) WEIR_RETURN_NOT_OK(PutChanges(&before_compaction_));
    const std::vector<uint32_t> newest = std::move(newest_);
    const std::vector<Passed> entries = std::move(entries_);
    WEIR_ASSIGN_OR_RETURN(const auto moved, keys_.Compact());
    marks_.Renumber(moved, RowCounts::kNone);
    newest_.assign(keys_.size(), 0);
    entries_.clear();
    free_ = 0;
    for (size_t key = 0; key < moved.size(); ++key) {
      if (moved[key] == RowCounts::kNone) continue;
      for (uint32_t at = newest[key]; at != 0; at = entries[at - 1].next) {
        entries_.push_back({entries[at - 1].time, newest_[moved[key]]});
        newest_[moved[key]] = static_cast<uint32_t>(entries_.size());
      }
    }
    return Status::OK();
  }

  void Account() {
    reservation_.Set(keys_.size_bytes() +
                     static_cast<int64_t>(entries_.capacity() * sizeof(Passed) + newest_.capacity() * 4));
  }

  const std::shared_ptr<const DedupePlan> plan_;
  LateRows late_;
  RowCounts keys_;  // with the number of rows that passed and are remembered
  std::vector<uint32_t> newest_;
  std::vector<Passed> entries_;
  uint32_t free_ = 0;
  MemoryReservation reservation_;
  EventTime watermark_ = kMinEventTime, swept_ = kMinEventTime;
  std::vector<uint32_t> numbers_;  // scratch
  std::vector<int32_t> passed_;    // scratch
  CellMarks marks_;                // by key
  StateCells before_compaction_;   // what was put when keys got other numbers
};

std::optional<StepBinding> BindDedupe(const DedupeConfig& config, BindContext& context) {
  if (RefuseChanges("Dedupe", context)) return std::nullopt;
  const CollectionInfo& in = context.inputs()[0].info;
  auto plan = std::make_shared<DedupePlan>();
  plan->horizon_us = config.horizon.us;
  plan->late_schema = LateSchema(in.schema);
  const NodePtr written = context.step_node()->Find("config")->Find("key");
  bool good = !config.key.empty();
  if (!good) context.Error(written, "'key' must name at least one field");
  for (size_t i = 0; i < config.key.size(); ++i) {
    const int column =
        context.FindColumn(*in.schema, config.key[i], written->is_sequence() ? written->items()[i] : written);
    good &= column >= 0;
    if (column < 0) continue;
    plan->keys.push_back(column);
    plan->key_types.push_back(in.schema->field(column)->type());
  }
  if (!good) return std::nullopt;
  const int width = in.schema->num_fields();
  StepBinding binding = RowWiseBinding(context, in.schema, {}, {},
                                       [plan](const OperatorContext& lane) -> Result<std::unique_ptr<Operator>> {
                                         return std::make_unique<Dedupe>(plan, lane);
                                       });
  CollectionInfo late = in;
  late.schema = plan->late_schema;
  late.windowing = WindowingStrategy{};
  late.has_window = false;
  binding.outputs.push_back({"late", std::move(late)});
  binding.can_reject = false;
  OperatorSpec& spec = binding.operators[0];
  spec.inputs = {Exchange{ExchangeKind::kHash, plan->keys}};
  spec.keeps = StateKeeping::kSnapshots;
  spec.outputs.push_back(plan->late_schema);
  spec.notes = {in.bounded
                    ? "state: all keys, since the watermark of an input that ends comes at its end"
                    : "state: keys; dropped when the watermark passes event time + " + FormatDuration(config.horizon)};
  spec.needs = [plan, width](const std::vector<ColumnSet>& outputs) {
    if (!outputs[LateRows::kPort].ToIndices().empty()) return std::vector<ColumnSet>{ColumnSet::All(width)};
    ColumnSet needed = outputs[0];
    needed.AddAll(plan->keys);
    return std::vector<ColumnSet>{needed};
  };
  return binding;
}

}  // namespace

void RegisterDedupe(Registry& registry) { registry.Add<DedupeConfig>(Spec(), {1, 1}, BindDedupe); }

}  // namespace weir
