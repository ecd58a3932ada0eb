// Generate: rows of made-up data.
#include <arrow/array/data.h>
#include <arrow/type.h>

#include "connectors/generate/event_times.h"
#include "connectors/generate/field_maker.h"
#include "connectors/ranged_source.h"
#include "formats/text/value_text.h"
#include "plan/binding.h"

namespace weir {
namespace {

using generate::DisorderConfig;
using generate::EventTimes;
using generate::FieldConfig;
using generate::FieldMaker;

struct GenerateConfig : DisorderConfig {
  std::optional<int64_t> rows;
  double rate = 0;
  std::vector<std::pair<std::string, FieldConfig>> fields;
  int64_t seed = 0;
  std::string event_time;
};

ComponentSpec Spec() {
  return ComponentSpec::Source<GenerateConfig>("Generate")
      .Summary("Make rows of made-up data.")
      .Doc(
          "Every value is a function of the seed, the place of its field and the number of its row: the same settings "
          "give the same rows, however many lanes make them. Without `rows` there is no end to them. An endless "
          "Generate without `event_time` takes the time at which a row is made for its event time.")
      .Guarantees(
          "Deterministic. With `event_time` the watermark follows the rows. A `rate` is kept in the long run: what was "
          "held up is made up for.")
      .Field("rows", &GenerateConfig::rows,
             FieldDoc("How many; endless when absent.").Min("0").Max("1000000000000").Example("1000"))
      .Field("rate", &GenerateConfig::rate,
             FieldDoc("Rows per second of processing time; 0: as fast as they are taken.")
                 .Default("0")
                 .Min("0")
                 .Max("1000000000")
                 .Example("1000"))
      .Field("fields", &GenerateConfig::fields,
             FieldDoc("The fields of a row and how each is made.").Required().Example("{id: {kind: sequence}}"))
      .Field("seed", &GenerateConfig::seed, FieldDoc("Another seed gives other values.").Default("0"))
      .Field("event_time", &GenerateConfig::event_time,
             FieldDoc("The field of kind `time` that is the event time of its row.").Example("at"))
      .Fields(DisorderConfig::Fields())
      .Example("orders", R"(pipeline:
  type: chain
  transforms:
  - type: Generate
    config:
      rows: 5
      seed: 7
      event_time: at
      fields:
        id: {kind: sequence, start: 1}
        at: {kind: time, from: "2026-01-01T00:00:00Z", every: 90s}
        fruit: {kind: choice, values: [apple, pear, plum], weights: [5, 3, 1]}
        amount: {kind: integer, min: 1, max: 10}
  - type: Print
)")
      .Example("a stream that is out of order", R"(pipeline:
  type: chain
  transforms:
  - type: Generate
    config:
      rows: 200
      rate: 1000
      event_time: at
      out_of_orderness: 5s
      late: {share: 0.01, by: 1h}
      fields:
        at: {kind: time, from: "2026-01-01T00:00:00Z", every: 100ms}
        id: {kind: sequence}
  - type: Print
)");
}

/// What all lanes share; immutable.
struct Table {
  SchemaPtr schema;
  std::vector<std::unique_ptr<FieldMaker>> makers;
  int event_time = -1;                // field number
  const EventTimes* times = nullptr;  // its maker

  Result<Batch> Make(const ColumnSet& wanted, int64_t first, int64_t count) const {
    std::vector<ArrayDataPtr> columns(makers.size());
    for (size_t i = 0; i < makers.size(); ++i) {
      const int number = static_cast<int>(i);
      if (!wanted.contains(number) && number != event_time) continue;
      WEIR_ASSIGN_OR_RETURN(columns[i], makers[i]->Make(first, count));
    }
    BufferPtr times = event_time < 0 ? nullptr : columns[static_cast<size_t>(event_time)]->buffers[1];
    Batch batch(schema, std::move(columns), count);
    if (times) batch.set_event_time(Int64Column(std::move(times)));
    return batch;
  }
};

/// The number of the field that gives the event time; -1 for none, -2 after an error.
int FindEventTime(const GenerateConfig& config, const NodePtr& place, BindContext& context) {
  if (config.event_time.empty()) return -1;
  for (size_t i = 0; i < config.fields.size(); ++i) {
    const auto& [name, field] = config.fields[i];
    if (name != config.event_time) continue;
    if (field.kind == generate::FieldKind::kTime && field.nulls == 0 && field.every.us >= 0) return static_cast<int>(i);
    context.Error(place,
                  "'" + name + "' cannot be the event time: it must be of kind time, without nulls, and not run back");
    return -2;
  }
  context.Error(place, "there is no field '" + config.event_time + "' to be the event time");
  return -2;
}

uint64_t SeedOf(const GenerateConfig& config, uint64_t field_number) {
  return static_cast<uint64_t>(config.seed) * 0x9E3779B97F4A7C15ULL + field_number;
}

/// Disorder is one of event times. False after an error.
bool CheckDisorder(const GenerateConfig& config, BindContext& context) {
  if (!config.event_time.empty()) return true;
  const NodePtr written = context.step_node()->Find("config");
  for (const char* key : {"out_of_orderness", "jitter", "late"}) {
    const NodePtr value = written->Find(key);
    if (!value) continue;
    context.Error(value, std::string("'") + key + "' needs rows with event times",
                  "say with 'event_time' which field of kind time holds them");
    return false;
  }
  return true;
}

/// The field of the event time gets a maker that knows disorder, and the watermark.
void UseEventTimes(const GenerateConfig& config, Table* table) {
  const auto at = static_cast<size_t>(table->event_time);
  const FieldConfig& field = config.fields[at].second;
  int64_t from_us = 0;
  if (!field.from.empty()) ParseTimestamp(field.from, &from_us);  // MakeField has checked it
  auto times = std::make_unique<EventTimes>(from_us, field, config, SeedOf(config, at + 1),
                                            config.rows.value_or(Range::kEndless));
  table->times = times.get();
  table->makers[at] = std::move(times);
}

std::optional<StepBinding> BindGenerate(const GenerateConfig& config, BindContext& context) {
  const NodePtr written = context.step_node()->Find("config");
  auto table = std::make_shared<Table>();
  std::vector<std::shared_ptr<arrow::Field>> fields;
  uint64_t number = 0;
  for (const auto& [name, field] : config.fields) {
    const NodePtr place = written->Find("fields")->Find(name);
    auto maker = generate::MakeField(field, SeedOf(config, ++number), place, &context.diagnostics());
    if (maker) fields.push_back(arrow::field(name, maker->type()));
    table->makers.push_back(std::move(maker));
  }
  table->event_time = FindEventTime(config, config.event_time.empty() ? nullptr : written->Find("event_time"), context);
  if (fields.size() != config.fields.size() || table->event_time == -2) return std::nullopt;
  if (!CheckDisorder(config, context)) return std::nullopt;
  table->schema = arrow::schema(std::move(fields));
  if (table->event_time >= 0) UseEventTimes(config, table.get());

  StepBinding binding;
  CollectionInfo info;
  info.schema = table->schema;
  info.bounded = config.rows.has_value();
  binding.outputs = {{"", info}};
  binding.can_project = true;
  binding.can_reject = false;
  binding.source_repositions = true;
  if (config.rate > 0) binding.notes.push_back("rate: " + std::to_string(static_cast<int64_t>(config.rate)) + "/s");
  binding.source = [table, rows = config.rows,
                    rate = config.rate](const ScanRequest& request) -> Result<std::shared_ptr<Source>> {
    Range range;
    range.end = rows.value_or(Range::kEndless);
    range.rate = rate;
    range.numbers_per_morsel = 16'384;
    range.event_time_is_arrival = !rows && table->event_time < 0;
    range.make = [table, columns = request.columns](int64_t first, int64_t count) {
      return table->Make(columns, first, count);
    };
    if (table->times) range.watermark = [table](int64_t row) { return table->times->WatermarkBefore(row); };
    return std::make_shared<RangedSource>(std::move(range));
  };
  return binding;
}

}  // namespace

void RegisterGenerate(Registry& registry) { registry.Add<GenerateConfig>(Spec(), {0, 0}, BindGenerate); }

}  // namespace weir
