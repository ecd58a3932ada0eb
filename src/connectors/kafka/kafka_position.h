// Where a reading of Kafka stands, as text: {"instance":"weir-4f…","next":{"orders":{"0":1234,"1":998}}}.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "connectors/kafka/kafka_client.h"

namespace weir {

/// The next offset to read, by partition.
using KafkaOffsets = std::map<KafkaPartitionName, int64_t>;

struct KafkaPosition {
  std::string instance;  // names this reading among the members of its group, the same at every start
  KafkaOffsets next;
  std::string ToText() const;
  /// Errors: Invalid for a text that ToText did not give.
  static Result<KafkaPosition> FromText(const std::string& text);
};

/// Where a reading begins that has no position.
struct KafkaStart {
  enum class At : uint8_t { kEarliest, kLatest, kTime };
  At at = At::kEarliest;
  int64_t time_us = 0;   // kTime
  KafkaOffsets offsets;  // of partitions that shall begin elsewhere; the topic is empty where any is meant
};

/// Finds where to go on in `partitions`: at `known`, else at what the group has committed (where `use_group`), else at
/// `start`; partitions and topics that came after others were known begin at their beginning. Errors: Invalid where
/// records that were to be read next are not there any more, or never were, unless `allow_gaps`: then it goes on with
/// the oldest that is there, and `notes` says so.
Result<KafkaOffsets> FindStart(KafkaClient& client, const std::vector<KafkaPartitionName>& partitions,
                               const KafkaOffsets& known, const KafkaStart& start, bool use_group, bool allow_gaps,
                               int timeout_ms, std::vector<std::string>* notes);

/// The oldest offset that is there, and the one after the newest.
struct KafkaRange {
  int64_t begin = 0, end = 0;
};
Result<KafkaRange> RangeOf(KafkaClient& client, const KafkaPartitionName& partition, int timeout_ms);

/// A list of librdkafka, freed with the object.
class KafkaPartitionList {
 public:
  explicit KafkaPartitionList(const KafkaLibrary& api, rd_kafka_topic_partition_list_t* list = nullptr)
      : api_(api), list_(list ? list : api.topic_partition_list_new(8)) {}
  KafkaPartitionList(const KafkaPartitionList&) = delete;
  KafkaPartitionList& operator=(const KafkaPartitionList&) = delete;
  ~KafkaPartitionList() { api_.topic_partition_list_destroy(list_); }
  rd_kafka_topic_partition_t* Add(const KafkaPartitionName& name, int64_t offset) {
    auto* added = api_.topic_partition_list_add(list_, name.topic.c_str(), name.partition);
    added->offset = offset;
    return added;
  }
  rd_kafka_topic_partition_list_t* get() const { return list_; }
  int size() const { return list_->cnt; }
  const rd_kafka_topic_partition_t& at(int i) const { return list_->elems[i]; }

 private:
  const KafkaLibrary& api_;
  rd_kafka_topic_partition_list_t* const list_;
};

}  // namespace weir
