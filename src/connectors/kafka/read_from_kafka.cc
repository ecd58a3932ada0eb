// ReadFromKafka: the records of topics, as they come or up to what is there.
#include <arrow/type.h>

#include <algorithm>
#include <charconv>

#include "connectors/files/file_paths.h"
#include "connectors/kafka/kafka_source.h"
#include "env/glob.h"
#include "formats/text/value_text.h"
#include "plan/binding.h"
#include "plan/declared_type.h"

namespace weir {
namespace {

/// Kafka knows partitions that rest for hours; a pipeline that waits for their event time would rest with them.
constexpr int64_t kIdleTimeoutUs = 10'000'000;

struct ReadFromKafkaConfig : EventTimeConfig, KafkaClientConfig {
  std::vector<std::string> topics;
  std::string group, format, value, start, stop_at;
  std::vector<std::pair<std::string, int64_t>> start_offsets;
  SchemaDecl schema;
  std::vector<std::pair<std::string, std::string>> metadata;
  bool allow_gaps = false;
  ByteSize max_queue;
  Duration discover;
};

constexpr char kDoc[] =
    "Records of the topics become rows; `metadata` adds fields for what a record carries besides its value. The event "
    "time "
    "of a row is its record's timestamp, unless `event_time` names a field. Partitions are spread over the lanes of "
    "the "
    "run, each with a watermark of its own; one that gives nothing for `watermark: {idle_timeout}` (here 10s by "
    "default) "
    "does not hold back the others.\n\n"
    "Without `group` every partition is read. With one, the partitions are shared with the other members, by "
    "cooperative "
    "rebalancing, and the group is told what has been committed. Where the pipeline is slower than the topic, no more "
    "than "
    "`max_queue` is fetched ahead; it stays a member of its group all the while.\n\n"
    "Only committed records of transactions are read. A value that is null gives a row whose fields are null. Values "
    "that "
    "do not fit go to the error output.";

constexpr char kGuarantees[] =
    "Exactly once in a durable run: it goes on after the last record of its last epoch, whatever the group says, and a "
    "partition changes its reader only when what was given of it is committed. A member of a group that dies and is "
    "not "
    "started again within the session (`session.timeout.ms`, 45s) loses its partitions to the others, who go on where "
    "the "
    "group was told last: about half a second of epochs may then come twice. Without `--state` a run begins where the "
    "group stands, else at `start`, and the group is told at the end of the run (or when a partition moves): what is "
    "under "
    "way at a crash is read again. Rows of a partition keep their order. Records that were to be read and are no "
    "longer "
    "kept are an error, never passed over in silence.";

ComponentSpec Spec() {
  return ComponentSpec::Source<ReadFromKafkaConfig>("ReadFromKafka")
      .Summary("Read the records of Kafka topics.")
      .Doc(kDoc)
      .Guarantees(kGuarantees)
      .Fields(KafkaClientConfig::Fields())
      .Field("topic", &ReadFromKafkaConfig::topics,
             FieldDoc("What to read: names, or globs, which also find topics that come later.")
                 .Required()
                 .OrSingle()
                 .Alias("topics")
                 .Example("orders"))
      .Field("format", &ReadFromKafkaConfig::format,
             FieldDoc("What values hold. `text` and `bytes` become one field, `value`.")
                 .Default("json")
                 .OneOf({"json", "text", "bytes"}))
      .Field("schema", &ReadFromKafkaConfig::schema,
             FieldDoc("The fields of JSON and their types. Fields that a value lacks are null, others are passed over.")
                 .Example("{id: integer, at: timestamp}"))
      .Field("metadata", &ReadFromKafkaConfig::metadata,
             FieldDoc("Fields to add, by what they hold: key, topic, partition, offset, timestamp, headers. Keys and "
                      "headers are text; bytes that are no UTF-8 become U+FFFD.")
                 .Example("{key: order, offset: position}"))
      .Field("group", &ReadFromKafkaConfig::group,
             FieldDoc("The consumer group, which shares the partitions among its members.")
                 .Alias("group_id")
                 .Example("billing"))
      .Field("start", &ReadFromKafkaConfig::start,
             FieldDoc("Where to begin what has no position: `earliest` (nothing is missed), `latest`, or a time (RFC "
                      "3339): the first record that is not older.")
                 .Default("earliest")
                 .Alias("auto_offset_reset_config")
                 .Example("2026-01-01T00:00:00Z"))
      .Field(
          "start_offsets", &ReadFromKafkaConfig::start_offsets,
          FieldDoc("The first offset of single partitions, `PARTITION` or `TOPIC/PARTITION`; it goes before `start`.")
              .Example("{0: 1200, 1: 800}")
              .Advanced())
      .Field("stop_at", &ReadFromKafkaConfig::stop_at,
             FieldDoc("`end`: the run reads what is there at its start, and ends. By default it never does.")
                 .OneOf({"end"}))
      .Field("allow_gaps", &ReadFromKafkaConfig::allow_gaps,
             FieldDoc("Whether to go on with the oldest record that is there when those to be read next are gone (the "
                      "topic kept them too short a time, or was made anew), instead of ending with an error.")
                 .Default("false"))
      .Field("max_queue", &ReadFromKafkaConfig::max_queue,
             FieldDoc("What is fetched ahead takes about this, and no more is fetched.")
                 .Default("64MiB")
                 .Min("64KiB")
                 .Max("1GiB"))
      .Field("discover", &ReadFromKafkaConfig::discover,
             FieldDoc("How often to look for new partitions, and topics that fit a glob, without a group.")
                 .Default("30s")
                 .Min("100ms")
                 .Advanced())
      .Fields(EventTimeConfig::Fields())
      .Example("show what comes", R"(pipeline:
  type: chain
  transforms:
  - type: ReadFromKafka
    config:
      bootstrap_servers: localhost:9092
      topic: orders
      schema: {id: integer, amount: number}
      metadata: {key: customer, timestamp: at}
  - type: Print
)");
}

/// The schema of rows: of the value, then of the metadata. nullopt after errors.
std::optional<KafkaRowFormat> BindRows(const ReadFromKafkaConfig& config, BindContext& context) {
  KafkaRowFormat rows;
  rows.format = config.format == "text"    ? KafkaFormat::kText
                : config.format == "bytes" ? KafkaFormat::kBytes
                                           : KafkaFormat::kJson;
  const bool is_json = rows.format == KafkaFormat::kJson;
  if (is_json == config.schema.empty()) {
    ConfigError(context, is_json ? "format" : "schema",
                is_json ? "JSON needs a 'schema'" : config.format + " has the one field 'value': it takes no schema");
    return std::nullopt;
  }
  std::vector<std::shared_ptr<arrow::Field>> fields;
  if (is_json) {
    const SchemaPtr declared = DeclaredSchema(config.schema, &context.diagnostics());
    if (!declared) return std::nullopt;
    fields = declared->fields();
  } else {
    fields = {arrow::field("value", rows.format == KafkaFormat::kText ? arrow::utf8() : arrow::binary())};
  }
  rows.value_fields = static_cast<int>(fields.size());
  for (const auto& [what, name] : config.metadata) {
    const auto field = KafkaFieldFromName(what);
    const bool is_taken = std::any_of(fields.begin(), fields.end(), [&](const auto& f) { return f->name() == name; });
    if (!field || is_taken) {
      ConfigError(context, "metadata",
                  field ? "there is a field '" + name + "' already" : "records carry no '" + what + "'",
                  field ? "" : "one of key, topic, partition, offset, timestamp, headers");
      return std::nullopt;
    }
    rows.fields.push_back(*field);
    fields.push_back(arrow::field(name, KafkaFieldType(*field)));
  }
  rows.schema = arrow::schema(std::move(fields));
  return rows;
}

/// "3" or "orders/3".
std::optional<KafkaPartitionName> ParsePartition(const std::string& text) {
  const size_t slash = text.rfind('/');
  const std::string number = slash == std::string::npos ? text : text.substr(slash + 1);
  int32_t partition = 0;
  const char* const end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, partition);
  if (error != std::errc() || stop != end || partition < 0) return std::nullopt;
  return KafkaPartitionName{slash == std::string::npos ? "" : text.substr(0, slash), partition};
}

std::optional<KafkaStart> BindStart(const ReadFromKafkaConfig& config, BindContext& context) {
  KafkaStart start;
  if (config.start == "latest") {
    start.at = KafkaStart::At::kLatest;
  } else if (config.start != "earliest") {
    start.at = KafkaStart::At::kTime;
    if (!ParseTimestamp(config.start, &start.time_us)) {
      ConfigError(context, "start", "'" + config.start + "' is neither `earliest` nor `latest` nor a time",
                  "a time is written as 2026-01-31T12:00:00Z");
      return std::nullopt;
    }
  }
  for (const auto& [text, offset] : config.start_offsets) {
    const auto partition = ParsePartition(text);
    if (!partition || offset < 0) {
      ConfigError(context, "start_offsets", "'" + text + ": " + std::to_string(offset) + "' is no partition and offset",
                  "write {0: 1200} or {orders/0: 1200}");
      return std::nullopt;
    }
    start.offsets[*partition] = offset;
  }
  return start;
}

std::optional<EventTimePlan> BindTimes(const ReadFromKafkaConfig& config, const SchemaPtr& schema, bool unbounded,
                                       BindContext& context) {
  auto plan = BindEventTime(config, schema, unbounded, context);
  if (!plan) return std::nullopt;
  if (plan->rule.idle_timeout_us == 0) plan->rule.idle_timeout_us = kIdleTimeoutUs;
  if (plan->column >= 0) return plan;
  plan->arrival = false;  // the parser has given each row the timestamp of its record
  if (!config.watermark || !config.watermark->from) plan->rule.from = WatermarkRule::From::kEventTime;
  return plan;
}

std::optional<StepBinding> BindReadFromKafka(const ReadFromKafkaConfig& config, BindContext& context) {
  KafkaSourceOptions options;
  auto settings = BindKafkaClient(config, context);
  auto rows = BindRows(config, context);
  auto start = BindStart(config, context);
  if (config.topics.empty()) ConfigError(context, "topic", "'topic' names no topic");
  if (!settings || !rows || !start || config.topics.empty()) return std::nullopt;
  KafkaConsumerOptions& consumer = options.consumer;
  consumer.bounded = config.stop_at == "end";
  auto plan = BindTimes(config, rows->schema, !consumer.bounded, context);
  if (!plan) return std::nullopt;
  options.event_time = *plan;
  options.format = std::move(*rows);
  consumer.settings = std::move(*settings);
  consumer.topics = config.topics;
  consumer.are_globs = std::any_of(config.topics.begin(), config.topics.end(), HasGlob);
  consumer.group = config.group;
  consumer.start = std::move(*start);
  consumer.allow_gaps = config.allow_gaps;
  consumer.max_queue_bytes = config.max_queue.bytes;
  consumer.discover_us = config.discover.us;
  consumer.timeout_ms = static_cast<int>(config.timeout.us / 1000);

  StepBinding binding;
  CollectionInfo info;
  info.schema = options.format.schema;
  info.bounded = consumer.bounded;
  binding.outputs = {{"", info}};
  binding.can_project = true;
  binding.source_repositions = true;
  binding.notes = plan->Notes(*info.schema);
  if (plan->column < 0) binding.notes.push_back("event time: the timestamps of records");
  binding.notes.push_back("reads " + config.topics[0] + (config.topics.size() > 1 ? " …" : "") + " at " +
                          config.bootstrap_servers + (config.group.empty() ? "" : ", group " + config.group));
  binding.notes.push_back("state: at most about " + FormatByteSize(config.max_queue) + " wait for the steps behind");
  binding.source = [options](const ScanRequest& request) -> Result<std::shared_ptr<Source>> {
    KafkaSourceOptions mine = options;
    mine.needed = options.event_time.Needed(request.columns);
    return MakeKafkaSource(std::move(mine));
  };
  return binding;
}

}  // namespace

void RegisterReadFromKafka(Registry& registry) { registry.Add<ReadFromKafkaConfig>(Spec(), {0, 0}, BindReadFromKafka); }

}  // namespace weir
