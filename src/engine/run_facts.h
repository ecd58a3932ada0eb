// What a run shows of itself while it lasts, by step: the figures behind `X.status`, /metrics and `weir top`.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/stats.h"
#include "plan/physical.h"

namespace weir {

/// Figures of one step over all of its operators and lanes. Counts never go back.
struct StepFacts {
  int64_t rows_in = 0, rows_out = 0;    // across the borders of the step; rows_out without errors and late rows
  int64_t bytes_in = 0, bytes_out = 0;  // in memory; 0 where bytes are not counted
  int64_t errors = 0, late_rows = 0, spilled_bytes = 0;
  int64_t queue_bytes = 0, state_bytes = 0;
  /// Of its inputs, the least over its lanes; of a source its own. kMinEventTime: nothing is known yet; kMaxEventTime:
  /// nothing more comes.
  EventTime watermark = kMaxEventTime;
  double busy_s = 0;  // summed over lanes
  double idle_s = 0,
         blocked_s = 0;  // waiting for input, and for room: of the task that its busiest operator is part of
  int lanes = 0;
  bool ended = false;
};

/// Per step of `plan`; `nodes` are the figures of the plan's nodes.
std::vector<StepFacts> FactsOfSteps(const PhysicalPlan& plan, const std::vector<NodeStats>& nodes);

enum class MessageLevel : uint8_t { kInfo, kWarning, kError };
const char* MessageLevelName(MessageLevel level);

/// A word of a step to whoever listens.
struct StepMessage {
  int64_t number = 0;   // of all messages of the run, from 0
  int64_t time_us = 0;  // processing time
  int step = -1;        // in PhysicalPlan::steps
  MessageLevel level = MessageLevel::kInfo;
  std::string text;
};

/// The last messages of a run. Thread-safe.
class MessageLog {
 public:
  static constexpr size_t kCapacity = 1000;  // older ones are forgotten

  void Add(int step, MessageLevel level, std::string text, int64_t time_us);
  /// Those from `number` on, of one step; of all steps where `step` is negative.
  std::vector<StepMessage> Since(int64_t number, int step = -1) const;
  /// The number that the next one gets.
  int64_t next() const;

 private:
  mutable std::mutex mutex_;
  std::vector<StepMessage> ring_;
  int64_t next_ = 0;
};

/// The run as its own steps see it. Thread-safe; lives as long as the run's operators.
class RunFacts {
 public:
  virtual ~RunFacts() = default;
  virtual const PhysicalPlan& plan() const = 0;
  /// Per step of the plan; empty until everything is open.
  virtual std::vector<StepFacts> Steps() const = 0;
  /// Nothing more comes out of step `step`. Cheap; false until everything is open.
  virtual bool Ended(int step) const = 0;
  /// What its source says that it reads (Source::version); empty where it says nothing, and for other steps.
  virtual std::string SourceVersion(int step) const = 0;
  virtual MessageLog& messages() = 0;
  /// How often a step shall say how it is, though nothing changes.
  virtual int64_t status_interval_us() const = 0;
};

}  // namespace weir
