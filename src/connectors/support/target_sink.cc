// The sink and its writers; how rows go out is up to the desk (delivery_desk.h).
#include "connectors/support/target_sink.h"

#include <atomic>

#include "connectors/support/delivery_desk.h"
#include "env/env.h"

namespace weir {
namespace {

/// How soon a writer that gets no rows hears that others were refused, or that the target is gone for good.
constexpr int64_t kLookEveryUs = 100'000;

class TargetSink final : public Sink {
 public:
  TargetSink(TargetSinkOptions options, std::unique_ptr<Target> target)
      : options_(std::move(options)), courier_(std::move(target), options_.retry, options_.rows_per_s) {}
  ~TargetSink() override { courier_.Stop(); }

  Status Open(OperatorContext& context) override {
    // A durable run of one epoch has a name too: nothing of it may be seen before it is committed.
    const bool by_epochs = context.durable || !context.durable_id.empty();
    WEIR_RETURN_NOT_OK(courier_.Open(context, by_epochs ? context.durable_id : ""));
    if (by_epochs) {
      WEIR_ASSIGN_OR_RETURN(desk_, MakeOutboxDelivery(options_, &courier_, context));
    } else {
      WEIR_ASSIGN_OR_RETURN(desk_, MakeQueuedDelivery(options_, &courier_));
    }
    return Status::OK();
  }
  Result<std::unique_ptr<SinkWriter>> OpenWriter(const OperatorContext& lane) override {
    ++open_writers_;
    return std::make_unique<Writer>(this, lane.env != nullptr ? lane.env : &Env::Real());
  }
  Status Recover(int64_t epoch, const std::string& token) override { return desk_->Recover(epoch, token); }
  Result<std::string> Prepare(int64_t epoch) override { return desk_->Prepare(epoch); }
  Status Commit(const std::string& token) override { return desk_->Commit(token); }
  Status Abort(int64_t epoch) override {
    courier_.Stop();
    return desk_ != nullptr ? desk_->Abort(epoch) : Status::OK();
  }

 private:
  class Writer final : public SinkWriter {
   public:
    Writer(TargetSink* sink, Env* env) : sink_(sink), env_(env) {}
    Status Write(Batch batch) override {
      if (batch.num_rows() == 0) return Status::OK();
      if (look_at_us_ == kMaxEventTime) look_at_us_ = env_->WallTime() + kLookEveryUs;
      return sink_->desk_->Write(batch.Compact());
    }
    Status Finish() override {
      look_at_us_ = kMaxEventTime;
      return --sink_->open_writers_ == 0 ? sink_->desk_->Finish() : Status::OK();
    }
    bool full() const override { return sink_->desk_->full(); }
    std::vector<RejectedRows> TakeRejected() override { return sink_->desk_->TakeRejected(); }
    int64_t next_timer_us() const override { return look_at_us_; }
    Status OnProcessingTime(int64_t now_us) override {
      look_at_us_ = sink_->desk_->busy() ? now_us + kLookEveryUs : kMaxEventTime;
      return sink_->desk_->status();
    }

   private:
    TargetSink* const sink_;
    Env* const env_;
    int64_t look_at_us_ = kMaxEventTime;
  };

  const TargetSinkOptions options_;
  Courier courier_;
  std::atomic<int> open_writers_{0};
  std::unique_ptr<DeliveryDesk> desk_;  // last: it uses the rest
};

}  // namespace

std::vector<RejectedRows> ToRejected(const std::vector<Batch>& rows, std::vector<RefusedRows> refused) {
  std::vector<RejectedRows> rejected;
  for (RefusedRows& of_batch : refused) rejected.push_back({rows[of_batch.batch], std::move(of_batch.errors)});
  return rejected;
}

TargetSinkOptions DeliveryOptions(const DeliveryConfig& config, const BatchConfig& batch, SchemaPtr schema) {
  TargetSinkOptions options;
  options.batch = config.batch.value_or(batch);
  options.retry = config.retry.value_or(RetryConfig{});
  options.rows_per_s = config.rate_limit.value_or(0);
  options.max_outbox_bytes = config.outbox.bytes;
  options.schema = std::move(schema);
  return options;
}

std::shared_ptr<Sink> MakeTargetSink(TargetSinkOptions options, std::unique_ptr<Target> target) {
  return std::make_shared<TargetSink>(std::move(options), std::move(target));
}

void BindTargetSink(TargetSinkOptions options, MakeTarget make, bool transactional, std::string why_not_once,
                    StepBinding* binding) {
  binding->sink_epochs = transactional ? SinkEpochs::kExactlyOnce : SinkEpochs::kAtLeastOnce;
  binding->sink_guarantee = std::move(why_not_once);
  binding->sink = [options = std::move(options), make = std::move(make)]() -> Result<std::shared_ptr<Sink>> {
    WEIR_ASSIGN_OR_RETURN(auto target, make());
    return MakeTargetSink(options, std::move(target));
  };
}

}  // namespace weir
