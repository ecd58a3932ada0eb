// The settings `event_time` and `watermark` of sources, and what a reader does with them: gives rows their event time,
// rejects those that have none, and keeps the watermark of what it reads.
//
// A source includes EventTimeConfig::Fields() in its spec, calls BindEventTime() when it is bound, reads at least
// EventTimePlan::Needed() of its columns, and hands its rows on through an EventTimeTracker, one per reader.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/component_spec.h"
#include "engine/operator.h"
#include "plan/binding.h"
#include "time/split_watermarks.h"

namespace weir {

/// `watermark: {out_of_orderness: 5s, idle_timeout: 30s, from: event_time}`.
struct WatermarkConfig {
  Duration out_of_orderness, idle_timeout;
  std::optional<std::string> from;  // event_time, order, processing_time
  static const FieldSet<WatermarkConfig>& Fields();
};

struct EventTimeConfig {
  std::string event_time;  // a field; empty: none
  std::optional<WatermarkConfig> watermark;
  static const FieldSet<EventTimeConfig>& Fields();
};

/// The settings as they were understood. A value.
struct EventTimePlan {
  int column = -1;        // of the source's schema, a time, a number of seconds or text; -1: there is none
  bool arrival = false;   // without a column: the event time is when the row came (else it is older than everything)
  bool unbounded = true;  // a bounded source keeps no watermark: all of it is on time
  WatermarkRule rule;

  /// `wanted` and the column of the event time.
  ColumnSet Needed(ColumnSet wanted) const;
  /// Lines for explain: none where rows have no time.
  std::vector<std::string> Notes(const arrow::Schema& schema) const;
};

/// Checks the settings against the fields of the source. nullopt after errors. Without an `event_time` rows of an
/// unbounded source get the processing time at which they came; those of a bounded one get none.
std::optional<EventTimePlan> BindEventTime(const EventTimeConfig& config, const SchemaPtr& schema, bool unbounded,
                                           BindContext& context);

/// Gives the rows of *batch their event time: that of the plan's column, or `now_us`. Rows whose time is null, no time
/// or out of range leave the batch; *errors, in the numbering of the batch as it came, says which and why.
Status AssignEventTime(const EventTimePlan& plan, int64_t now_us, Batch* batch, std::vector<RowError>* errors);

/// AssignEventTime, and the rows that have none to the error output of `out`.
Status AssignOrReject(const EventTimePlan& plan, Batch* batch, Emitter& out);

/// Event times and watermark of one reader and its splits: files, connections, partitions. Not thread-safe. A reader
/// calls OnPoll at the beginning of each Poll, and answers watermark() and idle() with those of the tracker.
class EventTimeTracker {
 public:
  explicit EventTimeTracker(EventTimePlan plan) : plan_(std::move(plan)), splits_(plan_.rule) {}

  void OnPoll(const Emitter& out) { splits_.OnProcessingTime(now_us_ = out.processing_time_us()); }
  /// A split that will give rows; until End it takes part in the watermark.
  int Add() { return splits_.Add(now_us_); }
  /// The split has rows to come that nobody has seen yet: it holds the watermark and is not idle.
  void Touch(int split) { splits_.Touch(split, now_us_); }
  /// Rows of `split`, in the order in which they stand there.
  Status Emit(int split, Batch batch, Emitter& out);
  /// A piece of the split (a file, a request) is complete; counts with `from: order`.
  void EndPiece(int split) { splits_.EndPiece(split); }
  void End(int split) { splits_.End(split); }

  /// What a position needs of it, as JSON: watermark and splits, which keep their numbers.
  std::string Position() const;
  /// Before the first Add. Errors: Invalid for a text that Position did not give.
  Status Restore(const std::string& position);

  EventTime watermark() const { return plan_.unbounded ? splits_.watermark() : kMinEventTime; }
  bool idle() const { return plan_.unbounded && splits_.idle(); }
  const EventTimePlan& plan() const { return plan_; }

 private:
  const EventTimePlan plan_;
  SplitWatermarks splits_;
  int64_t now_us_ = 0;
};

}  // namespace weir
