// One lane of a task: drains what is pending, then takes the next message or polls its source.
#include "engine/task.h"

#include <algorithm>
#include <mutex>

#include "env/env.h"

namespace weir {
namespace {

/// How often a lane comes back in vain to a sink that is full, some milliseconds apart. Then it goes on: the lane that
/// the sink waits for may itself wait for this one, by another way through the plan.
constexpr int kMaxSinkWaits = 50;

/// How often the sizes of states are read: every few ten milliseconds.
constexpr uint64_t kSampleTicks = 100'000'000;

}  // namespace

int64_t MorselTracker::Earliest() const {
  int64_t lowest = kEnded;
  for (int64_t morsel : in_flight_) lowest = std::min(lowest, std::max<int64_t>(morsel, 0));  // kNone may become 0
  return lowest;
}

int64_t MorselTracker::CompleteBelow() const {
  std::lock_guard lock(mutex_);
  return Earliest();
}

bool MorselTracker::IsEarliest(int lane) const {
  std::lock_guard lock(mutex_);
  return in_flight_[lane] <= Earliest();
}

void MorselTracker::Set(int lane, int64_t value) {
  std::lock_guard lock(mutex_);
  in_flight_[lane] = value;
}

Instance* TaskLane::AddInstance(const PhysicalNode& node) {
  instances_.push_back(std::make_unique<Instance>(this, node));
  return instances_.back().get();
}

void TaskLane::AddInput(std::unique_ptr<Channel> channel, Instance* instance, int port) {
  inputs_.push_back({channel.get(), instance, port});
  channels_.push_back(std::move(channel));
}

bool TaskLane::OutputsFull() {
  bool full = false;
  for (const auto& instance : instances_) full |= instance->OutputsFullOrNotify();
  return full;
}

bool TaskLane::GatesOpen() const {
  return std::all_of(gates_.begin(), gates_.end(), [](const Instance* gate) { return gate->Accepts(0); });
}

bool TaskLane::Wanted(const Input& input) const {
  if (input.forced) return true;
  if (std::find(gates_.begin(), gates_.end(), input.instance) != gates_.end()) return true;  // what the gate waits for
  return input.instance->Accepts(input.port) && GatesOpen();
}

bool TaskLane::SinksFull() {
  bool full = false;
  for (const auto& instance : instances_) full |= instance->SinkFull();
  if (!full || ++sink_waits_ > kMaxSinkWaits) {
    sink_waits_ = 0;
    return false;
  }
  return true;
}

Result<SliceResult> TaskLane::Drain() {
  for (;;) {
    if (SinksFull()) return SliceResult::kIdle;
    if (OutputsFull()) return SliceResult::kParked;
    if (pending_ == 0) return SliceResult::kMore;
    for (size_t i = instances_.size(); i-- > 0;) {
      if (!instances_[i]->yielded()) continue;
      WEIR_RETURN_NOT_OK(instances_[i]->ResumeOnce());
      break;
    }
  }
}

Result<TaskLane::Step> TaskLane::TakeInput() {
  for (Input& input : inputs_) {
    if (input.channel->empty()) continue;
    if (!Wanted(input)) continue;
    Message message;
    if (!input.channel->Pop(&message)) continue;
    switch (message.kind) {
      case MessageKind::kBatch:
        WEIR_RETURN_NOT_OK(input.instance->Process(input.port, std::move(message.batch)));
        if (signals_->any_done.load(std::memory_order_relaxed) && !input.channel->closed() &&
            (input.instance->done() || input.instance->OutputsDone())) {
          input.channel->Close();
          signals_->any_done.store(true, std::memory_order_relaxed);
        }
        break;
      default:
        WEIR_RETURN_NOT_OK(input.instance->Control(message.kind, input.port, message.producer, message.time));
        break;
    }
    return Step::kDid;
  }
  return Step::kNothing;
}

Result<TaskLane::Step> TaskLane::PollSource() {
  Instance* source = instances_[0].get();
  if (source->done()) return Step::kNothing;
  const bool useless = signals_->any_done.load(std::memory_order_relaxed) && source->OutputsDone();
  if (useless || source->limit_reached()) {
    WEIR_RETURN_NOT_OK(source->EndSource());
    return Step::kDid;
  }
  const bool pausing = signals_->pausing.load(std::memory_order_relaxed) ||
                       signals_->epoch_rows_left.load(std::memory_order_relaxed) <= 0;
  if (pausing && source->CanPause()) return Step::kIdle;
  const int drain = signals_->drain.load(std::memory_order_relaxed);
  // A durable run is drained by its last epoch, which keeps what waits for the watermark.
  const bool drains = options_.durable ? drain == RunSignals::kDrainAndClose : drain != RunSignals::kRun;
  if (source->node().unbounded && !source->draining() && drains) {
    if (!source->StartDrain()) {
      WEIR_RETURN_NOT_OK(source->EndSource());
      return Step::kDid;
    }
  }
  WEIR_ASSIGN_OR_RETURN(PollResult result, source->Poll());
  if (result == PollResult::kIdle) return Step::kIdle;
  if (result == PollResult::kExhausted) {
    WEIR_ASSIGN_OR_RETURN(SliceResult drained, Drain());
    if (drained == SliceResult::kMore) WEIR_RETURN_NOT_OK(source->EndSource());
    // Not drained: the reader says exhausted again on the next poll.
  }
  return Step::kDid;
}

TaskLane::Rest TaskLane::AtRest() const {
  Rest rest = Rest::kNow;
  if (pending_ > 0) rest = Rest::kSoon;
  for (const auto& instance : instances_) {
    if (!instance->CanPause()) rest = Rest::kSoon;
  }
  for (const Input& input : inputs_) {
    if (input.channel->empty()) continue;
    if (!Wanted(input)) return Rest::kBlocked;
    rest = Rest::kSoon;
  }
  return rest;
}

bool TaskLane::Ended() const {
  for (const auto& instance : instances_) {
    if (!instance->ended()) return false;
  }
  return true;
}

Result<SliceResult> TaskLane::RunSlice() {
  lane_clock_.Enter(LaneClock::kWorking);
  waits_for_room_ = false;
  Result<SliceResult> result = Work();
  const uint64_t now = __rdtsc();
  if (!result.ok() || *result == SliceResult::kEnded || now - sampled_at_ticks_ > kSampleTicks) {
    sampled_at_ticks_ = now;
    for (const auto& instance : instances_) instance->SampleState();
  }
  LaneClock::Place place = waits_for_room_ ? LaneClock::kBlocked : LaneClock::kIdle;
  if (result.ok() && *result == SliceResult::kMore) place = LaneClock::kQueued;
  if (!result.ok() || *result == SliceResult::kEnded) place = LaneClock::kEnded;
  lane_clock_.Enter(place);
  return result;
}

int64_t TaskLane::QueueBytes(const Instance* instance) const {
  int64_t bytes = 0;
  for (const Input& input : inputs_) {
    if (input.instance == instance) bytes += input.channel->bytes();
  }
  return bytes;
}

Result<SliceResult> TaskLane::Work() {
  const bool is_source = instances_[0]->is_source();
  WEIR_RETURN_NOT_OK(RunTimers());
  for (int i = 0; i < options_.slice_messages; ++i) {
    if (signals_->cancelled.load(std::memory_order_relaxed)) return Status::Cancelled("the run was cancelled");
    WEIR_ASSIGN_OR_RETURN(SliceResult drained, Drain());
    if (drained != SliceResult::kMore) {
      waits_for_room_ = true;
      return drained;
    }
    Step step = Step::kNothing;
    if (!is_source || !gates_.empty()) {
      WEIR_ASSIGN_OR_RETURN(step, TakeInput());
    }
    if (is_source && step == Step::kNothing && !instances_[0]->done() && GatesOpen()) {
      WEIR_ASSIGN_OR_RETURN(step, PollSource());
    }
    if (step == Step::kIdle) return SliceResult::kIdle;
    if (step == Step::kNothing) {
      if (pending_ == 0 && Ended()) return SliceResult::kEnded;
      return NextTimer() < kMaxEventTime && !options_.scripted_time ? SliceResult::kIdle : SliceResult::kParked;
    }
  }
  return SliceResult::kMore;
}

Status TaskLane::RunTimers() {
  if (options_.scripted_time || clock_ == nullptr) return Status::OK();
  now_us_ = std::max(now_us_, clock_->WallTime());
  for (const auto& instance : instances_) WEIR_RETURN_NOT_OK(instance->RunTimer(now_us_));
  return Status::OK();
}

int64_t TaskLane::NextTimer() const {
  int64_t next = kMaxEventTime;
  for (const auto& instance : instances_) next = std::min(next, instance->next_timer_us());
  return next;
}

bool TaskLane::ForceRefused() {
  for (Input& input : inputs_) {
    if (input.channel->empty() || Wanted(input)) continue;
    input.forced = true;
    return true;
  }
  return false;
}

}  // namespace weir
