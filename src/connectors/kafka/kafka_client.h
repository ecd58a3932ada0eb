// What ReadFromKafka and WriteToKafka share: the settings of the connection, a client of librdkafka as an object, and
// its errors as Status.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/component_spec.h"
#include "connectors/kafka/kafka_library.h"
#include "plan/binding.h"

namespace weir {

struct KafkaTlsConfig {
  std::string ca_file, certificate_file, key_file;
  Secret<std::string> key_password;
  bool verify = true;
  static const FieldSet<KafkaTlsConfig>& Fields();
};

struct KafkaSaslConfig {
  std::string mechanism, username;
  Secret<std::string> password;
  static const FieldSet<KafkaSaslConfig>& Fields();
};

struct KafkaClientConfig {
  std::string bootstrap_servers;
  std::optional<KafkaTlsConfig> tls;
  std::optional<KafkaSaslConfig> sasl;
  std::vector<std::pair<std::string, Secret<std::string>>> options;
  Duration timeout;
  static const FieldSet<KafkaClientConfig>& Fields();
};

/// Settings of librdkafka, by its names. Never printed: they hold secrets.
using KafkaSettings = std::vector<std::pair<std::string, std::string>>;

/// Where and how to connect. Mistakes (an option that the step sets itself) go to the context; nullopt then.
std::optional<KafkaSettings> BindKafkaClient(const KafkaClientConfig& config, BindContext& context);

/// A producer or a consumer. Thread-safe as librdkafka is; the destructor waits for its threads.
class KafkaClient {
 public:
  using ReportFunction = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void*);
  struct Options {
    rd_kafka_type_t type = RD_KAFKA_CONSUMER;
    KafkaSettings settings;
    int events = 0;                   // RD_KAFKA_EVENT_…
    ReportFunction report = nullptr;  // of deliveries; its last argument is the KafkaClient
    void* owner = nullptr;            // what the report is for
  };
  /// Errors: IOError without the library; Invalid for a setting that it refuses.
  static Result<std::unique_ptr<KafkaClient>> Make(const Options& options);
  ~KafkaClient();

  const KafkaLibrary& api() const { return api_; }
  rd_kafka_t* handle() const { return handle_; }
  void* owner() const { return owner_; }

  /// The error `code` while doing `what` ("orders[3]: reading"). Invalid for what no repetition changes (rights, names,
  /// credentials), else IOError.
  Status Error(rd_kafka_resp_err_t code, const std::string& what) const;
  /// Takes and frees `error`; OK for null.
  Status TakeError(rd_kafka_error_t* error, const std::string& what) const;
  /// What the connection said last: why no broker answers.
  void NoteProblem(const std::string& text);
  std::string last_problem() const;

 private:
  KafkaClient(const KafkaLibrary& api) : api_(api) {}
  const KafkaLibrary& api_;
  rd_kafka_t* handle_ = nullptr;
  void* owner_ = nullptr;
  mutable std::mutex mutex_;
  std::string last_problem_;
};

struct KafkaPartitionName {
  std::string topic;
  int32_t partition = 0;
  auto operator<=>(const KafkaPartitionName&) const = default;
  /// "orders[3]"
  std::string ToString() const { return topic + "[" + std::to_string(partition) + "]"; }
};

/// The partitions of `topics`, or, where they are globs, of the topics that fit one; ascending. Topics that begin with
/// two underscores are the brokers' own and fit no glob. Errors: Invalid where a topic is not there.
Result<std::vector<KafkaPartitionName>> ListPartitions(KafkaClient& client, const std::vector<std::string>& topics,
                                                       bool are_globs, int timeout_ms);

}  // namespace weir
