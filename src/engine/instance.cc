// One operator in one lane: hands events to it in the promised order, emits for it, merges watermarks and ends.
#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <x86intrin.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "batch/gather.h"
#include "engine/run_facts.h"
#include "engine/task.h"

namespace weir {
namespace {

/// Ticks spent in operators called from the one that is being timed on this thread.
thread_local uint64_t t_child_ticks = 0;

constexpr int64_t kMaxMessageBytes = 2000;

std::string Shortened(const std::string& text) {
  return text.size() <= kMaxMessageBytes ? text : text.substr(0, kMaxMessageBytes) + "…";
}

Result<Batch> Shuffled(const Batch& batch, uint64_t seed) {
  std::vector<int32_t> rows(static_cast<size_t>(batch.num_rows()));
  std::iota(rows.begin(), rows.end(), 0);
  std::mt19937_64 random(seed);
  std::shuffle(rows.begin(), rows.end(), random);
  return GatherBatch(batch, rows);
}

}  // namespace

template <class F>
Status Instance::Timed(F&& call) {
  const uint64_t outer = t_child_ticks;
  t_child_ticks = 0;
  const uint64_t start = __rdtsc();
  Status status = call();
  const uint64_t elapsed = __rdtsc() - start;
  stats_.busy_ticks.Add(static_cast<int64_t>(elapsed - std::min(elapsed, t_child_ticks)));
  t_child_ticks = outer + elapsed;
  return status;
}

void Instance::AddOutput(int port, OutputEdge edge) {
  if (static_cast<int>(outputs_.size()) <= port) outputs_.resize(port + 1);
  outputs_[port].push_back(std::move(edge));
}

Status Instance::Open(OperatorContext context, const std::shared_ptr<Source>& source,
                      const std::shared_ptr<Sink>& sink) {
  context_ = std::move(context);
  switch (node_.role) {
    case NodeRole::kSource: {
      WEIR_ASSIGN_OR_RETURN(reader_, source->OpenReader(context_));
      return Status::OK();
    }
    case NodeRole::kSink: {
      WEIR_ASSIGN_OR_RETURN(writer_, sink->OpenWriter(context_));
      return Status::OK();
    }
    case NodeRole::kOperator:
      break;
  }
  WEIR_ASSIGN_OR_RETURN(operator_, node_.make(context_));
  return operator_->Open(context_);
}

// ---- events
// -----------------------------------------------------------------------------------------------------------

Status Instance::Process(int port, Batch batch) {
  if (batch.num_rows() == 0) return Status::OK();
  return Handle({MessageKind::kBatch, port, 0, 0, std::move(batch)});
}

Status Instance::Control(MessageKind kind, int port, int producer, int64_t time) {
  return Handle({kind, port, producer, time, {}});
}

Status Instance::Handle(Event event) {
  if (Busy()) {
    deferred_.push_back(std::move(event));
    return Status::OK();
  }
  switch (event.kind) {
    case MessageKind::kBatch:
      return HandleBatch(event.port, std::move(event.batch));
    case MessageKind::kWatermark:
      return HandleWatermark(event.port, event.producer, event.time);
    case MessageKind::kIdle:
      return HandleIdle(event.port, event.producer);
    case MessageKind::kTime:
      return HandleTime(event.port, event.producer, event.time);
    case MessageKind::kEnd:
      return HandleEnd(event.port, event.producer, event.time != 0);
  }
  return Status::OK();
}

Status Instance::RunDeferred() {
  while (!yielded_ && !deferred_.empty()) {
    Event event = std::move(deferred_.front());
    deferred_.pop_front();
    std::deque<Event> rest;
    rest.swap(deferred_);  // Handle must not queue this event behind them
    WEIR_RETURN_NOT_OK(Handle(std::move(event)));
    for (Event& later : deferred_) rest.push_back(std::move(later));
    deferred_.swap(rest);
  }
  return Status::OK();
}

Status Instance::HandleBatch(int port, Batch batch) {
  if (done_) return Status::OK();
  stats_.rows_in.Add(batch.num_rows());
  stats_.batches_in.Add(1);
  if (lane_->options().count_bytes) stats_.bytes_in.Add(batch.size_bytes());
  if (writer_ != nullptr) {
    WEIR_RETURN_NOT_OK(Timed([&] { return writer_->Write(std::move(batch)); }));
    return RejectFromSink();
  }
  return Timed([&] { return operator_->Process(port, std::move(batch), *this); });
}

Status Instance::HandleWatermark(int port, int producer, EventTime watermark) {
  Producer& from = ports_[port].producers[producer];
  from.watermark = std::max(from.watermark, watermark);
  from.idle = false;
  return MergePort(&ports_[port]);
}

Status Instance::HandleIdle(int port, int producer) {
  ports_[port].producers[producer].idle = true;
  return MergePort(&ports_[port]);
}

// The watermark of a port is the least of those of its producers; idle ones do not count, and a port where all are idle
// stays where it is and does not count itself.
Status Instance::MergePort(Port* port) {
  EventTime merged = kMaxEventTime;
  bool idle = false, active = false;
  for (const Producer& p : port->producers) {
    if (p.ended && !p.drained) continue;
    (p.idle ? idle : active) = true;
    if (!p.idle) merged = std::min(merged, p.watermark);
  }
  port->idle = idle && !active;
  if (!port->idle) port->watermark = std::max(port->watermark, merged);
  return AdvanceWatermark();
}

Status Instance::AdvanceWatermark() {
  EventTime merged = kMaxEventTime;
  bool idle = false, active = false;
  for (const Port& port : ports_) {
    if (!port.ended) (port.idle ? idle : active) = true;
    if (!port.idle) merged = std::min(merged, port.watermark);
  }
  const bool all_idle = idle && !active;
  if (!all_idle && merged > watermark_) {
    SetWatermark(merged);
    if (operator_ != nullptr) WEIR_RETURN_NOT_OK(Timed([&] { return operator_->OnWatermark(merged, *this); }));
  }
  const bool changed = all_idle != idle_;
  idle_ = all_idle;
  if (changed && all_idle) return Forward(MessageKind::kIdle, 0);
  if (changed) WEIR_RETURN_NOT_OK(Forward(MessageKind::kWatermark, forwarded_));
  return yielded_ ? Status::OK() : ForwardWatermark();
}

void Instance::SetWatermark(EventTime watermark) {
  watermark_ = watermark;
  stats_.watermark.store(watermark, std::memory_order_relaxed);
}

Status Instance::ForwardWatermark() {
  EventTime out =
      reader_ != nullptr ? watermark_ : std::min(watermark_, operator_ ? operator_->watermark_hold() : watermark_);
  if (out <= forwarded_ || idle_) return Status::OK();
  // The end of all inputs comes with kEnd: what an operator gives when it finishes comes before the end of time.
  if (operator_ != nullptr && out == kMaxEventTime) return Status::OK();
  forwarded_ = out;
  return Forward(MessageKind::kWatermark, out);
}

Status Instance::Forward(MessageKind kind, int64_t time) {
  for (auto& edges : outputs_) {
    for (OutputEdge& edge : edges) {
      if (edge.fused != nullptr) {
        WEIR_RETURN_NOT_OK(edge.fused->Control(kind, edge.port, 0, time));
      } else {
        edge.exchange->SendControl(kind, time);
      }
    }
  }
  return Status::OK();
}

// ---- processing time
// --------------------------------------------------------------------------------------------------

Status Instance::HandleTime(int port, int producer, int64_t time_us) {
  ports_[port].producers[producer].time_us = time_us;
  int64_t merged = kMaxEventTime;
  for (const Port& p : ports_) {
    for (const Producer& from : p.producers) {
      if (!from.ended) merged = std::min(merged, from.time_us);
    }
  }
  if (merged == kMaxEventTime || merged <= time_us_) return Status::OK();
  time_us_ = merged;
  WEIR_RETURN_NOT_OK(FireTimer(merged));
  return Forward(MessageKind::kTime, merged);
}

Status Instance::FireTimer(int64_t now_us) {
  if (next_timer_us() > now_us) return Status::OK();
  if (writer_ != nullptr) {
    WEIR_RETURN_NOT_OK(Timed([&] { return writer_->OnProcessingTime(now_us); }));
    return RejectFromSink();
  }
  WEIR_RETURN_NOT_OK(Timed([&] { return operator_->OnProcessingTime(now_us, *this); }));
  return yielded_ ? Status::OK() : ForwardWatermark();
}

int64_t Instance::next_timer_us() const {
  if (finishing_) return kMaxEventTime;
  if (writer_ != nullptr) return writer_->next_timer_us();
  return operator_ != nullptr ? operator_->next_timer_us() : kMaxEventTime;
}

Status Instance::RunTimer(int64_t now_us) { return Busy() ? Status::OK() : FireTimer(now_us); }

int64_t Instance::processing_time_us() const {
  // A script's clock begins at 1970, also before its sources have said so.
  return lane_->options().scripted_time ? std::max<int64_t>(time_us_, 0) : lane_->now_us();
}

Status Instance::HandleEnd(int port, int producer, bool drained) {
  Port& to = ports_[port];
  to.producers[producer].ended = true;
  to.producers[producer].drained = drained;
  to.producers[producer].idle = false;
  drained_ = drained_ || drained;
  bool all = true, any_drained = false;
  for (const Producer& p : to.producers) {
    all = all && p.ended;
    any_drained = any_drained || p.drained;
  }
  to.ended = all;
  if (!all || any_drained) WEIR_RETURN_NOT_OK(MergePort(&to));
  if (!all) return Status::OK();
  to.idle = false;
  if (!any_drained) to.watermark = kMaxEventTime;
  WEIR_RETURN_NOT_OK(AdvanceWatermark());
  if (operator_ != nullptr) {
    // After a yield in OnWatermark the rest of the end waits, as a deferred event of its own would.
    if (yielded_) {
      deferred_.push_front({MessageKind::kEnd, port, producer, drained ? 1 : 0, {}});
      return Status::OK();
    }
    WEIR_RETURN_NOT_OK(Timed([&] { return operator_->OnPortEnd(port, *this); }));
  }
  return FinishIfEnded();
}

Status Instance::FinishIfEnded() {
  for (const Port& port : ports_) {
    if (!port.ended) return Status::OK();
  }
  if (yielded_) return Status::OK();  // ResumeOnce comes back here
  if (!finishing_) {
    finishing_ = true;
    if (writer_ != nullptr) {
      WEIR_RETURN_NOT_OK(Timed([&] { return writer_->Finish(); }));
      WEIR_RETURN_NOT_OK(RejectFromSink());
    }
    if (operator_ != nullptr) WEIR_RETURN_NOT_OK(Timed([&] { return operator_->Finish(*this); }));
  }
  return yielded_ ? Status::OK() : ForwardEnd();
}

Status Instance::ForwardEnd() {
  if (ended_) return Status::OK();
  ended_ = true;
  if (!drained_) SetWatermark(kMaxEventTime);
  stats_.state_bytes.Set(0);
  WEIR_RETURN_NOT_OK(Forward(MessageKind::kEnd, drained_ ? 1 : 0));
  // Nothing comes after the end: what the operator and its buffers hold is free for the others.
  operator_.reset();
  writer_.reset();
  stats_.ended.Set(1);
  return Status::OK();
}

// ---- pending work
// -----------------------------------------------------------------------------------------------------

void Instance::Yield() {
  if (reader_ != nullptr) return;  // a reader is polled again anyway
  if (!yielded_) lane_->CountPending(1);
  yielded_ = true;
}

void Instance::Done() {
  done_ = true;
  lane_->signals()->any_done.store(true, std::memory_order_relaxed);
}

Status Instance::ResumeOnce() {
  yielded_ = false;
  lane_->CountPending(-1);
  if (!done_) WEIR_RETURN_NOT_OK(Timed([&] { return operator_->Resume(*this); }));
  if (yielded_) return Status::OK();
  WEIR_RETURN_NOT_OK(ForwardWatermark());
  WEIR_RETURN_NOT_OK(RunDeferred());
  return Busy() ? Status::OK() : FinishIfEnded();
}

// ---- sources
// ----------------------------------------------------------------------------------------------------------

Result<PollResult> Instance::Poll() {
  PollResult result = PollResult::kProduced;
  WEIR_RETURN_NOT_OK(Timed([&]() -> Status {
    WEIR_ASSIGN_OR_RETURN(result, reader_->Poll(*this));
    return Status::OK();
  }));
  if (result == PollResult::kExhausted) return result;
  if (const auto time_us = reader_->processing_time_us(); time_us && *time_us > time_us_) {
    time_us_ = *time_us;
    WEIR_RETURN_NOT_OK(Forward(MessageKind::kTime, time_us_));
  }
  SetWatermark(std::max(watermark_, reader_->watermark()));
  const bool changed = reader_->idle() != idle_;
  // A reader whose last split falls silent says how far it came before it steps aside.
  if (changed && !idle_) WEIR_RETURN_NOT_OK(ForwardWatermark());
  idle_ = reader_->idle();
  if (changed && idle_) WEIR_RETURN_NOT_OK(Forward(MessageKind::kIdle, 0));
  if (changed && !idle_) WEIR_RETURN_NOT_OK(Forward(MessageKind::kWatermark, forwarded_));
  WEIR_RETURN_NOT_OK(ForwardWatermark());
  return result;
}

bool Instance::StartDrain() {
  draining_ = true;
  return reader_->Drain();
}

Status Instance::EndSource() {
  if (ended_) return Status::OK();
  if (context_.morsels != nullptr) context_.morsels->End(context_.lane);
  drained_ = draining_ && lane_->signals()->drain.load(std::memory_order_relaxed) == RunSignals::kDrain;
  if (!drained_) SetWatermark(kMaxEventTime);
  if (!drained_) idle_ = false;
  WEIR_RETURN_NOT_OK(ForwardWatermark());
  WEIR_RETURN_NOT_OK(ForwardEnd());
  reader_.reset();
  return Status::OK();
}

bool Instance::OutputsDone() const {
  bool any = false;
  for (const auto& edges : outputs_) {
    for (const OutputEdge& edge : edges) {
      any = true;
      const bool done =
          edge.fused != nullptr ? edge.fused->done_ || edge.fused->OutputsDone() : edge.exchange->closed();
      if (!done) return false;
    }
  }
  return any;
}

bool Instance::OutputsFullOrNotify() {
  for (auto& edges : outputs_) {
    for (OutputEdge& edge : edges) {
      if (edge.exchange != nullptr && edge.exchange->FullOrNotify()) return true;
    }
  }
  return false;
}

// ---- epochs
// -----------------------------------------------------------------------------------------------------------

Status Instance::EndEpoch(int64_t epoch, bool last) {
  if (writer_ == nullptr || finishing_) return Status::OK();
  return Timed([&] { return last ? writer_->Finish() : writer_->EndEpoch(epoch); });
}

Status Instance::Snapshot(StateCells* cells) {
  if (operator_ == nullptr || node_.keeps != StateKeeping::kSnapshots) return Status::OK();
  return Timed([&] { return operator_->Snapshot(cells); });
}

Status Instance::Restore(const StateCells& cells, bool ended) {
  if (operator_ == nullptr) return Status::OK();
  if (!ended) return operator_->Restore(cells);
  operator_.reset();
  done_ = true;
  return Status::OK();
}

// The ports learn their watermarks anew from upstream, which says them again at the first poll; until then rows are
// late that were late.
Status Instance::RestoreWatermark(EventTime watermark) {
  if (watermark <= watermark_ || reader_ != nullptr) return Status::OK();
  SetWatermark(watermark);
  return operator_ != nullptr ? operator_->OnWatermark(watermark, *this) : Status::OK();
}

// ---- emitter
// ----------------------------------------------------------------------------------------------------------

bool Instance::full() const {
  if (SinkFull()) return true;
  for (const auto& edges : outputs_) {
    for (const OutputEdge& edge : edges) {
      if (edge.fused != nullptr ? edge.fused->Busy() || edge.fused->full() : edge.exchange->full()) return true;
    }
  }
  return false;
}

Status Instance::Emit(int port, Batch batch) {
  int64_t rows = batch.num_rows();
  if (row_limit_ != nullptr && port == 0) {
    const int64_t left = std::max<int64_t>(row_limit_->fetch_sub(rows, std::memory_order_relaxed), 0);
    if (left < rows) batch = batch.Slice(0, left);
    rows = std::min(rows, left);
  }
  if (rows == 0) return Status::OK();
  if (lane_->options().counts_epoch && reader_ != nullptr) {
    lane_->signals()->epoch_rows_left.fetch_sub(rows, std::memory_order_relaxed);
  }
  if (lane_->options().shuffle_seed != 0 && node_.role == NodeRole::kSource) {
    WEIR_ASSIGN_OR_RETURN(batch, Shuffled(batch, lane_->options().shuffle_seed + shuffles_++));
  }
  const int64_t limit = lane_->options().split_rows;
  if (limit == 0 || node_.role != NodeRole::kSource || rows <= limit) return EmitAll(port, std::move(batch));
  for (int64_t at = 0; at < rows; at += limit) {
    WEIR_RETURN_NOT_OK(EmitAll(port, batch.Slice(at, std::min(limit, rows - at))));
  }
  return Status::OK();
}

Status Instance::EmitAll(int port, Batch batch) {
  if (port != node_.error_port && port != node_.late_port) stats_.rows_out.Add(batch.num_rows());
  stats_.batches_out.Add(1);
  if (lane_->options().count_bytes) stats_.bytes_out.Add(batch.size_bytes());
  if (tap_point_->watched()) tap_point_->Offer(port, batch);
  if (port >= static_cast<int>(outputs_.size())) return Status::OK();  // nobody reads it
  auto& edges = outputs_[port];
  for (size_t i = 0; i < edges.size(); ++i) {
    Batch given = i + 1 == edges.size() ? std::move(batch) : batch;
    if (edges[i].fused != nullptr) {
      WEIR_RETURN_NOT_OK(edges[i].fused->Process(edges[i].port, std::move(given)));
    } else {
      WEIR_RETURN_NOT_OK(edges[i].exchange->Send(std::move(given)));
    }
  }
  return Status::OK();
}

// One of the reasons why rows were rejected, about once a second.
void Instance::Say(const std::string& message) {
  const int64_t now_us = processing_time_us();
  if (context_.run == nullptr || (said_us_ != kMinEventTime && now_us - said_us_ < 1'000'000)) return;
  said_us_ = now_us;
  context_.run->messages().Add(node_.step, MessageLevel::kWarning, "rejected a row: " + Shortened(message), now_us);
}

Status Instance::Reject(const Batch& input, const std::vector<RowError>& errors) {
  if (errors.empty()) return Status::OK();
  stats_.rejected.Add(static_cast<int64_t>(errors.size()));
  if (node_.error_port < 0) {
    return Status::Invalid("step '", node_.step_name, "': ", Shortened(errors[0].message),
                           "\n  = help: one bad row ends a run unless its step has 'error_handling: {output: NAME}' or "
                           "another step reads '",
                           node_.step_name, ".errors'");
  }
  Say(errors[0].message);
  std::vector<int32_t> rows;
  std::vector<std::string> messages;
  for (const RowError& error : errors) {
    rows.push_back(static_cast<int32_t>(error.row));
    messages.push_back(error.message);
  }
  WEIR_ASSIGN_OR_RETURN(Batch rejected, GatherBatch(input, rows));
  WEIR_ASSIGN_OR_RETURN(auto record_batch, rejected.ToRecordBatch());
  WEIR_ASSIGN_OR_RETURN(auto elements, record_batch->ToStructArray());
  WEIR_ASSIGN_OR_RETURN(Batch out, ErrorBatch(elements->data(), messages));
  out.CopyTimeFrom(rejected);
  return EmitAll(node_.error_port, std::move(out));
}

Status Instance::RejectFromSink() {
  for (const RejectedRows& rejected : writer_->TakeRejected()) {
    WEIR_RETURN_NOT_OK(Reject(rejected.input, rejected.errors));
  }
  return Status::OK();
}

Status Instance::RejectRaw(const std::vector<RawError>& errors) {
  if (errors.empty()) return Status::OK();
  stats_.rejected.Add(static_cast<int64_t>(errors.size()));
  if (node_.error_port < 0) {
    return Status::Invalid("step '", node_.step_name, "': ", Shortened(errors[0].message),
                           "\n  = help: one bad record ends a run unless its step has 'error_handling: {output: NAME}' "
                           "or another step reads '",
                           node_.step_name, ".errors'");
  }
  Say(errors[0].message);
  arrow::StringBuilder raw;
  std::vector<std::string> messages;
  for (const RawError& error : errors) {
    WEIR_RETURN_NOT_OK(raw.Append(error.raw));
    messages.push_back(error.message);
  }
  WEIR_ASSIGN_OR_RETURN(auto elements, raw.Finish());
  WEIR_ASSIGN_OR_RETURN(Batch out, ErrorBatch(elements->data(), messages));
  return EmitAll(node_.error_port, std::move(out));
}

Result<Batch> Instance::ErrorBatch(ArrayDataPtr elements, const std::vector<std::string>& messages) const {
  arrow::StringBuilder msg, stack;
  for (const std::string& message : messages) {
    WEIR_RETURN_NOT_OK(msg.Append(message));
    WEIR_RETURN_NOT_OK(stack.Append("step '" + node_.step_name + "'"));
  }
  WEIR_ASSIGN_OR_RETURN(auto msg_array, msg.Finish());
  WEIR_ASSIGN_OR_RETURN(auto stack_array, stack.Finish());
  const auto rows = static_cast<int64_t>(messages.size());
  return Batch(node_.outputs[node_.error_port], {std::move(elements), msg_array->data(), stack_array->data()}, rows);
}

}  // namespace weir
