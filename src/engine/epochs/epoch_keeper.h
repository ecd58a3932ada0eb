// EpochKeeper: ends the epochs of a durable run, and brings a run to where an earlier one was.
// See docs/decisions/epochs.md.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/operator.h"
#include "engine/scheduler.h"
#include "engine/task.h"
#include "log/epoch_store.h"
#include "plan/physical.h"

namespace weir {

struct EpochOptions {
  int64_t interval_us = 1'000'000;  // from the end of one epoch to that of the next, at least
  int64_t bytes = 64 << 20;         // read by sources: ends an epoch sooner
  int64_t rows = 0;                 // tests: given by sources since the last; > 0 takes the place of time and bytes
  bool drop_unknown = false;        // state of steps that the plan does not have any more is forgotten, not an error
  int64_t stop_after = 0;           // tests: the run ends after so many epochs, as if it were killed then
};

/// What the keeper did so far. All of it from any thread.
struct EpochFigures {
  std::atomic<int64_t> epochs{0};        // committed by this run
  std::atomic<int64_t> last_epoch{0};    // number of the last
  std::atomic<int64_t> given_up{0};      // because something did not come to rest
  std::atomic<int64_t> pause_us{0};      // lanes rested, together
  std::atomic<int64_t> max_pause_us{0};  // of one epoch
  std::atomic<int64_t> drain_us{0};      // from the wish to the rest, together
};

/// One per run. The run calls it in the order of its methods here; AtRest is called by a worker of the scheduler.
class EpochKeeper {
 public:
  /// A node of the plan as it runs.
  struct Node {
    const PhysicalNode* node = nullptr;
    std::string name;  // in epochs
    std::shared_ptr<Source> source;
    std::shared_ptr<Sink> sink;
    std::vector<Instance*> instances;    // by lane
    std::vector<const TaskLane*> lanes;  // that run them
  };

  EpochKeeper(EpochStore* store, EpochOptions options, Scheduler* scheduler, RunSignals* signals, Env* env);
  ~EpochKeeper();

  /// Errors: those of the store. Invalid where a step has changed that kept something.
  Status Load(const PhysicalPlan& plan);
  /// Everything was given by an earlier run: there is nothing to do but RestoreEnds.
  bool finished() const { return state_ && state_->finished; }
  /// Sources and sinks are open, and no reader or writer is.
  Status RestoreEnds(const std::vector<Node>& nodes);
  /// All instances are open.
  Status RestoreInstances(std::vector<Node> nodes);
  /// From here on epochs end while the run lasts. `bytes_given`: by sources so far; asked by a thread of the keeper.
  void Start(std::function<int64_t()> bytes_given);
  Result<Scheduler::AtRest> AtRest();
  /// The scheduler has stopped: waits for what is being committed. Errors: of a commit.
  Status Stop();
  /// The run was ended by an epoch, not by the end of its data.
  bool stopped_by_epoch() const { return stopped_by_epoch_; }
  /// Everything has been given and writers have finished: the last record, and the sinks' commits.
  Status Finish();
  const EpochFigures& figures() const { return figures_; }

 private:
  enum class Wish : uint8_t { kNone, kEpoch, kLast };
  void Loop();
  bool Due();
  Result<EpochRecord> Capture(bool last);
  Status CaptureOperators(const Node& node, NodeEpoch* out) const;
  Status WriteRecord(const EpochRecord& record);
  Status CommitRecord(const EpochRecord& record);
  TaskLane::Rest RestOfLanes() const;

  EpochStore* const store_;
  const EpochOptions options_;
  Scheduler* const scheduler_;
  RunSignals* const signals_;
  Env* const env_;
  std::optional<EpochState> state_;
  std::vector<Node> nodes_;
  std::function<int64_t()> bytes_given_;  // by sources so far
  int64_t last_bytes_ = 0;
  int64_t epoch_ = 0;  // the last that was captured
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Wish wish_ = Wish::kNone;  // of the thread, until a worker has answered
  std::optional<EpochRecord> captured_;
  bool stopping_ = false;
  bool stopped_by_epoch_ = false;
  int64_t wished_ns_ = 0, last_end_ns_ = 0;
  Status status_;
  EpochFigures figures_;
};

}  // namespace weir
