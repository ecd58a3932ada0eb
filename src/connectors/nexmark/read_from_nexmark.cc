// ReadFromNexmark: the events of the Nexmark benchmark.
#include <arrow/array/data.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <algorithm>

#include "batch/gather.h"
#include "connectors/nexmark/generator.h"
#include "connectors/ranged_source.h"
#include "plan/binding.h"

namespace weir {
namespace {

using nexmark::Events;
using nexmark::EventType;
using nexmark::Generator;

enum class Wanted { kAll, kPerson, kAuction, kBid };

constexpr int64_t kDefaultCount = 100'000;

struct NexmarkConfig {
  std::optional<int64_t> count;
  double rate = 0;
  Wanted event_type = Wanted::kAll;
  nexmark::Mode mode = nexmark::Mode::kMixed;
  int64_t seed = 0;
  int64_t events_per_second = 0;
  int64_t first_event = 0;
  int64_t out_of_order_group = 1;
  bool unbounded = false;
};

ComponentSpec Spec() {
  return ComponentSpec::Source<NexmarkConfig>("ReadFromNexmark")
      .Summary("Make the events of the Nexmark benchmark: persons, auctions and bids of an online auction.")
      .Doc(
          "Of 50 events the first is a person, three are auctions, 46 are bids. Each is a function of its number "
          "alone, "
          "so the same settings always give the same rows, however many lanes make them.\n\n"
          "`event_type: all` gives rows `{event_type, person, auction, bid}`, where `event_type` is 0, 1 or 2 and only "
          "the row that it names is not null; the other types give the plain columns:\n\n"
          "- person: `id name emailAddress creditCard city state dateTime extra`\n"
          "- auction: `id itemName description initialBid reserve dateTime expires seller category extra`\n"
          "- bid: `auction bidder price channel url dateTime extra` (no `channel` and `url` in mode `beam`)\n\n"
          "The event time of a row is its `dateTime`; it begins at 2015-07-15T00:00:00Z.")
      .Guarantees("Deterministic. The watermark follows the events.")
      .Field("count", &NexmarkConfig::count,
             FieldDoc("How many events, of all types together. By default 100000; endless with a `rate`.")
                 .Min("0")
                 .Max("1000000000000"))
      .Field("rate", &NexmarkConfig::rate,
             FieldDoc("Events per second of processing time; 0: as fast as they are taken. What was held up is made up "
                      "for. The event times of the rows do not depend on it.")
                 .Default("0")
                 .Min("0")
                 .Max("1000000000")
                 .Example("10000"))
      .Enum("event_type", &NexmarkConfig::event_type,
            {{"all", Wanted::kAll}, {"person", Wanted::kPerson}, {"auction", Wanted::kAuction}, {"bid", Wanted::kBid}},
            FieldDoc("Which of the events become rows.").Default("all"))
      .Enum("mode", &NexmarkConfig::mode, {{"mixed", nexmark::Mode::kMixed}, {"beam", nexmark::Mode::kBeam}},
            FieldDoc("`beam` gives the very rows of Apache Beam's generator; `mixed` is as random as it looks and has "
                     "the columns of nexmark/nexmark.")
                .Default("mixed"))
      .Field("seed", &NexmarkConfig::seed, FieldDoc("Mode `mixed`: another seed gives other events.").Default("0"))
      .Field("events_per_second", &NexmarkConfig::events_per_second,
             FieldDoc("How many events fall into a second of event time.").Default("10000").Min("1").Max("1000000"))
      .Field("first_event", &NexmarkConfig::first_event,
             FieldDoc("Number of the first event.").Default("0").Min("0").Max("1000000000000").Advanced())
      .Field("out_of_order_group", &NexmarkConfig::out_of_order_group,
             FieldDoc("Events are shuffled, always in the same way, within groups of this size; 1 keeps their order.")
                 .Default("1")
                 .Min("1")
                 .Max("1000000")
                 .Advanced())
      .Field(
          "unbounded", &NexmarkConfig::unbounded,
          FieldDoc("Take the events for a collection that never ends, also where a `count` ends it: the steps behind "
                   "it run as they would on a stream.")
              .Default("false")
              .Advanced())
      .Example("highest bids", R"(pipeline:
  type: chain
  transforms:
  - type: ReadFromNexmark
    config: {event_type: bid, count: 1000}
  - type: Filter
    config: {keep: price > 90000000}
  - type: Print
)");
}

/// Rows `numbers` of `events` (-1: null) as one struct column.
Result<ArrayDataPtr> StructColumn(const SchemaPtr& schema, const Events& events, std::span<const int32_t> numbers) {
  const auto rows = static_cast<int64_t>(numbers.size());
  WEIR_ASSIGN_OR_RETURN(auto valid, arrow::AllocateEmptyBitmap(rows));
  for (int64_t row = 0; row < rows; ++row) {
    if (numbers[row] >= 0) arrow::bit_util::SetBit(valid->mutable_data(), row);
  }
  auto column = arrow::ArrayData::Make(arrow::struct_(schema->fields()), rows, {std::move(valid)});
  for (const ArrayDataPtr& child : events.columns) {
    WEIR_ASSIGN_OR_RETURN(ArrayDataPtr plain, DecodeDictionary(child));
    WEIR_ASSIGN_OR_RETURN(ArrayDataPtr gathered, GatherColumn(plain, numbers));
    column->child_data.push_back(std::move(gathered));
  }
  return column;
}

SchemaPtr WideSchema(const Generator& generator) {
  auto object = [&](const char* name, EventType type) {
    return arrow::field(name, arrow::struct_(generator.schema(type)->fields()));
  };
  return arrow::schema({arrow::field("event_type", arrow::int64()), object("person", EventType::kPerson),
                        object("auction", EventType::kAuction), object("bid", EventType::kBid)});
}

/// Events of all types, in order.
Result<Batch> MakeWide(const Generator& generator, const SchemaPtr& schema, int64_t first, int64_t count) {
  constexpr EventType kTypes[] = {EventType::kPerson, EventType::kAuction, EventType::kBid};
  Events events[3];
  const int64_t* times[3];
  for (EventType type : kTypes) {
    const int i = static_cast<int>(type);
    WEIR_ASSIGN_OR_RETURN(events[i], generator.Generate(type, first, count));
    times[i] = reinterpret_cast<const int64_t*>(events[i].event_time->data());
  }
  WEIR_ASSIGN_OR_RETURN(BufferPtr kind, arrow::AllocateBuffer(count * 8));
  WEIR_ASSIGN_OR_RETURN(BufferPtr time, arrow::AllocateBuffer(count * 8));
  auto* kinds = reinterpret_cast<int64_t*>(kind->mutable_data());
  auto* all_times = reinterpret_cast<int64_t*>(time->mutable_data());
  std::vector<int32_t> numbers[3];
  for (auto& list : numbers) list.assign(static_cast<size_t>(count), -1);
  int32_t next[3] = {0, 0, 0};
  for (int64_t row = 0; row < count; ++row) {
    const int type = static_cast<int>(Generator::TypeOf(generator.EventId(first + row)));
    kinds[row] = type;
    all_times[row] = times[type][next[type]];
    numbers[type][static_cast<size_t>(row)] = next[type]++;
  }
  std::vector<ArrayDataPtr> columns = {arrow::ArrayData::Make(arrow::int64(), count, {nullptr, std::move(kind)}, 0)};
  for (EventType type : kTypes) {
    const int i = static_cast<int>(type);
    WEIR_ASSIGN_OR_RETURN(ArrayDataPtr column, StructColumn(generator.schema(type), events[i], numbers[i]));
    columns.push_back(std::move(column));
  }
  Batch batch(schema, std::move(columns), count);
  batch.set_event_time(Int64Column(std::move(time)));
  return batch;
}

Result<Batch> MakePlain(const Generator& generator, EventType type, const ColumnSet& columns, int64_t first,
                        int64_t count) {
  const SchemaPtr& schema = generator.schema(type);
  const bool with_extra = columns.contains(schema->num_fields() - 1);
  WEIR_ASSIGN_OR_RETURN(Events events, generator.Generate(type, first, count, with_extra));
  for (int i = 0; i < columns.num_columns(); ++i) {
    if (!columns.contains(i)) events.columns[static_cast<size_t>(i)] = nullptr;
  }
  Batch batch(schema, std::move(events.columns), events.num_rows);
  batch.set_event_time(Int64Column(std::move(events.event_time)));
  return batch;
}

/// So many events that their rows are about one to two default batches.
int64_t EventsPerMorsel(Wanted wanted) {
  switch (wanted) {
    case Wanted::kPerson:
      return 400'000;
    case Wanted::kAuction:
      return 150'000;
    default:
      return 16'000;
  }
}

std::optional<StepBinding> BindReadFromNexmark(const NexmarkConfig& config, BindContext& context) {
  nexmark::GeneratorOptions options;
  options.mode = config.mode;
  options.seed = static_cast<uint64_t>(config.seed);
  options.inter_event_delay_us = std::max<int64_t>(1'000'000 / config.events_per_second, 1);
  options.out_of_order_group_size = config.out_of_order_group;
  auto made = Generator::Make(options);
  if (!made.ok()) {
    context.StepError(made.status().message());
    return std::nullopt;
  }
  auto generator = *std::move(made);
  const bool wide = config.event_type == Wanted::kAll;
  const auto type = static_cast<EventType>(wide ? 0 : static_cast<int>(config.event_type) - 1);
  CollectionInfo info;
  info.schema = wide ? WideSchema(*generator) : generator->schema(type);
  const int64_t end = config.count.value_or(config.rate > 0 ? Range::kEndless : kDefaultCount);
  info.bounded = end != Range::kEndless && !config.unbounded;
  StepBinding binding;
  binding.outputs = {{"", info}};
  binding.can_project = true;
  binding.can_reject = false;
  binding.source_repositions = true;
  binding.source = [=, schema = info.schema](const ScanRequest& request) -> Result<std::shared_ptr<Source>> {
    Range range;
    range.end = end;
    range.rate = config.rate;
    range.numbers_per_morsel = EventsPerMorsel(config.event_type);
    range.make = [=, columns = request.columns](int64_t first, int64_t count) {
      first += config.first_event;
      return wide ? MakeWide(*generator, schema, first, count) : MakePlain(*generator, type, columns, first, count);
    };
    range.watermark = [=](int64_t number) { return generator->WatermarkBefore(config.first_event + number); };
    return std::make_shared<RangedSource>(std::move(range));
  };
  return binding;
}

}  // namespace

void RegisterReadFromNexmark(Registry& registry) { registry.Add<NexmarkConfig>(Spec(), {0, 0}, BindReadFromNexmark); }

}  // namespace weir
