// WriteToKafka: rows as records of a topic.
#include <arrow/type.h>

#include "connectors/files/file_paths.h"
#include "connectors/kafka/kafka_target.h"
#include "connectors/support/target_sink.h"
#include "plan/binding.h"

namespace weir {
namespace {

struct WriteToKafkaConfig : KafkaClientConfig, DeliveryConfig {
  std::string topic, format, compression, partitioner, acks, guarantee, timestamp, language;
  ExprSource topic_of, key;
  std::vector<std::pair<std::string, ExprSource>> headers;
  std::vector<std::string> fields;
  Duration linger, transaction_timeout;
};

constexpr char kDoc[] =
    "A row becomes a record. Its value is a JSON object of the row's fields (or of those that `fields` names), or with "
    "`format: text` or `bytes` the one field of the row (or the one that `fields` names); null gives a record without "
    "a "
    "value, a tombstone. Rows that the brokers refuse for themselves (too long, a topic that wants keys) go to the "
    "error "
    "output. Records of one key keep the order of their rows.";

constexpr char kGuarantees[] =
    "Exactly once in a durable run, for consumers that read committed records only: each epoch is a transaction, which "
    "also "
    "commits the epoch's number, as the offset of a group named after the pipeline and step, so that after a crash it "
    "is "
    "known whether it happened. The number is forgotten where the brokers forget the group "
    "(`offsets.retention.minutes`, a week): a run that crashed just then and rests longer may repeat its last epoch. "
    "Without `--state`, or with `guarantee: at_least_once`, records go out as rows come; what was not acknowledged is "
    "sent "
    "again, without repetitions while the run lasts.";

/// How records go out.
const FieldSet<WriteToKafkaConfig>& ProducerFields() {
  static const auto fields =
      FieldSet<WriteToKafkaConfig>()
          .Field("compression", &WriteToKafkaConfig::compression,
                 FieldDoc("How batches of records are compressed.")
                     .Default("lz4")
                     .OneOf({"none", "gzip", "snappy", "lz4", "zstd"}))
          .Field("acks", &WriteToKafkaConfig::acks,
                 FieldDoc(
                     "Which replicas must have a record before it counts as written: only `all` survives the loss of a "
                     "broker.")
                     .Default("all")
                     .OneOf({"all"})
                     .Advanced())
          .Field("partitioner", &WriteToKafkaConfig::partitioner,
                 FieldDoc("How keys choose partitions: as Java's clients do (`murmur2_random`) or as librdkafka's "
                          "(`consistent_random`); records without a key go anywhere.")
                     .Default("murmur2_random")
                     .OneOf({"murmur2_random", "consistent_random", "fnv1a_random"})
                     .Advanced())
          .Field("guarantee", &WriteToKafkaConfig::guarantee,
                 FieldDoc("What a durable run promises. `at_least_once` spares the transactions.")
                     .Default("exactly_once")
                     .OneOf({"exactly_once", "at_least_once"}))
          .Field(
              "transaction_timeout", &WriteToKafkaConfig::transaction_timeout,
              FieldDoc(
                  "How long a transaction may take; readers wait so long for a run that died in one and is not started "
                  "again.")
                  .Default("1m")
                  .Min("1s")
                  .Max("15m")
                  .Advanced())
          .Field("linger", &WriteToKafkaConfig::linger,
                 FieldDoc("How long records wait for others of their batch.")
                     .Default("5ms")
                     .Min("0s")
                     .Max("1m")
                     .Advanced())
          .Field("language", &WriteToKafkaConfig::language,
                 FieldDoc("The language of the expressions.")
                     .Default("generic")
                     .OneOf({"generic", "sql", "python"})
                     .Advanced());
  return fields;
}

ComponentSpec Spec() {
  return ComponentSpec::Sink<WriteToKafkaConfig>("WriteToKafka")
      .Summary("Write rows as records of a Kafka topic.")
      .Doc(kDoc)
      .Guarantees(kGuarantees)
      .Fields(KafkaClientConfig::Fields())
      .Field("topic", &WriteToKafkaConfig::topic, FieldDoc("Where to.").Required().Example("totals"))
      .Field("topic_of", &WriteToKafkaConfig::topic_of,
             FieldDoc("The topic of each row; where it is null, `topic`.").Example("\"'orders-' || country\""))
      .Field("key", &WriteToKafkaConfig::key,
             FieldDoc("The key of each record: records of one key go to one partition.").Example("customer_id"))
      .Field("headers", &WriteToKafkaConfig::headers,
             FieldDoc("Headers of each record, by name; null: the record has none of that name.")
                 .Example("{source: \"'weir'\"}"))
      .Field("format", &WriteToKafkaConfig::format,
             FieldDoc("What values hold.").Default("json").OneOf({"json", "text", "bytes"}))
      .Field("fields", &WriteToKafkaConfig::fields,
             FieldDoc("The fields that are part of the value; by default all.").OrSingle().Example("[id, amount]"))
      .Field(
          "timestamp", &WriteToKafkaConfig::timestamp,
          FieldDoc(
              "The timestamps of records: `now`, or the rows' `event_time`. Brokers delete records by their age: old "
              "event times may soon be gone.")
              .Default("now")
              .OneOf({"now", "event_time"}))
      .Fields(ProducerFields())
      .Fields(DeliveryConfig::Fields())
      .Example("send what was made", R"(pipeline:
  type: chain
  transforms:
  - type: ReadFromCsv
    config:
      path: /tmp/weir-example/orders.csv
      schema: {id: integer, amount: number}
  - type: WriteToKafka
    config:
      bootstrap_servers: localhost:9092
      topic: orders
      key: id
)");
}

/// An expression as text or bytes; null after an error, or where there is none.
CompiledExprPtr CompileText(const WriteToKafkaConfig& config, const ExprSource& source, const SchemaPtr& schema,
                            BindContext& context, bool* ok) {
  if (source.empty()) return nullptr;
  auto compiled = context.Compile(source, config.language, *schema);
  if (compiled && compiled->type()->id() != arrow::Type::STRING && compiled->type()->id() != arrow::Type::BINARY) {
    auto text = CompiledExpr::Cast(compiled, arrow::utf8());
    if (!text.ok()) context.Error(source.node, "this cannot be text: " + text.status().message());
    compiled = text.ok() ? *text : nullptr;
  }
  *ok = *ok && compiled != nullptr;
  return compiled;
}

/// The columns of the value. False after errors.
bool BindValue(const WriteToKafkaConfig& config, const SchemaPtr& schema, BindContext& context,
               KafkaTargetOptions* options) {
  const NodePtr settings = context.step_node()->Find("config");
  const NodePtr place = settings && settings->Find("fields") ? settings->Find("fields") : context.step_node();
  for (const std::string& name : config.fields) {
    const int column = context.FindColumn(*schema, name, place);
    if (column < 0) return false;
    options->value_columns.push_back(column);
  }
  if (config.fields.empty()) {
    for (int i = 0; i < schema->num_fields(); ++i) options->value_columns.push_back(i);
  }
  if (config.format == "json") return true;
  options->format = config.format == "text" ? KafkaValueFormat::kText : KafkaValueFormat::kBytes;
  const auto type = options->format == KafkaValueFormat::kText ? arrow::Type::STRING : arrow::Type::BINARY;
  const bool is_one = options->value_columns.size() == 1;
  if (is_one && (schema->field(options->value_columns[0])->type()->id() == type || type == arrow::Type::BINARY)) {
    const auto id = schema->field(options->value_columns[0])->type()->id();
    if (id == arrow::Type::STRING || id == arrow::Type::BINARY) return true;
  }
  ConfigError(
      context, config.fields.empty() ? "format" : "fields",
      "`format: " + config.format + "` writes one field of " + (config.format == "text" ? "text" : "bytes or text"),
      "say with 'fields' which, or leave out 'format'");
  return false;
}

std::optional<StepBinding> BindWriteToKafka(const WriteToKafkaConfig& config, BindContext& context) {
  const StepInputInfo& input = context.inputs()[0];
  if (input.info.changes) {
    context.StepError("WriteToKafka needs rows that stay; those of '" + input.origin + "' can be taken back",
                      "reduce them before, for example with a Combine");
    return std::nullopt;
  }
  KafkaTargetOptions options;
  auto settings = BindKafkaClient(config, context);
  bool ok = settings.has_value();
  options.schema = input.info.schema;
  options.topic = config.topic;
  options.key = CompileText(config, config.key, options.schema, context, &ok);
  options.topic_of = CompileText(config, config.topic_of, options.schema, context, &ok);
  for (const auto& [name, value] : config.headers) {
    options.headers.emplace_back(name, CompileText(config, value, options.schema, context, &ok));
  }
  if (!BindValue(config, options.schema, context, &options) || !ok) return std::nullopt;
  options.settings = std::move(*settings);
  const auto set = [&](const char* name, const std::string& value) { options.settings.emplace_back(name, value); };
  set("compression.codec", config.compression);
  set("partitioner", config.partitioner);
  set("acks", config.acks);
  set("linger.ms", std::to_string(config.linger.us / 1000));
  set("queue.buffering.max.messages", "1000000");
  set("queue.buffering.max.kbytes", "262144");
  options.exactly_once = config.guarantee == "exactly_once";
  options.write_timestamps = config.timestamp == "event_time";
  options.timeout_ms = static_cast<int>(config.timeout.us / 1000);
  options.transaction_timeout_ms = static_cast<int>(config.transaction_timeout.us / 1000);

  StepBinding binding;
  BindTargetSink(
      DeliveryOptions(config, BatchConfig{50'000, {int64_t{8} << 20}, Duration{100'000}}, options.schema),
      [options]() -> Result<std::unique_ptr<Target>> { return MakeKafkaTarget(options); }, options.exactly_once,
      options.exactly_once ? "" : "`guarantee: at_least_once` makes no transactions", &binding);
  binding.notes.push_back("writes " + config.topic + " at " + config.bootstrap_servers);
  return binding;
}

}  // namespace

void RegisterWriteToKafka(Registry& registry) { registry.Add<WriteToKafkaConfig>(Spec(), {1, 1}, BindWriteToKafka); }

}  // namespace weir
