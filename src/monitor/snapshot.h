// RunSnapshot: the figures of a run at one moment, and how they have moved lately.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/run_facts.h"

namespace weir {

class Env;
class MemoryBudget;
class Run;

enum class StepStatus : uint8_t { kStarted, kRunning, kIdle, kFinished, kFailed };
const char* StepStatusName(StepStatus status);

struct StepSnapshot {
  std::string name, type;
  std::vector<std::string> inputs;
  int scan = -1;  // the step in whose scan this filter is done; it has no figures of its own
  StepStatus status = StepStatus::kStarted;
  StepFacts facts;
  /// Over the last second or so; before that since the start.
  double rows_in_per_s = 0, rows_out_per_s = 0, bytes_in_per_s = 0, bytes_out_per_s = 0;
  double busy = 0, idle = 0, blocked = 0;  // shares of the time of its lanes, 0 to 1
  bool bottleneck = false;                 // where most time goes
};

struct RunSnapshot {
  std::string run_id, file;
  int64_t time_us = 0;  // processing time
  int64_t started_us = 0;
  bool ready = false;  // every source, operator and sink is open
  bool ended = false;
  std::string error;  // why it failed; empty: it did not
  int64_t memory_limit_bytes = 0, state_bytes = 0, resident_bytes = 0;
  double cpu_s = 0;
  std::vector<StepSnapshot> steps;
};

/// Watches one run, in a thread of its own, once a second. Thread-safe.
class RunWatcher {
 public:
  /// Everything given must outlive it.
  RunWatcher(std::string run_id, std::string file, Run* run, const MemoryBudget* memory, Env* env);
  ~RunWatcher();

  RunSnapshot Now() const;
  /// The run is over: OK or why not.
  void SetEnded(const Status& status);
  Run* run() const { return run_; }
  const std::string& run_id() const { return run_id_; }

 private:
  struct Sample {
    int64_t steady_ns = 0;
    std::vector<StepFacts> facts;
  };
  void Loop();
  Sample TakeSample() const;

  const std::string run_id_, file_;
  Run* const run_;
  const MemoryBudget* const memory_;
  Env* const env_;
  const int64_t started_us_, started_ns_;
  mutable std::mutex mutex_;
  std::condition_variable stop_;
  bool stopped_ = false;
  bool ended_ = false;
  std::string error_;
  Sample latest_, before_;  // a second apart
  std::thread thread_;
};

}  // namespace weir
