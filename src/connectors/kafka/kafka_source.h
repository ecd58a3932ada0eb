// KafkaSource: records of Kafka as rows, a reader per lane.
#pragma once

#include <memory>

#include "connectors/kafka/kafka_consumer.h"
#include "connectors/kafka/kafka_rows.h"
#include "connectors/support/event_time.h"
#include "engine/operator.h"

namespace weir {

struct KafkaSourceOptions {
  KafkaConsumerOptions consumer;
  KafkaRowFormat format;
  EventTimePlan event_time;
  ColumnSet needed;
};

std::shared_ptr<Source> MakeKafkaSource(KafkaSourceOptions options);

}  // namespace weir
