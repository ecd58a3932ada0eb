// Run: executes a physical plan once. Cuts it into tasks, opens everything, drives the lanes, commits the sinks.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/channel.h"
#include "engine/epochs/epoch_keeper.h"
#include "engine/operator.h"
#include "engine/run_facts.h"
#include "engine/scheduler.h"
#include "engine/stats.h"
#include "engine/task.h"
#include "plan/physical.h"

namespace weir {

struct RunOptions {
  int lanes = 1;
  int64_t batch_rows = 8192;   // rows that operators aim at
  int64_t split_rows = 0;      // cut source batches to at most so many rows (tests); 0: as they come
  uint64_t jitter_seed = 0;    // disturb the order of lanes at random (tests); 0: off
  uint64_t shuffle_seed = 0;   // put the rows of each source batch into a random order (tests); 0: off
  uint64_t seed = 0;           // of random sources and steps
  bool scripted_time = false;  // processing time is what sources say (tests), not the clock
  /// Tests that tell sources what to give, step by step: called when everything given so far has gone through as far as
  /// it goes. True: sources that were idle have something again, and are asked at once.
  std::function<bool()> on_quiet;
  Channel::Limits channel;       // one batch per channel is a test mode
  std::string temp_dir;          // exists; spill files
  int64_t source_limit = 0;      // rows that each source may give; 0: all
  bool count_bytes = false;      // the figures of steps have bytes: somebody looks
  EpochStore* epochs = nullptr;  // the run is durable: goes on where the store's epochs end, and adds to them
  EpochOptions epoch_options;    // of a durable run
  std::string state_dir;         // of a durable run: a folder of its own for outputs that wait; or empty (tests)
  std::string durable_id;        // of a durable run: names the pipeline, the same at every start
  int64_t status_interval_us = 1'000'000;  // how often `X.status` says how it is, though nothing changes
};

struct RunProgress {
  int64_t rows = 0;         // given by sources so far
  int64_t bytes_done = 0;   // read by sources
  int64_t bytes_total = 0;  // 0: unknown
};

/// Not reusable. Execute blocks; Cancel and the readers of progress may be called from other threads meanwhile.
class Run final : public RunFacts {
 public:
  Run(PhysicalPlan plan, RunOptions options, Env* env, MemoryBudget* memory);
  ~Run() override;
  /// OK: all data went through and every sink is committed. Else: the first error; no sink shows anything.
  Status Execute();
  void Cancel() { signals_.cancelled = true; }
  /// Unbounded sources end, what they gave goes through, sinks commit, Execute returns OK. Windows that the watermark
  /// has not passed stay open, and give nothing, or are closed as at the end of bounded data. Safe in a signal handler.
  void Drain(bool close_windows) { signals_.drain = close_windows ? RunSignals::kDrainAndClose : RunSignals::kDrain; }
  /// Some source never ends by itself.
  bool unbounded() const;
  /// An earlier run with the same store has given everything: Execute had nothing to do.
  bool was_finished() const { return keeper_ != nullptr && keeper_->finished(); }
  /// Null where the run is not durable.
  const EpochFigures* epoch_figures() const { return keeper_ != nullptr ? &keeper_->figures() : nullptr; }
  RunProgress progress() const;
  /// One per node of the plan.
  std::vector<NodeStats> stats() const;
  // RunFacts.
  const PhysicalPlan& plan() const override { return plan_; }
  std::vector<StepFacts> Steps() const override;
  bool Ended(int step) const override;
  std::string SourceVersion(int step) const override;
  MessageLog& messages() override { return messages_; }
  int64_t status_interval_us() const override { return options_.status_interval_us; }
  /// Where to attach a tap to what a node gives. Lives as long as the run.
  TapPoint* tap_point(int node) { return tap_points_[node].get(); }
  int task_count() const { return static_cast<int>(tasks_.size()); }
  /// Index of the task that runs each node.
  const std::vector<int>& task_of_node() const { return task_of_node_; }

 private:
  struct Task {
    std::vector<int> nodes;
    std::set<int> feeders;  // tasks that it has channels from
    int lanes = 1;
    int depth = 0;
    std::shared_ptr<MorselTracker> morsels;
    std::vector<std::unique_ptr<TaskLane>> lane_objects;
  };

  void CutTasks();
  bool CanFuse(const PhysicalNode& node, int* task) const;
  bool ComesFrom(int task, int ancestor) const;
  Status Work();
  Status OpenNodes();
  OperatorContext ContextOf(int node);
  std::vector<EpochKeeper::Node> DurableNodes() const;
  void Connect();
  void ConnectPort(const PhysicalNode& node, int port);
  Status OpenInstances();
  Status CheckErrorThresholds() const;
  Status CommitSinks();
  void AbortSinks();
  Instance* InstanceOf(int node, int lane) const { return instances_[node][lane]; }

  const PhysicalPlan plan_;
  const RunOptions options_;
  Env* const env_;
  MemoryBudget* const memory_;
  RunSignals signals_;
  std::atomic<bool> opened_{false};  // sources_ and instances_ do not change any more
  Scheduler scheduler_;
  std::vector<std::shared_ptr<Source>> sources_;  // by node, null for others
  std::vector<std::shared_ptr<Sink>> sinks_;
  std::vector<std::shared_ptr<SharedState>> shared_;
  std::vector<Task> tasks_;  // goes before sources and sinks: readers and writers use them to their end
  std::vector<int> task_of_node_;
  std::vector<std::vector<Instance*>> instances_;      // by node, lane
  std::vector<std::unique_ptr<TapPoint>> tap_points_;  // by node
  MessageLog messages_;
  std::unique_ptr<EpochKeeper> keeper_;  // null: not durable
  bool ends_epochs_ = false;             // many, while it lasts
};

}  // namespace weir
