// A reader takes what its queue has, sorts it by partition, parses it as one batch and gives a slice per partition.
#include "connectors/kafka/kafka_source.h"

#include <algorithm>
#include <mutex>

#include "engine/run_facts.h"
#include "env/env.h"

namespace weir {
namespace {

/// Tells people, by the messages of the run, what happened to the step.
std::function<void(const std::string&)> SayTo(const OperatorContext& context) {
  if (context.run == nullptr) return [](const std::string&) {};
  return [run = context.run, name = context.step](const std::string& text) {
    const auto& steps = run->plan().steps;
    const auto at = std::find_if(steps.begin(), steps.end(), [&](const auto& step) { return step.name == name; });
    if (at == steps.end()) return;
    run->messages().Add(static_cast<int>(at - steps.begin()), MessageLevel::kWarning, text, Env::Real().WallTime());
  };
}

class KafkaSource final : public Source {
 public:
  explicit KafkaSource(KafkaSourceOptions options) : options_(std::move(options)) {}

  Status Open(OperatorContext& context) override {
    consumer_ = std::make_shared<KafkaConsumer>(options_.consumer, context.durable, SayTo(context));
    seed_ = context.env->RandomSeed();
    return Status::OK();
  }
  Status Restore(const std::string& position) override { return consumer_->Restore(position); }
  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override;
  Result<std::string> Position() override { return consumer_->Position(); }
  Status Committed(const std::string& position) override { return consumer_->Committed(position); }

 private:
  class Reader;
  const KafkaSourceOptions options_;
  std::shared_ptr<KafkaConsumer> consumer_;  // readers may outlive the source
  uint64_t seed_ = 0;
  std::mutex mutex_;
  bool begun_ = false;
};

class KafkaSource::Reader final : public SourceReader {
 public:
  Reader(const KafkaSource& source, const OperatorContext& lane, std::unique_ptr<KafkaRowParser> parser)
      : shared_(source.consumer_),
        consumer_(*shared_),
        lane_(lane.lane),
        wake_(lane.wake),
        parser_(std::move(parser)),
        tracker_(source.options_.event_time),
        records_(static_cast<size_t>(std::max<int64_t>(lane.batch_rows, 1))) {
    if (wake_) consumer_.api().queue_cb_event_enable(consumer_.queue(lane_), &Reader::Wake, this);
  }
  ~Reader() override {
    if (wake_) consumer_.api().queue_cb_event_enable(consumer_.queue(lane_), nullptr, nullptr);
  }

  Result<PollResult> Poll(Emitter& out) override {
    WEIR_RETURN_NOT_OK(consumer_.failure());
    tracker_.OnPoll(out);
    if (consumer_.generation() != generation_) LookAgain();
    if (consumer_.is_bounded() && open_ == 0) return PollResult::kExhausted;
    const ssize_t count =
        consumer_.api().consume_batch_queue(consumer_.queue(lane_), 0, records_.data(), records_.size());
    if (count <= 0) return PollResult::kIdle;
    const Status status = Take(static_cast<size_t>(count), out);
    for (ssize_t i = 0; i < count; ++i) consumer_.api().message_destroy(records_[i]);
    WEIR_RETURN_NOT_OK(status);
    return PollResult::kProduced;
  }
  EventTime watermark() const override { return tracker_.watermark(); }
  bool idle() const override { return tracker_.idle(); }

 private:
  /// A partition of this lane and its records of the poll at hand.
  struct Split {
    KafkaPartitionPtr partition;
    rd_kafka_topic_t* topic = nullptr;  // as its records name it; null before the first
    int number = -1;                    // of the tracker
    bool is_over = false;               // bounded: read to its end
    std::vector<rd_kafka_message_t*> records;
  };

  static void Wake(rd_kafka_t*, void* reader) { static_cast<Reader*>(reader)->wake_(); }

  /// Takes up partitions that came, and lets go of those that the group takes away.
  void LookAgain() {
    generation_ = consumer_.generation();
    const std::vector<KafkaPartitionPtr> mine = consumer_.PartitionsOf(lane_);
    for (size_t i = 0; i < splits_.size();) {
      Split& split = *splits_[i];
      const bool is_mine = std::find(mine.begin(), mine.end(), split.partition) != mine.end();
      if (is_mine && !split.partition->revoked) {
        ++i;
        continue;
      }
      split.partition->stopped = true;
      if (!split.is_over) Close(split);
      splits_.erase(splits_.begin() + static_cast<ptrdiff_t>(i));
    }
    for (const KafkaPartitionPtr& partition : mine) {
      if (partition->revoked) {
        partition->stopped = true;
        continue;
      }
      if (std::any_of(splits_.begin(), splits_.end(), [&](const auto& s) { return s->partition == partition; }))
        continue;
      auto split = std::make_unique<Split>();
      split->partition = partition;
      split->number = tracker_.Add();
      ++open_;
      if (partition->end >= 0 && partition->next >= partition->end) Close(*split);
      splits_.push_back(std::move(split));
    }
    last_ = nullptr;
  }

  void Close(Split& split) {
    split.is_over = true;
    tracker_.End(split.number);
    --open_;
  }

  /// The split of a record; null where the partition is not ours any more.
  Split* SplitOf(const rd_kafka_message_t& record) {
    if (last_ && last_->topic == record.rkt && last_->partition->name.partition == record.partition) return last_;
    for (const auto& split : splits_) {
      if (split->partition->name.partition != record.partition) continue;
      if (!split->topic && split->partition->name.topic == consumer_.api().topic_name(record.rkt)) {
        split->topic = record.rkt;
      }
      if (split->topic == record.rkt) return last_ = split.get();
    }
    return nullptr;
  }

  Status OnError(const rd_kafka_message_t& record) {
    Split* split = SplitOf(record);
    if (!split) return Status::OK();
    if (record.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      if (split->partition->end >= 0 && record.offset >= split->partition->end) ended_.push_back(split);
      return Status::OK();
    }
    if (record.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) return consumer_.SkipGap(*split->partition);
    const Status status = consumer_.client().Error(record.err, split->partition->name.ToString());
    consumer_.client().NoteProblem(status.message());
    return status.IsIOError() ? Status::OK() : status;  // librdkafka tries again by itself
  }

  Status Take(size_t count, Emitter& out) {
    ended_.clear();
    for (size_t i = 0; i < count; ++i) {
      rd_kafka_message_t* record = records_[i];
      if (record->err) {
        WEIR_RETURN_NOT_OK(OnError(*record));
        continue;
      }
      Split* split = SplitOf(*record);
      if (!split || split->is_over || split->partition->revoked) continue;
      if (split->partition->end >= 0 && record->offset >= split->partition->end) continue;
      if (record->offset < split->partition->next) continue;  // fetched before the reading was moved on
      if (split->records.empty()) touched_.push_back(split);
      split->records.push_back(record);
    }
    const Status status = Give(out);
    for (Split* split : touched_) split->records.clear();
    touched_.clear();
    for (Split* split : ended_) {
      if (!split->is_over) Close(*split);
    }
    return status;
  }

  Status Give(Emitter& out) {
    if (touched_.empty()) return Status::OK();
    taken_.clear();
    for (const Split* split : touched_) taken_.insert(taken_.end(), split->records.begin(), split->records.end());
    std::vector<RawError> errors;
    WEIR_ASSIGN_OR_RETURN(const Batch rows, parser_->Parse(&taken_, out.processing_time_us(), &errors));
    if (!errors.empty()) WEIR_RETURN_NOT_OK(out.RejectRaw(errors));
    int64_t at = 0;
    for (Split* split : touched_) {
      const rd_kafka_message_t& last = *split->records.back();
      const int64_t begin = at;
      while (at < rows.num_rows() && taken_[at]->rkt == last.rkt && taken_[at]->partition == last.partition) ++at;
      const bool is_all = begin == 0 && at == rows.num_rows();
      if (at > begin)
        WEIR_RETURN_NOT_OK(tracker_.Emit(split->number, is_all ? rows : rows.Slice(begin, at - begin), out));
      split->partition->next = last.offset + 1;
      if (split->partition->end >= 0 && last.offset + 1 >= split->partition->end) Close(*split);
    }
    return Status::OK();
  }

  const std::shared_ptr<KafkaConsumer> shared_;
  KafkaConsumer& consumer_;
  const int lane_;
  const std::function<void()> wake_;
  std::unique_ptr<KafkaRowParser> parser_;
  EventTimeTracker tracker_;
  std::vector<rd_kafka_message_t*> records_, taken_;
  std::vector<std::unique_ptr<Split>> splits_;
  std::vector<Split*> touched_, ended_;
  Split* last_ = nullptr;
  int open_ = 0;  // splits that are not over
  int64_t generation_ = -1;
};

Result<std::unique_ptr<SourceReader>> KafkaSource::OpenReader(const OperatorContext& lane) {
  {
    std::lock_guard lock(mutex_);
    if (!begun_) WEIR_RETURN_NOT_OK(consumer_->Begin(lane.lanes, seed_));
    begun_ = true;
  }
  WEIR_ASSIGN_OR_RETURN(auto parser, KafkaRowParser::Make(options_.format, options_.needed));
  return std::make_unique<Reader>(*this, lane, std::move(parser));
}

}  // namespace

std::shared_ptr<Source> MakeKafkaSource(KafkaSourceOptions options) {
  return std::make_shared<KafkaSource>(std::move(options));
}

}  // namespace weir
