// A delivery is produced, flushed and, in a transaction, committed. What a broker refuses for good is found by sending
// the suspects one by one: brokers refuse whole batches of records.
#include "connectors/kafka/kafka_target.h"

#include <cstdio>
#include <cstring>
#include <map>
#include <set>

#include "connectors/kafka/kafka_position.h"
#include "connectors/kafka/kafka_records.h"
#include "env/env.h"

namespace weir {
namespace {

constexpr int kWaitMs = 500;
constexpr int kAbortMs = 5000;
constexpr int kTopicTries = 10, kTopicPauseMs = 200;

/// Rows are known to delivery reports by (batch, row).
using RowPlace = std::pair<uint32_t, uint32_t>;
void* ToOpaque(RowPlace place) {
  return reinterpret_cast<void*>((static_cast<uintptr_t>(place.first) << 32) + place.second + 1);
}
RowPlace FromOpaque(const void* opaque) {
  const uintptr_t value = reinterpret_cast<uintptr_t>(opaque) - 1;
  return {static_cast<uint32_t>(value >> 32), static_cast<uint32_t>(value)};
}

/// The record itself is why it is not taken.
bool IsRefusal(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || error == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
         error == RD_KAFKA_RESP_ERR_INVALID_MSG || error == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE ||
         error == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP;
}

class KafkaTarget final : public Target {
 public:
  explicit KafkaTarget(KafkaTargetOptions options) : options_(std::move(options)), records_(options_) {}
  ~KafkaTarget() override { Close(); }

  Status Open(const OperatorContext& context, const std::string& writer_id) override {
    writer_id_ = options_.exactly_once ? writer_id : "";
    cancelled_ = context.cancelled;
    char name[20];
    std::snprintf(name, sizeof name, "%016llx", static_cast<unsigned long long>(context.env->RandomSeed()));
    run_ = name;
    return Reopen();
  }
  Result<int64_t> LastDelivered() override;
  Status Deliver(const Delivery& delivery, std::vector<RefusedRows>* refused) override;
  Status Reopen() override;
  bool transactional() const override { return options_.exactly_once; }

 private:
  struct Attempt {
    const Delivery& delivery;
    std::set<RowPlace> suspects;              // sent one by one
    std::map<RowPlace, std::string> refused;  // known, and why
    bool only_suspects = false;               // the others have arrived
  };

  static void OnReport(rd_kafka_t*, const rd_kafka_message_t* message, void* client) {
    auto* self = static_cast<KafkaTarget*>(static_cast<KafkaClient*>(client)->owner());
    if (message->err) self->failed_.emplace_back(FromOpaque(message->_private), message->err);
  }
  const KafkaLibrary& api() const { return client_->api(); }
  bool in_transactions() const { return !writer_id_.empty(); }
  bool cancelled() const { return cancelled_ && cancelled_->load(std::memory_order_relaxed); }
  void Close();
  Status WaitForTopic();
  /// OK, or why the attempt failed; *again: with what was learnt it may go better at once.
  Status Try(Attempt* attempt, bool* again);
  Status ProduceBatch(uint32_t number, const Batch& batch, Attempt* attempt);
  Status Produce(RowPlace place, Attempt* attempt);
  Status Flush();
  /// Takes what reports say: OK where all went well, else why not; rows that were refused become suspects, and suspects
  /// refused.
  Status Learn(Attempt* attempt, bool* again);
  Status CommitTransaction(const Delivery& delivery);
  Status TakeTransactionError(rd_kafka_error_t* error, const std::string& what);
  Result<rd_kafka_topic_t*> TopicOf(int64_t row);

  const KafkaTargetOptions options_;
  std::string writer_id_;
  std::string run_;          // names this run among those that have the same writer_id
  int64_t first_last_ = -1;  // the last delivery of the runs before this one
  const std::atomic<bool>* cancelled_ = nullptr;
  std::unique_ptr<KafkaClient> client_;
  std::map<std::string, rd_kafka_topic_t*, std::less<>> topics_;
  KafkaRecords records_;
  std::vector<rd_kafka_vu_t> parts_;                              // of the record that is produced
  std::vector<std::pair<RowPlace, rd_kafka_resp_err_t>> failed_;  // by reports since the last Learn
  bool in_transaction_ = false;
};

void KafkaTarget::Close() {
  if (!client_) return;
  // A transaction that is left open would hold up its readers until it times out.
  if (in_transaction_) {
    if (rd_kafka_error_t* error = api().abort_transaction(client_->handle(), kAbortMs)) api().error_destroy(error);
  }
  in_transaction_ = false;
  (void)api().purge(client_->handle(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  (void)api().poll(client_->handle(), 0);
  for (const auto& [name, topic] : topics_) api().topic_destroy(topic);
  topics_.clear();
  failed_.clear();
  client_.reset();
}

Status KafkaTarget::Reopen() {
  Close();
  KafkaClient::Options options;
  options.type = RD_KAFKA_PRODUCER;
  options.settings = options_.settings;
  const auto set = [&](const char* name, const std::string& value) { options.settings.emplace_back(name, value); };
  set("enable.idempotence", "true");
  set("delivery.report.only.error", "true");
  set("message.timeout.ms", std::to_string(in_transactions() ? options_.transaction_timeout_ms : options_.timeout_ms));
  if (in_transactions()) {
    set("transactional.id", writer_id_);
    set("transaction.timeout.ms", std::to_string(options_.transaction_timeout_ms));
  }
  options.report = &KafkaTarget::OnReport;
  options.owner = this;
  WEIR_ASSIGN_OR_RETURN(client_, KafkaClient::Make(options));
  WEIR_RETURN_NOT_OK(WaitForTopic());
  if (!in_transactions()) return Status::OK();
  return client_->TakeError(api().init_transactions(client_->handle(), options_.timeout_ms),
                            "transactions of '" + writer_id_ + "'");
}

Status KafkaTarget::WaitForTopic() {
  // Brokers that make topics when they are asked for them say at first that there is none.
  for (int tries = 0;; ++tries) {
    const Status status = ListPartitions(*client_, {options_.topic}, false, options_.timeout_ms).status();
    if (!status.IsInvalid() || tries == kTopicTries) return status;
    (void)api().poll(client_->handle(), kTopicPauseMs);
  }
}

Result<int64_t> KafkaTarget::LastDelivered() {
  if (!in_transactions()) return 0;
  // init_transactions has brought to its end what an earlier run left, so the number is the last one.
  KafkaClient::Options options;
  for (const auto& setting : options_.settings) {
    if (setting.first != "compression.codec" && setting.first != "linger.ms" && setting.first != "partitioner" &&
        setting.first != "acks" && !setting.first.starts_with("queue.buffering")) {
      options.settings.push_back(setting);
    }
  }
  options.settings.emplace_back("group.id", writer_id_);
  options.settings.emplace_back("isolation.level", "read_committed");
  options.settings.emplace_back("enable.auto.commit", "false");
  WEIR_ASSIGN_OR_RETURN(const auto reader, KafkaClient::Make(options));
  KafkaPartitionList list(api());
  list.Add({options_.topic, 0}, RD_KAFKA_OFFSET_INVALID);
  const auto error = api().committed(reader->handle(), list.get(), options_.timeout_ms);
  if (error || list.at(0).err) {
    return reader->Error(error ? error : list.at(0).err, "the last epoch of '" + writer_id_ + "'");
  }
  const auto& last = list.at(0);
  const int64_t number = std::max<int64_t>(last.offset, 0);
  const bool is_ours = std::string_view(static_cast<const char*>(last.metadata), last.metadata_size) == run_;
  if (first_last_ < 0) first_last_ = number;
  // A run that was fenced begins anew: brokers also fence who was away for too long. Only here it shows who is who.
  if (number != first_last_ && !is_ours) {
    return Status::Invalid("another run writes to Kafka with the same state ('", writer_id_, "'): only one may");
  }
  return number;
}

Result<rd_kafka_topic_t*> KafkaTarget::TopicOf(int64_t row) {
  const KafkaTexts& names = records_.topics();
  const std::string_view name = names.is_set() && !names.IsNull(row) ? names.At(row) : std::string_view(options_.topic);
  if (auto known = topics_.find(name); known != topics_.end()) return known->second;
  rd_kafka_topic_t* topic = api().topic_new(client_->handle(), std::string(name).c_str(), nullptr);
  if (!topic) return client_->Error(api().last_error(), "topic '" + std::string(name) + "'");
  topics_.emplace(name, topic);
  return topic;
}

Status KafkaTarget::Produce(RowPlace place, Attempt* attempt) {
  const auto row = static_cast<int64_t>(place.second);
  WEIR_ASSIGN_OR_RETURN(rd_kafka_topic_t* const topic, TopicOf(row));
  parts_.clear();
  const auto part = [&](rd_kafka_vtype_t type) -> rd_kafka_vu_t& {
    rd_kafka_vu_t& added = parts_.emplace_back();
    added.vtype = type;
    return added;
  };
  part(RD_KAFKA_VTYPE_RKT).u.rkt = topic;
  part(RD_KAFKA_VTYPE_MSGFLAGS).u.i = RD_KAFKA_MSG_F_COPY;
  part(RD_KAFKA_VTYPE_OPAQUE).u.ptr = ToOpaque(place);
  const auto bytes = [&](rd_kafka_vtype_t type, std::string_view text) {
    auto& mem = part(type).u.mem;
    mem.ptr = const_cast<char*>(text.data());
    mem.size = text.size();
  };
  if (records_.has_value(row)) bytes(RD_KAFKA_VTYPE_VALUE, records_.value(row));
  if (records_.keys().is_set() && !records_.keys().IsNull(row)) bytes(RD_KAFKA_VTYPE_KEY, records_.keys().At(row));
  const int64_t time_ms = options_.write_timestamps ? records_.time_ms(row) : -1;
  if (time_ms >= 0) part(RD_KAFKA_VTYPE_TIMESTAMP).u.i64 = time_ms;
  for (size_t i = 0; i < records_.headers().size(); ++i) {
    const KafkaTexts& values = records_.headers()[i];
    if (values.IsNull(row)) continue;
    auto& header = part(RD_KAFKA_VTYPE_HEADER).u.header;
    header.name = options_.headers[i].first.c_str();
    header.val = values.At(row).data();
    header.size = static_cast<ssize_t>(values.At(row).size());
  }
  for (;;) {
    rd_kafka_error_t* error = api().produceva(client_->handle(), parts_.data(), parts_.size());
    if (!error) return Status::OK();
    const rd_kafka_resp_err_t code = api().error_code(error);
    if (IsRefusal(code)) attempt->refused[place] = api().error_string(error);
    const Status status = client_->TakeError(error, "a record for '" + options_.topic + "'");
    if (IsRefusal(code)) return Status::OK();
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) return status;
    if (cancelled()) return Status::Cancelled("the run was cancelled");
    (void)api().poll(client_->handle(), 20);
  }
}

Status KafkaTarget::ProduceBatch(uint32_t number, const Batch& batch, Attempt* attempt) {
  std::vector<RowError> errors;
  WEIR_RETURN_NOT_OK(records_.Make(batch, &errors));
  for (const RowError& error : errors) attempt->refused[{number, static_cast<uint32_t>(error.row)}] = error.message;
  const bool has_special = !attempt->suspects.empty() || !attempt->refused.empty();
  for (int64_t row = 0; row < records_.count(); ++row) {
    const RowPlace place = {number, static_cast<uint32_t>(row)};
    if (has_special && attempt->refused.contains(place)) continue;
    const bool is_suspect = has_special && attempt->suspects.contains(place);
    if (attempt->only_suspects && !is_suspect) continue;
    if (is_suspect) WEIR_RETURN_NOT_OK(Flush());
    WEIR_RETURN_NOT_OK(Produce(place, attempt));
    if (is_suspect) WEIR_RETURN_NOT_OK(Flush());
  }
  (void)api().poll(client_->handle(), 0);
  return Status::OK();
}

Status KafkaTarget::Flush() {
  while (api().flush(client_->handle(), kWaitMs) == RD_KAFKA_RESP_ERR__TIMED_OUT) {
    if (cancelled()) return Status::Cancelled("the run was cancelled");
  }
  return Status::OK();
}

Status KafkaTarget::Learn(Attempt* attempt, bool* again) {
  Status status;
  for (const auto& [place, error] : failed_) {
    if (!IsRefusal(error)) {
      if (status.ok()) status = client_->Error(error, "writing to Kafka");
      continue;
    }
    *again = true;
    if (!attempt->suspects.insert(place).second) attempt->refused[place] = api().err2str(error);
  }
  failed_.clear();
  return status;
}

Status KafkaTarget::TakeTransactionError(rd_kafka_error_t* error, const std::string& what) {
  const bool must_abort = api().error_txn_requires_abort(error) != 0;
  const Status status = client_->TakeError(error, what);
  return must_abort && status.IsInvalid() ? Status::IOError(status.message()) : status;
}

Status KafkaTarget::CommitTransaction(const Delivery& delivery) {
  KafkaPartitionList offsets(api());
  // librdkafka copies the metadata when it sends, and frees what stands in the list.
  auto* entry = offsets.Add({options_.topic, 0}, delivery.number);
  entry->metadata = ::strdup(run_.c_str());
  entry->metadata_size = run_.size();
  rd_kafka_consumer_group_metadata_t* group = api().consumer_group_metadata_new(writer_id_.c_str());
  rd_kafka_error_t* error =
      api().send_offsets_to_transaction(client_->handle(), offsets.get(), group, options_.timeout_ms);
  api().consumer_group_metadata_destroy(group);
  if (error) return TakeTransactionError(error, "the number of the epoch");
  for (;;) {
    error = api().commit_transaction(client_->handle(), kWaitMs * 20);
    if (!error) break;
    // Until an answer comes nobody knows whether it is committed; asking again is what the protocol wants.
    if (!api().error_is_retriable(error)) return TakeTransactionError(error, "committing a transaction");
    api().error_destroy(error);
    if (cancelled()) return Status::Cancelled("the run was cancelled");
  }
  in_transaction_ = false;
  return Status::OK();
}

Status KafkaTarget::Try(Attempt* attempt, bool* again) {
  if (in_transactions()) {
    WEIR_RETURN_NOT_OK(client_->TakeError(api().begin_transaction(client_->handle()), "beginning a transaction"));
    in_transaction_ = true;
  }
  Status status;
  for (size_t i = 0; i < attempt->delivery.rows.size() && status.ok(); ++i) {
    status = ProduceBatch(static_cast<uint32_t>(i), attempt->delivery.rows[i], attempt);
  }
  if (status.ok()) status = Flush();
  const Status learnt = Learn(attempt, again);
  return status.ok() ? learnt : status;
}

Status KafkaTarget::Deliver(const Delivery& delivery, std::vector<RefusedRows>* refused) {
  Attempt attempt{delivery, {}, {}};
  for (;;) {
    bool again = false;
    const Status status = Try(&attempt, &again);
    if (!again && !status.ok()) return status;
    if (!again || attempt.only_suspects) break;
    attempt.only_suspects = !in_transactions();
    if (!in_transaction_) continue;
    WEIR_RETURN_NOT_OK(client_->TakeError(api().abort_transaction(client_->handle(), options_.timeout_ms),
                                          "taking a transaction back"));
    in_transaction_ = false;
  }
  for (const auto& [place, why] : attempt.refused) {
    if (refused->empty() || refused->back().batch != place.first) refused->push_back({place.first, {}});
    refused->back().errors.push_back({static_cast<int64_t>(place.second), why});
  }
  if (!in_transactions()) return Status::OK();
  if (delivery.before_commit) WEIR_RETURN_NOT_OK(delivery.before_commit(*refused));
  return CommitTransaction(delivery);
}

}  // namespace

std::unique_ptr<Target> MakeKafkaTarget(KafkaTargetOptions options) {
  return std::make_unique<KafkaTarget>(std::move(options));
}

}  // namespace weir
