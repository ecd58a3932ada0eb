// Settings, errors and metadata of librdkafka.
#include "connectors/kafka/kafka_client.h"

#include <algorithm>
#include <set>

#include "connectors/files/file_paths.h"
#include "env/glob.h"

namespace weir {
namespace {

constexpr int kWarning = 4;  // of syslog; smaller is worse

/// Where the log of librdkafka goes: the last complaint explains why nothing answers, the rest is nobody's.
void OnLog(const rd_kafka_t* handle, int level, const char*, const char* text) {
  auto api = KafkaLibrary::Get();
  if (level > kWarning || !api.ok()) return;
  if (auto* client = static_cast<KafkaClient*>((*api)->opaque(handle))) client->NoteProblem(text);
}

bool IsFinal(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
      return true;
    default:
      return false;
  }
}

std::string Remedy(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      return "; create the topic, or correct its name";
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
      return "; look at 'sasl'";
    case RD_KAFKA_RESP_ERR__SSL:
      return "; look at 'tls'";
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
      return "; if another run goes on with the same state: only one may";
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
      return "; other members of the group do not use cooperative rebalancing: give this pipeline a group of its own";
    default:
      return "";
  }
}

/// The settings that the steps make themselves, or that would take from them what they rely on.
const std::set<std::string>& OwnSettings() {
  static const std::set<std::string> names = {"bootstrap.servers",
                                              "metadata.broker.list",
                                              "group.id",
                                              "group.instance.id",
                                              "enable.auto.commit",
                                              "auto.offset.reset",
                                              "transactional.id",
                                              "enable.idempotence",
                                              "enable.partition.eof",
                                              "acks",
                                              "isolation.level",
                                              "compression.codec",
                                              "compression.type",
                                              "partitioner",
                                              "enable.auto.offset.store",
                                              "request.required.acks",
                                              "partition.assignment.strategy"};
  return names;
}

}  // namespace

const FieldSet<KafkaTlsConfig>& KafkaTlsConfig::Fields() {
  static const auto fields =
      FieldSet<KafkaTlsConfig>()
          .Field("ca_file", &KafkaTlsConfig::ca_file,
                 FieldDoc("Certificates (PEM) to trust instead of the system's.").Example("/etc/ssl/kafka-ca.pem"))
          .Field("certificate_file", &KafkaTlsConfig::certificate_file,
                 FieldDoc("The certificate (PEM) that this client shows."))
          .Field("key_file", &KafkaTlsConfig::key_file, FieldDoc("Its private key (PEM)."))
          .Field("key_password", &KafkaTlsConfig::key_password, FieldDoc("What the key is encrypted with."))
          .Field("verify", &KafkaTlsConfig::verify,
                 FieldDoc("Whether brokers must show a trusted certificate of their name.").Default("true"));
  return fields;
}

const FieldSet<KafkaSaslConfig>& KafkaSaslConfig::Fields() {
  static const auto fields =
      FieldSet<KafkaSaslConfig>()
          .Field("mechanism", &KafkaSaslConfig::mechanism,
                 FieldDoc("How to log in.")
                     .Default("PLAIN")
                     .OneOf({"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI", "OAUTHBEARER"}))
          .Field("username", &KafkaSaslConfig::username, FieldDoc("Who logs in."))
          .Field("password", &KafkaSaslConfig::password, FieldDoc("Never shown.").Example("${KAFKA_PASSWORD}"));
  return fields;
}

const FieldSet<KafkaClientConfig>& KafkaClientConfig::Fields() {
  static const auto fields =
      FieldSet<KafkaClientConfig>()
          .Field("bootstrap_servers", &KafkaClientConfig::bootstrap_servers,
                 FieldDoc("Brokers to begin with, HOST:PORT, joined by commas.")
                     .Required()
                     .Alias("brokers")
                     .Example("localhost:9092"))
          .Field("tls", &KafkaClientConfig::tls,
                 FieldDoc("Connect by TLS; `{}` with the system's certificates.").Example("{ca_file: /etc/ssl/ca.pem}"))
          .Field("sasl", &KafkaClientConfig::sasl,
                 FieldDoc("Log in.").Example("{mechanism: SCRAM-SHA-512, username: weir, password: \"${PASSWORD}\"}"))
          .Field("options", &KafkaClientConfig::options,
                 FieldDoc("Further settings of librdkafka by its names; their values are never shown.")
                     .Example("{socket.keepalive.enable: \"true\"}")
                     .Advanced())
          .Field("timeout", &KafkaClientConfig::timeout,
                 FieldDoc("How long to wait at the start for brokers that do not answer.")
                     .Default("30s")
                     .Min("100ms")
                     .Max("1h")
                     .Advanced());
  return fields;
}

std::optional<KafkaSettings> BindKafkaClient(const KafkaClientConfig& config, BindContext& context) {
  KafkaSettings settings = {{"bootstrap.servers", config.bootstrap_servers}, {"client.id", "weir"}};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) settings.emplace_back(name, value);
  };
  settings.emplace_back("security.protocol", config.tls    ? config.sasl ? "sasl_ssl" : "ssl"
                                             : config.sasl ? "sasl_plaintext"
                                                           : "plaintext");
  if (config.tls) {
    add("ssl.ca.location", config.tls->ca_file);
    add("ssl.certificate.location", config.tls->certificate_file);
    add("ssl.key.location", config.tls->key_file);
    add("ssl.key.password", config.tls->key_password.Reveal());
    if (!config.tls->verify) settings.emplace_back("enable.ssl.certificate.verification", "false");
    settings.emplace_back("ssl.endpoint.identification.algorithm", config.tls->verify ? "https" : "none");
  }
  if (config.sasl) {
    add("sasl.mechanism", config.sasl->mechanism);
    add("sasl.username", config.sasl->username);
    add("sasl.password", config.sasl->password.Reveal());
  }
  for (const auto& [name, value] : config.options) {
    if (OwnSettings().contains(name)) {
      ConfigError(context, "options", "'" + name + "' is set by the step itself", "use the setting of the step for it");
      return std::nullopt;
    }
    settings.emplace_back(name, value.Reveal());
  }
  return settings;
}

Result<std::unique_ptr<KafkaClient>> KafkaClient::Make(const Options& options) {
  WEIR_ASSIGN_OR_RETURN(const KafkaLibrary* api, KafkaLibrary::Get());
  std::unique_ptr<KafkaClient> client(new KafkaClient(*api));
  rd_kafka_conf_t* conf = api->conf_new();
  char text[512];
  for (const auto& [name, value] : options.settings) {
    if (api->conf_set(conf, name.c_str(), value.c_str(), text, sizeof text) == RD_KAFKA_CONF_OK) continue;
    api->conf_destroy(conf);
    // Its own text would repeat the value, which may be a secret.
    return Status::Invalid("librdkafka does not know the option '", name, "', or not this value of it");
  }
  api->conf_set_log_cb(conf, OnLog);
  api->conf_set_events(conf, options.events);
  api->conf_set_opaque(conf, client.get());
  client->owner_ = options.owner;
  if (options.report) api->conf_set_dr_msg_cb(conf, options.report);
  client->handle_ = api->make(options.type, conf, text, sizeof text);
  if (!client->handle_) {
    api->conf_destroy(conf);
    return Status::Invalid("no client for Kafka with these settings: ", text);
  }
  return client;
}

KafkaClient::~KafkaClient() {
  if (handle_) api_.destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

Status KafkaClient::Error(rd_kafka_resp_err_t code, const std::string& what) const {
  std::string text = what + ": " + api_.err2str(code);
  if (const std::string problem = last_problem(); !problem.empty() && !IsFinal(code)) text += " (" + problem + ")";
  text += Remedy(code);
  return IsFinal(code) ? Status::Invalid(text) : Status::IOError(text);
}

Status KafkaClient::TakeError(rd_kafka_error_t* error, const std::string& what) const {
  if (!error) return Status::OK();
  const rd_kafka_resp_err_t code = api_.error_code(error);
  std::string text = what + ": " + api_.error_string(error) + Remedy(code);
  const bool is_final = IsFinal(code);
  api_.error_destroy(error);
  return is_final ? Status::Invalid(text) : Status::IOError(text);
}

void KafkaClient::NoteProblem(const std::string& text) {
  std::lock_guard lock(mutex_);
  last_problem_ = text;
}

std::string KafkaClient::last_problem() const {
  std::lock_guard lock(mutex_);
  return last_problem_;
}

Result<std::vector<KafkaPartitionName>> ListPartitions(KafkaClient& client, const std::vector<std::string>& topics,
                                                       bool are_globs, int timeout_ms) {
  const KafkaLibrary& api = client.api();
  std::vector<KafkaPartitionName> found;
  const auto add = [&](const rd_kafka_metadata_topic& topic) {
    for (int i = 0; i < topic.partition_cnt; ++i) found.push_back({topic.topic, topic.partitions[i].id});
  };
  const auto ask = [&](rd_kafka_topic_t* topic, const std::string& what, const auto& take) -> Status {
    const struct rd_kafka_metadata* metadata = nullptr;
    const auto error = api.metadata(client.handle(), topic ? 0 : 1, topic, &metadata, timeout_ms);
    if (error) return client.Error(error, what);
    Status status;
    for (int i = 0; i < metadata->topic_cnt && status.ok(); ++i) status = take(metadata->topics[i]);
    api.metadata_destroy(metadata);
    return status;
  };
  if (are_globs) {
    WEIR_RETURN_NOT_OK(ask(nullptr, "the list of topics", [&](const rd_kafka_metadata_topic& topic) {
      const std::string_view name = topic.topic;
      const bool fits = std::any_of(topics.begin(), topics.end(), [&](const auto& g) { return MatchesGlob(g, name); });
      if (fits && !name.starts_with("__") && !topic.err) add(topic);
      return Status::OK();
    }));
  }
  for (const std::string& name : are_globs ? std::vector<std::string>() : topics) {
    rd_kafka_topic_t* topic = api.topic_new(client.handle(), name.c_str(), nullptr);
    if (!topic) return client.Error(api.last_error(), "topic '" + name + "'");
    const Status status = ask(topic, "topic '" + name + "'", [&](const rd_kafka_metadata_topic& about) {
      if (about.err) return client.Error(about.err, "topic '" + name + "'");
      add(about);
      return Status::OK();
    });
    api.topic_destroy(topic);
    WEIR_RETURN_NOT_OK(status);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace weir
