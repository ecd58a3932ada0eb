// KafkaConsumer: the partitions that this process reads, spread over lanes; who owns them, and where each stands.
//
// A partition belongs to one lane, which alone takes its records from a queue of its own; librdkafka fetches ahead into
// the queues, up to a limit, and no further while a lane is slow. A thread of the consumer answers the group all the
// while, so that slow steps are no reason to be excluded. Without a group all partitions are read, and new ones found
// by looking now and then.
//
// When the group takes a partition away, its lane stops giving its records; in a durable run the partition is given
// back only once what was given of it is committed, so that who gets it reads on exactly there.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "connectors/kafka/kafka_position.h"

namespace weir {

struct KafkaConsumerOptions {
  KafkaSettings settings;
  std::vector<std::string> topics;
  bool are_globs = false;
  std::string group;
  KafkaStart start;
  bool bounded = false;  // up to the ends at the start
  bool allow_gaps = false;
  int64_t max_queue_bytes = 0;
  int64_t discover_us = 0;
  int timeout_ms = 0;
};

/// One partition while this process has it. `next` and `stopped` are written by its lane.
struct KafkaPartition {
  KafkaPartitionName name;
  int lane = 0;
  int64_t end = -1;                  // bounded: no record from here on
  std::atomic<int64_t> next{0};      // offset after the last record that was given
  std::atomic<bool> revoked{false};  // its lane shall stop
  std::atomic<bool> stopped{false};  // its lane has
  int64_t committed = 0;             // guarded by the consumer
};
using KafkaPartitionPtr = std::shared_ptr<KafkaPartition>;

class KafkaConsumer {
 public:
  KafkaConsumer(KafkaConsumerOptions options, bool durable, std::function<void(const std::string&)> say)
      : options_(std::move(options)), durable_(durable), say_(std::move(say)) {}
  ~KafkaConsumer();

  /// Before Begin: goes on at a position.
  Status Restore(const std::string& position);
  /// Connects, and begins to read. Errors: IOError where no broker answers; Invalid where it cannot begin there.
  Status Begin(int lanes, uint64_t seed);
  /// Where everything stands. While no lane reads.
  std::string Position() const;
  /// The group is told soon, and partitions that wait for it are given back.
  Status Committed(const std::string& position);

  const KafkaLibrary& api() const { return client_->api(); }
  KafkaClient& client() { return *client_; }
  rd_kafka_queue_t* queue(int lane) const { return queues_[lane]; }
  /// Changes whenever a lane has other partitions than before.
  int64_t generation() const { return generation_.load(std::memory_order_acquire); }
  std::vector<KafkaPartitionPtr> PartitionsOf(int lane) const;
  /// Why reading cannot go on; OK where it can. Cheap.
  Status failure() const;
  /// The records from `partition.next` on are gone: goes on with the oldest where gaps are allowed, else fails.
  Status SkipGap(KafkaPartition& partition);
  void Fail(Status status);
  bool is_bounded() const { return options_.bounded; }

 private:
  Status Connect(int lanes, uint64_t seed);
  /// Adds partitions and has them fetched. With the lock of nobody.
  Status Assign(const std::vector<KafkaPartitionName>& names, bool use_group);
  void Work();
  void OnEvent(rd_kafka_event_t* event);
  void OnRebalance(rd_kafka_event_t* event);
  void Discover();
  /// Tells the group what is committed. `wait`: returns when it knows.
  void CommitToGroup(bool wait);
  bool is_member() const { return !options_.group.empty() && !options_.bounded; }
  /// Gives back the partitions whose lanes have stopped, where everything given is committed.
  void Release();
  bool CanRelease(const KafkaPartition& partition) const;

  const KafkaConsumerOptions options_;
  const bool durable_;
  const std::function<void(const std::string&)> say_;
  std::unique_ptr<KafkaClient> client_;
  std::vector<rd_kafka_queue_t*> queues_;  // by lane
  mutable std::mutex mutex_;
  std::vector<KafkaPartitionPtr> partitions_;  // guarded
  KafkaPosition restored_;                     // guarded; where partitions stand that are not ours now
  KafkaOffsets uncommitted_;                   // guarded; what the group is to be told
  std::vector<KafkaPartitionName> revoking_;   // guarded; the group waits for them
  bool is_revoking_ = false;
  int next_lane_ = 0;
  Status failure_;
  std::atomic<bool> failed_{false};
  std::atomic<int64_t> generation_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace weir
