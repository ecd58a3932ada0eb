// Assignment, rebalances and commits. Only the consumer's own thread talks to the group.
#include "connectors/kafka/kafka_consumer.h"

#include <algorithm>
#include <cstdio>

#include "env/env.h"

namespace weir {
namespace {

constexpr int kLookMs = 50;
constexpr int kStatisticsMs = 500;

/// A glob as the regular expression that librdkafka wants.
std::string RegexOfGlob(const std::string& glob) {
  std::string regex = "^";
  for (size_t i = 0; i < glob.size(); ++i) {
    const char c = glob[i];
    if (c == '*') {
      regex += ".*";
    } else if (c == '?') {
      regex += '.';
    } else if (c == '[' && i + 1 < glob.size() && glob[i + 1] == '!') {
      regex += "[^";
      ++i;
    } else {
      if (c == '.' || c == '\\' || c == '+' || c == '(' || c == ')' || c == '|' || c == '{' || c == '^' || c == '$') {
        regex += '\\';
      }
      regex += c;
    }
  }
  return regex + "$";
}

}  // namespace

KafkaConsumer::~KafkaConsumer() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  if (!client_) return;
  for (rd_kafka_queue_t* queue : queues_) api().queue_destroy(queue);
}

Status KafkaConsumer::Restore(const std::string& position) {
  WEIR_ASSIGN_OR_RETURN(restored_, KafkaPosition::FromText(position));
  return Status::OK();
}

Status KafkaConsumer::Connect(int lanes, uint64_t seed) {
  if (restored_.instance.empty()) {
    char name[32];
    std::snprintf(name, sizeof name, "weir-%016llx", static_cast<unsigned long long>(seed));
    restored_.instance = name;
  }
  KafkaClient::Options options;
  options.settings = options_.settings;
  const auto set = [&](const char* name, const std::string& value) { options.settings.emplace_back(name, value); };
  set("group.id", options_.group.empty() ? "weir-reads-alone" : options_.group);
  // A durable run that is started again is the same member: nobody waits for the session of the one before to end.
  if (durable_ && !options_.group.empty()) set("group.instance.id", restored_.instance);
  set("partition.assignment.strategy", "cooperative-sticky");
  set("enable.auto.commit", "false");
  set("enable.auto.offset.store", "false");
  set("auto.offset.reset", "error");
  set("isolation.level", "read_committed");
  set("enable.partition.eof", options_.bounded ? "true" : "false");
  // Bytes are the limit: by the number of messages librdkafka would stop early, and then rests for a second.
  set("queued.min.messages", "1000000");
  set("queued.max.messages.kbytes", std::to_string(std::max<int64_t>(options_.max_queue_bytes / lanes / 1024, 64)));
  options.events = RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_OFFSET_COMMIT;
  if (is_member()) {
    set("heartbeat.interval.ms", "1000");
    set("statistics.interval.ms", std::to_string(kStatisticsMs));
    options.events |= RD_KAFKA_EVENT_STATS;
  }
  WEIR_ASSIGN_OR_RETURN(client_, KafkaClient::Make(options));
  api().poll_set_consumer(client_->handle());
  return Status::OK();
}

Status KafkaConsumer::Begin(int lanes, uint64_t seed) {
  WEIR_RETURN_NOT_OK(Connect(lanes, seed));
  for (int i = 0; i < lanes; ++i) queues_.push_back(api().queue_new(client_->handle()));
  thread_ = std::thread([this] {
    SetThreadName("kafka-group");
    Work();
  });
  // Also where the group says what to read: a topic that is not there, or a broker, is a mistake to be told at once.
  WEIR_ASSIGN_OR_RETURN(const auto names,
                        ListPartitions(*client_, options_.topics, options_.are_globs, options_.timeout_ms));
  if (options_.group.empty() || options_.bounded) return Assign(names, !options_.group.empty());
  KafkaPartitionList topics(api());
  for (const std::string& topic : options_.topics) {
    topics.Add({options_.are_globs ? RegexOfGlob(topic) : topic, RD_KAFKA_PARTITION_UA}, RD_KAFKA_OFFSET_INVALID);
  }
  const auto error = api().subscribe(client_->handle(), topics.get());
  return error ? client_->Error(error, "joining the group '" + options_.group + "'") : Status::OK();
}

Status KafkaConsumer::Assign(const std::vector<KafkaPartitionName>& names, bool use_group) {
  KafkaOffsets known;
  {
    std::lock_guard lock(mutex_);
    known = restored_.next;
  }
  std::vector<std::string> notes;
  WEIR_ASSIGN_OR_RETURN(const KafkaOffsets start, FindStart(*client_, names, known, options_.start, use_group,
                                                            options_.allow_gaps, options_.timeout_ms, &notes));
  for (const std::string& note : notes) say_(note);
  std::vector<KafkaPartitionPtr> added;
  KafkaPartitionList list(api());
  for (const auto& [name, next] : start) {
    auto partition = std::make_shared<KafkaPartition>();
    partition->name = name;
    partition->next = partition->committed = next;
    if (options_.bounded) {
      WEIR_ASSIGN_OR_RETURN(const KafkaRange range, RangeOf(*client_, name, options_.timeout_ms));
      partition->end = range.end;
    }
    added.push_back(std::move(partition));
  }
  {
    std::lock_guard lock(mutex_);
    for (const KafkaPartitionPtr& partition : added) {
      partition->lane = next_lane_++ % static_cast<int>(queues_.size());
      restored_.next[partition->name] = partition->next;
      partitions_.push_back(partition);
    }
  }
  generation_.fetch_add(1, std::memory_order_release);
  for (const KafkaPartitionPtr& partition : added) {
    if (partition->end >= 0 && partition->next >= partition->end) continue;  // there is nothing to be fetched
    // Before it is assigned, so that no record of it comes into the queue of all.
    rd_kafka_queue_t* own =
        api().queue_get_partition(client_->handle(), partition->name.topic.c_str(), partition->name.partition);
    if (!own) return Status::IOError(partition->name.ToString(), ": no queue");
    api().queue_forward(own, queues_[partition->lane]);
    api().queue_destroy(own);
    list.Add(partition->name, partition->next);
  }
  return client_->TakeError(api().incremental_assign(client_->handle(), list.get()), "reading partitions");
}

std::string KafkaConsumer::Position() const {
  std::lock_guard lock(mutex_);
  KafkaPosition position = restored_;
  for (const KafkaPartitionPtr& partition : partitions_) position.next[partition->name] = partition->next;
  return position.ToText();
}

Status KafkaConsumer::Committed(const std::string& text) {
  WEIR_ASSIGN_OR_RETURN(const KafkaPosition position, KafkaPosition::FromText(text));
  {
    std::lock_guard lock(mutex_);
    for (const KafkaPartitionPtr& partition : partitions_) {
      auto at = position.next.find(partition->name);
      if (at == position.next.end()) continue;
      partition->committed = std::max(partition->committed, at->second);
      uncommitted_[partition->name] = partition->committed;
    }
  }
  if (!options_.group.empty() && options_.bounded) CommitToGroup(true);
  return Status::OK();
}

void KafkaConsumer::CommitToGroup(bool wait) {
  KafkaPartitionList list(api());
  {
    std::lock_guard lock(mutex_);
    for (const auto& [name, next] : uncommitted_) list.Add(name, next);
    uncommitted_.clear();
  }
  // For people, and for members that take a partition over. What fails here the next one makes good.
  if (list.size() > 0) (void)api().commit(client_->handle(), list.get(), wait ? 0 : 1);
}

std::vector<KafkaPartitionPtr> KafkaConsumer::PartitionsOf(int lane) const {
  std::lock_guard lock(mutex_);
  std::vector<KafkaPartitionPtr> mine;
  for (const KafkaPartitionPtr& partition : partitions_) {
    if (partition->lane == lane) mine.push_back(partition);
  }
  return mine;
}

Status KafkaConsumer::failure() const {
  if (!failed_.load(std::memory_order_acquire)) return Status::OK();
  std::lock_guard lock(mutex_);
  return failure_;
}

void KafkaConsumer::Fail(Status status) {
  std::lock_guard lock(mutex_);
  if (!failed_) failure_ = std::move(status);
  failed_.store(true, std::memory_order_release);
}

Status KafkaConsumer::SkipGap(KafkaPartition& partition) {
  WEIR_ASSIGN_OR_RETURN(const KafkaRange range, RangeOf(*client_, partition.name, options_.timeout_ms));
  const std::string what = partition.name.ToString() + ": record " + std::to_string(partition.next) +
                           " is to be read next, but there are only those from " + std::to_string(range.begin) +
                           " to " + std::to_string(range.end) +
                           ": the topic keeps records too short a time, or was made anew";
  if (!options_.allow_gaps) return Status::Invalid(what, "; `allow_gaps: true` goes on with the oldest that is there");
  say_(what + "; going on with " + std::to_string(range.begin));
  partition.next = range.begin;
  KafkaPartitionList list(api());
  list.Add(partition.name, range.begin);
  WEIR_RETURN_NOT_OK(client_->TakeError(api().incremental_unassign(client_->handle(), list.get()), "after a gap"));
  return client_->TakeError(api().incremental_assign(client_->handle(), list.get()), "after a gap");
}

// ---- the thread ----

void KafkaConsumer::Work() {
  rd_kafka_queue_t* queue = api().queue_get_consumer(client_->handle());
  int64_t look_us = Env::Real().SteadyTimeNs() / 1000 + options_.discover_us;
  while (!stopping_) {
    if (rd_kafka_event_t* event = api().queue_poll(queue, kLookMs)) {
      OnEvent(event);
      api().event_destroy(event);
    }
    Release();
    const int64_t now_us = Env::Real().SteadyTimeNs() / 1000;
    if (!options_.group.empty() || options_.bounded || now_us < look_us) continue;
    look_us = now_us + options_.discover_us;
    Discover();
  }
  if (is_member()) {
    if (!failed_) CommitToGroup(true);
    (void)api().consumer_close(client_->handle());
  }
  api().queue_destroy(queue);
}

void KafkaConsumer::OnEvent(rd_kafka_event_t* event) {
  if (api().event_type(event) == RD_KAFKA_EVENT_REBALANCE) return OnRebalance(event);
  if (api().event_type(event) == RD_KAFKA_EVENT_STATS) {
    // A commit that meets a rebalance under way comes to the broker behind the request to join, with a generation that
    // is over; librdkafka then gives all partitions up. So the group is told only at moments when it is at rest.
    const std::string_view statistics = api().event_stats(event);
    if (statistics.find("\"join_state\":\"steady\"") != std::string_view::npos) CommitToGroup(false);
    return;
  }
  const rd_kafka_resp_err_t code = api().event_error(event);
  if (!code || code == RD_KAFKA_RESP_ERR__NO_OFFSET || api().event_type(event) == RD_KAFKA_EVENT_OFFSET_COMMIT) return;
  const std::string text = api().event_error_string(event) ? api().event_error_string(event) : "";
  client_->NoteProblem(text);
  const Status status = client_->Error(code, "reading from Kafka");
  const bool is_fatal = api().event_type(event) == RD_KAFKA_EVENT_ERROR && api().event_error_is_fatal(event);
  // Brokers that are away, or do not know a topic for the moment, are waited for.
  const bool may_pass = code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && options_.are_globs;
  if (is_fatal || (status.IsInvalid() && !may_pass)) Fail(Status::Invalid(status.message(), " (", text, ")"));
}

void KafkaConsumer::OnRebalance(rd_kafka_event_t* event) {
  const rd_kafka_topic_partition_list_t* list = api().event_topic_partition_list(event);
  std::vector<KafkaPartitionName> names;
  for (int i = 0; i < list->cnt; ++i) names.push_back({list->elems[i].topic, list->elems[i].partition});
  if (api().event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    if (const Status status = Assign(names, true); !status.ok()) Fail(status);
    return;
  }
  const bool is_lost = api().assignment_lost(client_->handle()) != 0;
  {
    std::lock_guard lock(mutex_);
    for (const KafkaPartitionPtr& partition : partitions_) {
      if (std::find(names.begin(), names.end(), partition->name) == names.end()) continue;
      partition->revoked = true;
      if (is_lost && durable_ && partition->next != partition->committed && !failed_) {
        failure_ = Status::IOError(partition->name.ToString(), ": the group '", options_.group,
                                   "' has given it to another member before what was read of it was committed; start "
                                   "again to go on");
        failed_ = true;
      }
      if (is_lost) partition->stopped = true;
    }
    revoking_ = std::move(names);
    is_revoking_ = true;
  }
  generation_.fetch_add(1, std::memory_order_release);
  Release();
}

bool KafkaConsumer::CanRelease(const KafkaPartition& partition) const {
  return partition.stopped && (!durable_ || partition.next <= partition.committed || failed_);
}

void KafkaConsumer::Release() {
  KafkaPartitionList list(api());
  {
    std::lock_guard lock(mutex_);
    if (!is_revoking_) return;
    const auto is_revoked = [&](const KafkaPartitionPtr& partition) {
      return std::find(revoking_.begin(), revoking_.end(), partition->name) != revoking_.end();
    };
    for (const KafkaPartitionPtr& partition : partitions_) {
      if (is_revoked(partition) && !CanRelease(*partition)) return;
    }
    for (const KafkaPartitionPtr& partition : partitions_) {
      if (!is_revoked(partition)) continue;
      restored_.next[partition->name] = partition->next;
      list.Add(partition->name, partition->next);
      uncommitted_.erase(partition->name);
    }
    std::erase_if(partitions_, is_revoked);
    is_revoking_ = false;
  }
  // Who gets them reads on here. A durable run has committed what it gave; another hopes to bring it to its end.
  if (!failed_ && list.size() > 0) (void)api().commit(client_->handle(), list.get(), 0);
  generation_.fetch_add(1, std::memory_order_release);
  const Status status =
      client_->TakeError(api().incremental_unassign(client_->handle(), list.get()), "giving partitions back");
  if (!status.ok()) Fail(status);
}

void KafkaConsumer::Discover() {
  auto names = ListPartitions(*client_, options_.topics, options_.are_globs, options_.timeout_ms);
  if (!names.ok()) return;  // the next look may know more
  {
    std::lock_guard lock(mutex_);
    std::erase_if(*names, [&](const KafkaPartitionName& name) {
      return std::any_of(partitions_.begin(), partitions_.end(), [&](const auto& p) { return p->name == name; });
    });
  }
  if (names->empty()) return;
  if (const Status status = Assign(*names, false); !status.ok() && !status.IsIOError()) Fail(status);
}

}  // namespace weir
