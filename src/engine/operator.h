// The interfaces that sources, operators and sinks implement, and what the engine promises them.
//
// A stage runs as tasks × lanes. A task is a chain of operators joined by direct calls; each lane has its own
// instances. Everything that the engine calls on one instance is called by one thread at a time, in this order:
//
//   Open · ( Process | OnWatermark | OnProcessingTime | Resume )* · OnPortEnd per port · Finish · (destructor)
//
// An instance that asked for Resume gets it before anything else. After an error nothing more is called.
//
// A durable run ends an epoch, about once a second, at a moment when nothing is under way: sources have been asked to
// pause, and what they gave has gone through every operator into the writers. Then, while no lane runs, it calls
// EndEpoch of every writer, Snapshot of every operator and Position of every source, and Prepare of every sink. The
// lanes go on (where the run is drained, they do not, and Finish takes the place of EndEpoch); meanwhile the epoch's
// record is written, then Commit of every sink and Committed of every source are called. When a run starts with what
// another has committed, Restore and Recover are called after Open, before anything else (docs/decisions/epochs.md).
// Batches of one port arrive in the order in which one upstream lane emitted them; two upstream lanes interleave.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_time.h"
#include "base/status.h"
#include "batch/batch.h"
#include "batch/row_error.h"
#include "engine/ends.h"
#include "engine/lane_sharing.h"
#include "plan/column_set.h"

namespace weir {

class Env;
class MemoryBudget;
class Operator;
class RunFacts;
class StateCells;

/// A record that could not even become a row: its text and why.
struct RawError {
  std::string raw;
  std::string message;
};

/// Where an operator's output goes. Valid only during the call that it was given to.
class Emitter {
 public:
  virtual ~Emitter() = default;
  /// Hands a batch on: to the next operator by a direct call, or into channels. Empty batches are dropped.
  virtual Status Emit(int port, Batch batch) = 0;
  Status Emit(Batch batch) { return Emit(0, std::move(batch)); }
  /// Rows of `input` that failed. They go to the step's error output as {element, msg, stack}; where nobody reads
  /// errors, the first one fails the run and the returned Status says so. `errors` ascending by row.
  virtual Status Reject(const Batch& input, const std::vector<RowError>& errors) = 0;
  /// The same for a source's records that never became rows; `element` is the raw text.
  virtual Status RejectRaw(const std::vector<RawError>& errors) = 0;
  /// True when downstream has enough for now: an operator with much more to emit should stop, keep the rest, and
  /// call Yield(); the engine calls Resume() when there is room.
  virtual bool full() const = 0;
  virtual void Yield() = 0;
  /// Says that this instance needs no more input (Limit): upstream may stop early.
  virtual void Done() = 0;
  /// Bytes written to temporary files, for explain --analyze.
  virtual void CountSpill(int64_t bytes) = 0;
  /// Rows that came after their window was over, whether somebody reads them or not.
  virtual void CountLate(int64_t /*rows*/) {}
  /// The time of day, µs since 1970, as of this call: a run's clock, or the script's where a test scripts time. Never
  /// goes back.
  virtual int64_t processing_time_us() const = 0;
};

/// What an instance may know of its surroundings. Outlives the instance.
struct OperatorContext {
  std::string step;  // full name, for messages
  int lane = 0;
  int lanes = 1;              // of this task
  int64_t batch_rows = 8192;  // rows per batch to aim at
  Env* env = nullptr;
  MemoryBudget* memory = nullptr;
  std::string temp_dir;                          // exists while the run lasts; spill files go here
  uint64_t seed = 0;                             // of the run
  std::vector<ColumnSet> needed_outputs;         // per output port: columns that somebody downstream reads
  std::shared_ptr<MorselTracker> morsels;        // set when a bounded source is fused into this task
  std::shared_ptr<SharedState> shared;           // of this step, over its lanes
  const std::atomic<bool>* cancelled = nullptr;  // long loops look at it and return Status::Cancelled
  /// Readers: this one has something now and is polled at once, instead of within a few ms. From any thread, until the
  /// reader is destroyed.
  std::function<void()> wake;
  RunFacts* run = nullptr;  // what the run shows of itself (engine/run_facts.h); null where there is none
  bool durable = false;     // epochs are committed while it runs
  std::string state_dir;    // of a durable run: exists, and is the stage's own; or empty (tests)
  std::string durable_id;   // of a durable run: names step and pipeline, the same at every start
};

class Operator {
 public:
  virtual ~Operator() = default;
  virtual Status Open(OperatorContext&) { return Status::OK(); }
  virtual Status Process(int port, Batch batch, Emitter& out) = 0;
  /// The minimum over all ports and upstream lanes passed `watermark`. The engine forwards it afterwards, minus holds.
  virtual Status OnWatermark(EventTime, Emitter&) { return Status::OK(); }
  /// No more batches on `port`.
  virtual Status OnPortEnd(int, Emitter&) { return Status::OK(); }
  /// Every port has ended. The watermark has reached kMaxEventTime before, unless the run is drained and was not asked
  /// to close windows: then what waits for the watermark is not given.
  virtual Status Finish(Emitter&) { return Status::OK(); }
  /// Goes on after Emitter::Yield(). Not called again unless it yields again.
  virtual Status Resume(Emitter&) { return Status::OK(); }
  /// False: give me no batch of `port` now (a hash join that still builds). A wish: where waiting would stop the whole
  /// stage (a diamond), the engine hands the batch over all the same and the operator keeps it.
  virtual bool Accepts(int) const { return true; }
  /// Output watermarks are held at or below this.
  virtual EventTime watermark_hold() const { return kMaxEventTime; }
  /// The processing time, µs since 1970, at which OnProcessingTime shall be called next; kMaxEventTime: never. Asked
  /// after every other call.
  virtual int64_t next_timer_us() const { return kMaxEventTime; }
  /// Processing time has reached next_timer_us(); it is `now_us`, which may be later. Not called any more once every
  /// input has ended.
  virtual Status OnProcessingTime(int64_t /*now_us*/, Emitter&) { return Status::OK(); }
  /// Bytes of state that this instance keeps between calls, about. Asked by its own lane, now and then.
  virtual int64_t state_bytes() const { return 0; }
  /// Puts what has changed since the last call (at first: since Open or Restore), so that what was put in all calls,
  /// the last of each key, is everything that this instance keeps. Called when it has not yielded. Only where
  /// OperatorSpec::keeps is kSnapshots, and only in durable runs, which cannot be told apart later: what is needed to
  /// know the changes is kept from Open on where OperatorContext::durable says so.
  virtual Status Snapshot(StateCells*) { return Status::OK(); }
  /// Goes on with the state of an earlier run, which may have had another number of lanes: the cells of this lane's key
  /// groups, in any order, each key once; lane 0 gets those of kNoKeyGroup of all lanes, and puts or deletes them as
  /// its own from then on. After Open; OnWatermark with the watermark of that time follows.
  virtual Status Restore(const StateCells&) { return Status::OK(); }
};

}  // namespace weir
