// KafkaTarget: deliveries of rows as records. In a durable run a delivery is a transaction, which also has its number:
// the offset that a group, named after the writer, commits for partition 0 of the step's topic.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "connectors/kafka/kafka_client.h"
#include "connectors/support/target.h"
#include "expr/expr.h"

namespace weir {

enum class KafkaValueFormat : uint8_t { kJson, kText, kBytes };

struct KafkaTargetOptions {
  KafkaSettings settings;         // of the connection, and compression, linger and the like
  std::string topic;              // for rows without `topic_of`, and for the number of the delivery
  CompiledExprPtr topic_of, key;  // text or bytes; or null
  std::vector<std::pair<std::string, CompiledExprPtr>> headers;  // text or bytes
  KafkaValueFormat format = KafkaValueFormat::kJson;
  SchemaPtr schema;                // of the rows
  std::vector<int> value_columns;  // kText, kBytes: exactly one
  bool exactly_once = true;
  bool write_timestamps = true;  // the rows' event time, where they have one
  int timeout_ms = 0;
  int transaction_timeout_ms = 0;
};

std::unique_ptr<Target> MakeKafkaTarget(KafkaTargetOptions options);

}  // namespace weir
