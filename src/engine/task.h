// TaskLane: one lane of one task, the unit that the scheduler runs. A chain of operator instances joined by direct
// calls, fed by a source reader or by channels.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/channel.h"
#include "engine/instance.h"
#include "engine/operator.h"
#include "engine/scheduler.h"
#include "engine/stats.h"
#include "plan/physical.h"

namespace weir {

class TaskLane final : public Actor {
 public:
  TaskLane(int lane, TaskOptions options, Env* clock, RunSignals* signals)
      : lane_(lane), options_(options), clock_(clock), signals_(signals) {}

  Instance* AddInstance(const PhysicalNode& node);
  /// Channel that feeds `port` of `instance`. The lane takes from its channels in the order in which they were added.
  void AddInput(std::unique_ptr<Channel> channel, Instance* instance, int port);
  /// Port 0 of `instance` is fed by direct calls, others by channels: the lane takes only those until it accepts 0.
  void AddGate(Instance* instance) { gates_.push_back(instance); }

  Result<SliceResult> RunSlice() override;
  /// Hands over a batch that its operator did not want yet, and from now on always. True if there was one.
  bool ForceRefused();

  /// Whether an epoch can end here, as far as this lane goes. Asked while no lane runs.
  enum class Rest : uint8_t {
    kNow,      // nothing is under way
    kSoon,     // something is: it goes on by itself
    kBlocked,  // something waits for what does not come while sources pause
  };
  Rest AtRest() const;

  int lane() const { return lane_; }
  /// Processing time as of this slice.
  int64_t now_us() const { return now_us_; }
  const TaskOptions& options() const { return options_; }
  /// Counts instances that have something pending, so that Drain costs nothing when there is none.
  void CountPending(int change) { pending_ += change; }
  RunSignals* signals() const { return signals_; }
  const LaneClock& clock() const { return lane_clock_; }
  /// Bytes that wait in the channels to `instance`.
  int64_t QueueBytes(const Instance* instance) const;

 private:
  struct Input {
    Channel* channel;
    Instance* instance;
    int port;
    bool forced = false;
  };
  enum class Step { kDid, kNothing, kIdle };
  /// Finishes what instances have pending, nearest to the sink first. kMore: done; else blocked by an output or sink.
  Result<SliceResult> Drain();
  Result<Step> TakeInput();
  Result<Step> PollSource();
  Result<SliceResult> Work();
  bool Ended() const;
  bool OutputsFull();
  Status RunTimers();
  int64_t NextTimer() const;
  bool GatesOpen() const;
  bool Wanted(const Input& input) const;
  bool SinksFull();

  const int lane_;
  const TaskOptions options_;
  Env* const clock_;
  int64_t now_us_ = kMinEventTime;
  RunSignals* const signals_;
  int pending_ = 0;
  int sink_waits_ = 0;           // in a row
  bool waits_for_room_ = false;  // not for input
  LaneClock lane_clock_;
  uint64_t sampled_at_ticks_ = 0;                     // sizes of states
  std::vector<std::unique_ptr<Instance>> instances_;  // producers before consumers
  std::vector<std::unique_ptr<Channel>> channels_;
  std::vector<Input> inputs_;
  std::vector<Instance*> gates_;
};

}  // namespace weir
