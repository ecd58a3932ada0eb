// Positions as JSON, and the offsets of brokers.
#include "connectors/kafka/kafka_position.h"

#include <nlohmann/json.hpp>
#include <set>

namespace weir {

std::string KafkaPosition::ToText() const {
  nlohmann::json text = {{"instance", instance}, {"next", nlohmann::json::object()}};
  for (const auto& [name, offset] : next) text["next"][name.topic][std::to_string(name.partition)] = offset;
  return text.dump();
}

Result<KafkaPosition> KafkaPosition::FromText(const std::string& text) {
  const auto bad = [&] { return Status::Invalid("this is no position of a reading of Kafka: ", text); };
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("next") || !json["next"].is_object()) return bad();
  KafkaPosition position;
  if (json.contains("instance") && json["instance"].is_string()) position.instance = json["instance"];
  for (const auto& [topic, partitions] : json["next"].items()) {
    if (!partitions.is_object()) return bad();
    for (const auto& [number, offset] : partitions.items()) {
      if (!offset.is_number_integer()) return bad();
      position.next[{topic, static_cast<int32_t>(std::strtol(number.c_str(), nullptr, 10))}] = offset;
    }
  }
  return position;
}

Result<KafkaRange> RangeOf(KafkaClient& client, const KafkaPartitionName& partition, int timeout_ms) {
  KafkaRange range;
  const auto error = client.api().query_watermark_offsets(client.handle(), partition.topic.c_str(), partition.partition,
                                                          &range.begin, &range.end, timeout_ms);
  if (error) return client.Error(error, partition.ToString() + ": offsets");
  return range;
}

namespace {

/// What the group has committed.
Status AddCommitted(KafkaClient& client, const std::vector<KafkaPartitionName>& partitions, int timeout_ms,
                    KafkaOffsets* offsets) {
  KafkaPartitionList list(client.api());
  for (const auto& partition : partitions) list.Add(partition, RD_KAFKA_OFFSET_INVALID);
  const auto error = client.api().committed(client.handle(), list.get(), timeout_ms);
  if (error) return client.Error(error, "offsets of the group");
  for (int i = 0; i < list.size(); ++i) {
    if (list.at(i).err) return client.Error(list.at(i).err, std::string(list.at(i).topic) + ": offsets of the group");
    if (list.at(i).offset >= 0) offsets->insert({{list.at(i).topic, list.at(i).partition}, list.at(i).offset});
  }
  return Status::OK();
}

/// The first offset at or after the time; the end where there is none.
Result<int64_t> OffsetAt(KafkaClient& client, const KafkaPartitionName& partition, int64_t time_us,
                         const KafkaRange& range, int timeout_ms) {
  KafkaPartitionList list(client.api());
  list.Add(partition, time_us / 1000);
  const auto error = client.api().offsets_for_times(client.handle(), list.get(), timeout_ms);
  if (error || list.at(0).err) {
    return client.Error(error ? error : list.at(0).err, partition.ToString() + ": the offset of a time");
  }
  return list.at(0).offset >= 0 ? list.at(0).offset : range.end;
}

Result<int64_t> FreshStart(KafkaClient& client, const KafkaPartitionName& partition, const KafkaStart& start,
                           const KafkaRange& range, int timeout_ms) {
  for (const KafkaPartitionName& name : {partition, KafkaPartitionName{"", partition.partition}}) {
    if (auto chosen = start.offsets.find(name); chosen != start.offsets.end()) return chosen->second;
  }
  switch (start.at) {
    case KafkaStart::At::kEarliest:
      return range.begin;
    case KafkaStart::At::kLatest:
      return range.end;
    case KafkaStart::At::kTime:
      return OffsetAt(client, partition, start.time_us, range, timeout_ms);
  }
  return range.begin;
}

}  // namespace

Result<KafkaOffsets> FindStart(KafkaClient& client, const std::vector<KafkaPartitionName>& partitions,
                               const KafkaOffsets& known, const KafkaStart& start, bool use_group, bool allow_gaps,
                               int timeout_ms, std::vector<std::string>* notes) {
  KafkaOffsets group;
  if (use_group) WEIR_RETURN_NOT_OK(AddCommitted(client, partitions, timeout_ms, &group));
  std::set<std::string> known_topics;
  for (const auto& [name, offset] : known) known_topics.insert(name.topic);
  KafkaOffsets found;
  for (const KafkaPartitionName& partition : partitions) {
    WEIR_ASSIGN_OR_RETURN(const KafkaRange range, RangeOf(client, partition, timeout_ms));
    auto ours = known.find(partition);
    auto theirs = group.find(partition);
    int64_t next = -1;
    if (ours != known.end()) next = ours->second;
    // Another member of the group may have read on meanwhile.
    if (theirs != group.end()) next = std::max(next, theirs->second);
    const bool came_later = known_topics.contains(partition.topic) || (!use_group && !known.empty());
    if (next < 0 && came_later) next = range.begin;
    if (next < 0) {
      WEIR_ASSIGN_OR_RETURN(next, FreshStart(client, partition, start, range, timeout_ms));
    }
    if (next < range.begin || next > range.end) {
      const std::string what =
          next < range.begin
              ? "the next record to read is " + std::to_string(next) + ", but the oldest that is there is " +
                    std::to_string(range.begin) + ": the topic keeps records too short a time"
              : "the next record to read is " + std::to_string(next) + ", but the newest is " +
                    std::to_string(range.end - 1) + ": the topic is not the one that was read before";
      if (!allow_gaps) {
        return Status::Invalid(partition.ToString(), ": ", what,
                               "; `allow_gaps: true` goes on with the oldest that is there");
      }
      notes->push_back(partition.ToString() + ": " + what + "; going on with " + std::to_string(range.begin));
      next = range.begin;
    }
    found[partition] = next;
  }
  return found;
}

}  // namespace weir
