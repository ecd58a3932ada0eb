// Generate: rows of made-up data.
#include <arrow/array/data.h>
#include <arrow/type.h>

#include "connectors/generate/field_maker.h"
#include "connectors/ranged_source.h"
#include "plan/binding.h"

namespace weir {
namespace {

using generate::FieldConfig;
using generate::FieldMaker;

struct GenerateConfig {
  int64_t rows = 0;
  std::vector<std::pair<std::string, FieldConfig>> fields;
  int64_t seed = 0;
  std::string event_time;
};

ComponentSpec Spec() {
  return ComponentSpec::Source<GenerateConfig>("Generate")
      .Summary("Make rows of made-up data.")
      .Doc(
          "Every value is a function of the seed, the place of its field and the number of its row: the same settings "
          "give the same rows, however many lanes make them.")
      .Guarantees("Deterministic. With `event_time` the watermark follows the rows.")
      .Field("rows", &GenerateConfig::rows,
             FieldDoc("How many.").Required().Min("0").Max("1000000000000").Example("1000"))
      .Field("fields", &GenerateConfig::fields,
             FieldDoc("The fields of a row and how each is made.").Required().Example("{id: {kind: sequence}}"))
      .Field("seed", &GenerateConfig::seed, FieldDoc("Another seed gives other values.").Default("0"))
      .Field("event_time", &GenerateConfig::event_time,
             FieldDoc("The field of kind `time` that is the event time of its row.").Example("at"))
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
)");
}

/// What all lanes share; immutable.
struct Table {
  SchemaPtr schema;
  std::vector<std::unique_ptr<FieldMaker>> makers;
  int event_time = -1;  // field number

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

std::optional<StepBinding> BindGenerate(const GenerateConfig& config, BindContext& context) {
  const NodePtr written = context.step_node()->Find("config");
  auto table = std::make_shared<Table>();
  std::vector<std::shared_ptr<arrow::Field>> fields;
  uint64_t number = 0;
  for (const auto& [name, field] : config.fields) {
    const NodePtr place = written->Find("fields")->Find(name);
    const uint64_t seed = static_cast<uint64_t>(config.seed) * 0x9E3779B97F4A7C15ULL + ++number;
    auto maker = generate::MakeField(field, seed, place, &context.diagnostics());
    if (maker) fields.push_back(arrow::field(name, maker->type()));
    table->makers.push_back(std::move(maker));
  }
  table->event_time = FindEventTime(config, config.event_time.empty() ? nullptr : written->Find("event_time"), context);
  if (fields.size() != config.fields.size() || table->event_time == -2) return std::nullopt;
  table->schema = arrow::schema(std::move(fields));

  StepBinding binding;
  CollectionInfo info;
  info.schema = table->schema;
  binding.outputs = {{"", info}};
  binding.can_project = true;
  binding.can_reject = false;
  binding.source = [table, rows = config.rows](const ScanRequest& request) -> Result<std::shared_ptr<Source>> {
    Range range;
    range.end = rows;
    range.numbers_per_morsel = 16'384;
    range.make = [table, columns = request.columns](int64_t first, int64_t count) {
      return table->Make(columns, first, count);
    };
    if (table->event_time >= 0) {
      range.watermark = [table](int64_t row) {
        auto time = table->makers[static_cast<size_t>(table->event_time)]->Make(row, 1);
        return time.ok() ? (*time)->GetValues<int64_t>(1)[0] : kMinEventTime;
      };
    }
    return std::make_shared<RangedSource>(std::move(range));
  };
  return binding;
}

}  // namespace

void RegisterGenerate(Registry& registry) { registry.Add<GenerateConfig>(Spec(), {0, 0}, BindGenerate); }

}  // namespace weir
