// Instance: one operator, reader or writer in one lane, as the engine drives it.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/channel.h"
#include "engine/exchange.h"
#include "engine/operator.h"
#include "engine/stats.h"
#include "engine/tap.h"
#include "plan/physical.h"

namespace weir {

class TaskLane;
class Instance;
/// See RunOptions.
struct TaskOptions {
  int64_t split_rows = 0;      // sources emit at most so many rows at once; 0: as they come
  uint64_t shuffle_seed = 0;   // see RunOptions
  int slice_messages = 32;     // messages handled before the lane gives way
  bool count_bytes = false;    // see RunOptions
  bool durable = false;        // epochs are committed
  bool counts_epoch = false;   // by RunSignals::epoch_rows_left
  bool scripted_time = false;  // processing time comes from the sources' script, not from the clock
};

/// Where one output port of an instance leads: a fused instance, or an exchange into channels.
struct OutputEdge {
  Instance* fused = nullptr;
  int port = 0;
  std::unique_ptr<ExchangeWriter> exchange;
};

/// One operator, reader or writer in one lane, with its emitter, watermarks and end-of-input state.
class Instance final : public Emitter {
 public:
  Instance(TaskLane* lane, const PhysicalNode& node) : lane_(lane), node_(node), ports_(node.inputs.size()) {}

  // Set-up, by the run.
  void AddOutput(int port, OutputEdge edge);
  void SetChannelPort(int port, int producers) { ports_[port].producers.assign(producers, {}); }
  Status Open(OperatorContext context, const std::shared_ptr<Source>& source, const std::shared_ptr<Sink>& sink);

  // Input, from the lane or from a fused instance; where an earlier call yielded, the event waits its turn.
  Status Process(int port, Batch batch);
  /// Anything but a batch; `time` as in Message.
  Status Control(MessageKind kind, int port, int producer, int64_t time);
  bool Accepts(int port) const { return operator_ == nullptr || operator_->Accepts(port); }

  // Work that waits here.
  bool yielded() const { return yielded_; }
  Status ResumeOnce();
  Result<PollResult> Poll();
  /// True where the reader still has something to give before it ends.
  bool StartDrain();
  bool draining() const { return draining_; }
  Status EndSource();
  /// It has given as many rows as RunOptions::source_limit allows.
  bool limit_reached() const { return row_limit_ != nullptr && row_limit_->load(std::memory_order_relaxed) <= 0; }
  /// Rows that this source may still give, in all its lanes.
  void LimitRows(std::shared_ptr<std::atomic<int64_t>> rows) { row_limit_ = std::move(rows); }
  /// Fires the operator's timer if it is due and nothing waits here.
  Status RunTimer(int64_t now_us);
  int64_t next_timer_us() const;
  bool is_source() const { return reader_ != nullptr; }

  /// Nobody downstream needs anything more.
  bool OutputsDone() const;
  bool done() const { return done_ || ended_; }
  bool ended() const { return ended_; }
  /// An exchange that this instance feeds is full (and will wake the lane when there is room).
  bool OutputsFullOrNotify();
  bool SinkFull() const { return writer_ != nullptr && writer_->full(); }

  // Epochs, while no lane runs.
  bool CanPause() const { return reader_ == nullptr || ended_ || reader_->can_pause(); }
  /// Writers: what was written is the epoch's; with `last`, it is the end.
  Status EndEpoch(int64_t epoch, bool last);
  Status Snapshot(StateCells* cells);
  EventTime watermark() const { return watermark_; }
  /// An operator that has ended, in this run or in the one before it.
  bool keeps_nothing() const { return node_.role == NodeRole::kOperator && operator_ == nullptr; }
  /// An operator that had ended gives nothing any more. Else it goes on with its cells.
  Status Restore(const StateCells& cells, bool ended);
  /// The watermark of the earlier run. When every instance is restored.
  Status RestoreWatermark(EventTime watermark);

  // Emitter.
  Status Emit(int port, Batch batch) override;
  using Emitter::Emit;
  Status Reject(const Batch& input, const std::vector<RowError>& errors) override;
  Status RejectRaw(const std::vector<RawError>& errors) override;
  bool full() const override;
  void Yield() override;
  void Done() override;
  void CountSpill(int64_t bytes) override { stats_.spilled_bytes.Add(bytes); }
  void CountLate(int64_t rows) override { stats_.late_rows.Add(rows); }
  int64_t processing_time_us() const override;

  const PhysicalNode& node() const { return node_; }
  const InstanceStats& stats() const { return stats_; }
  /// Where people look at what this instance gives; never null while it runs.
  void SetTapPoint(TapPoint* point) { tap_point_ = point; }
  /// Reads the size of the operator's state into the statistics.
  void SampleState() { stats_.state_bytes.Set(operator_ != nullptr ? operator_->state_bytes() : 0); }

 private:
  struct Producer {
    EventTime watermark = kMinEventTime;
    int64_t time_us = kMinEventTime;
    bool idle = false;
    bool ended = false;
    bool drained = false;  // ended, but its watermark counts on
  };
  struct Port {
    std::vector<Producer> producers{Producer{}};
    EventTime watermark = kMinEventTime;
    bool idle = false;
    bool ended = false;
  };
  struct Event {
    MessageKind kind;
    int port, producer;
    int64_t time;
    Batch batch;
  };
  template <class F>
  Status Timed(F&& call);
  bool Busy() const { return yielded_ || !deferred_.empty(); }
  Status Handle(Event event);
  Status HandleBatch(int port, Batch batch);
  Status HandleWatermark(int port, int producer, EventTime watermark);
  Status HandleIdle(int port, int producer);
  Status HandleTime(int port, int producer, int64_t time_us);
  Status MergePort(Port* port);
  Status Forward(MessageKind kind, int64_t time);
  Status FireTimer(int64_t now_us);
  Status HandleEnd(int port, int producer, bool drained);
  Status RunDeferred();
  Status EmitAll(int port, Batch batch);
  Status RejectFromSink();
  Result<Batch> ErrorBatch(ArrayDataPtr elements, const std::vector<std::string>& messages) const;
  Status AdvanceWatermark();
  Status ForwardWatermark();
  Status FinishIfEnded();
  Status ForwardEnd();
  void SetWatermark(EventTime watermark);
  void Say(const std::string& message);

  TaskLane* const lane_;
  const PhysicalNode& node_;
  OperatorContext context_;
  std::unique_ptr<Operator> operator_;
  std::unique_ptr<SourceReader> reader_;
  std::unique_ptr<SinkWriter> writer_;
  std::vector<Port> ports_;
  std::vector<std::vector<OutputEdge>> outputs_;
  EventTime watermark_ = kMinEventTime;  // merged input
  EventTime forwarded_ = kMinEventTime;
  bool idle_ = false;                // forwarded that nothing comes for the time being
  int64_t time_us_ = kMinEventTime;  // of a script
  bool yielded_ = false;
  std::deque<Event> deferred_;
  bool finishing_ = false;  // Finish was called; the end is forwarded when nothing is pending
  bool ended_ = false;      // the end was forwarded
  bool done_ = false;
  bool draining_ = false;  // a source that takes nothing new
  bool drained_ = false;   // the end that was forwarded leaves the watermark where it is
  uint64_t shuffles_ = 0;  // batches put into another order
  std::shared_ptr<std::atomic<int64_t>> row_limit_;
  TapPoint* tap_point_ = nullptr;
  int64_t said_us_ = kMinEventTime;  // when it last sent a message about rejected rows
  InstanceStats stats_;
};

}  // namespace weir
