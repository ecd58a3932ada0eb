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
#include "engine/lane_sharing.h"
#include "plan/column_set.h"

namespace weir {

class Env;
class MemoryBudget;
class Operator;
class RunFacts;
class Source;
class SourceReader;
class Sink;
class SinkWriter;
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

enum class PollResult { kProduced, kIdle, kExhausted };

/// One per step, shared by its lanes, thread-safe. Lanes take splits (files, row groups, blocks) from it dynamically.
class Source {
 public:
  virtual ~Source() = default;
  /// Finds what there is to read. Called once, before any reader.
  virtual Status Open(OperatorContext&) { return Status::OK(); }
  virtual Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) = 0;
  struct Progress {
    int64_t bytes_done = 0, bytes_total = 0;  // total 0: unknown
  };
  virtual Progress progress() const { return {}; }
  /// What it reads, so that another reading can be told from it (an ETag, a file's time and size). From any thread.
  virtual std::string version() const { return ""; }
  // Where StepBinding::source_repositions says that it can:
  /// Where to go on so that nothing comes twice and nothing is left out, after everything that its readers have
  /// emitted. Called while no reader is. JSON, as people look at it (`weir state show`).
  virtual Result<std::string> Position() { return Status::Invalid("this source has no position"); }
  /// Goes on at a Position of an earlier run. After Open, before OpenReader. Errors: Invalid where what it stood in is
  /// not there any more or is not what it was: never skips in silence.
  virtual Status Restore(const std::string& /*position*/) { return Status::Invalid("this source has no position"); }
  /// A Position is committed: what lies before it is not asked for again and may be acknowledged. From another thread
  /// than the readers', while they run.
  virtual Status Committed(const std::string& /*position*/) { return Status::OK(); }
};

/// One per lane.
class SourceReader {
 public:
  virtual ~SourceReader() = default;
  /// Emits about one morsel (a block of text, a row group's next batches), announcing it by context.morsels->Start().
  /// May Yield() inside a big morsel when out.full(). Idle: nothing now, ask later.
  virtual Result<PollResult> Poll(Emitter& out) = 0;
  /// No later row of this reader is older than this. Bounded sources without order keep kMinEventTime until the end.
  virtual EventTime watermark() const { return kMinEventTime; }
  /// Nothing comes for the time being: this reader's watermark does not hold back those of others. Over with the next
  /// row or with a false.
  virtual bool idle() const { return false; }
  /// The run drains: take nothing new from outside. True: what was taken and not yet emitted still comes, by Poll,
  /// until it says kExhausted. False: nothing waits here; no more Poll. Only readers of unbounded sources are asked.
  virtual bool Drain() { return false; }
  /// False: in the midst of something that a Position cannot name; it is polled on until it can before an epoch ends.
  virtual bool can_pause() const { return true; }
  /// A script's clock: the processing time from here on, for everything that hangs on this reader. Only in runs with
  /// RunOptions::scripted_time.
  virtual std::optional<int64_t> processing_time_us() const { return std::nullopt; }
};

/// One per step, thread-safe: the transaction that the writers of all lanes fill. Without epochs it is prepared once,
/// when all writers have finished. With epochs (StepBinding::sink_epochs) again and again: Commit of one may run while
/// the writers fill the next, Prepare waits for it.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual Status Open(OperatorContext&) { return Status::OK(); }
  virtual Result<std::unique_ptr<SinkWriter>> OpenWriter(const OperatorContext& lane) = 0;
  /// Goes on after `epoch` of an earlier run, whose token is given again: shows it (Commit, where that has not
  /// happened) and forgets what was written after it. After Open, before OpenWriter. 0 and "": nothing has been
  /// committed, what is there of an earlier run is forgotten.
  virtual Status Recover(int64_t /*epoch*/, const std::string& token) {
    return token.empty() ? Status::OK() : Commit(token);
  }
  /// All writers have ended `epoch` (EndEpoch, or Finish): make its data durable but not visible. The token names it
  /// for Commit, and is all that a later run has to go on with.
  virtual Result<std::string> Prepare(int64_t epoch) = 0;
  /// Makes it visible. Idempotent: called again with the same token after a crash.
  virtual Status Commit(const std::string& token) = 0;
  /// Forgets the epoch: nothing of it may ever be visible.
  virtual Status Abort(int64_t epoch) = 0;
};

/// Rows that a sink could not take.
struct RejectedRows {
  Batch input;
  std::vector<RowError> errors;  // ascending by row
};

/// One per lane.
class SinkWriter {
 public:
  virtual ~SinkWriter() = default;
  virtual Status Write(Batch batch) = 0;
  /// No more batches in this lane.
  virtual Status Finish() = 0;
  /// What was written so far is the epoch's: hand it to the sink, which is prepared next. Called while no lane runs.
  virtual Status EndEpoch(int64_t /*epoch*/) { return Status::OK(); }
  /// Rows wait here for those of another lane: give me none for now. A wish, which the engine follows for a while.
  virtual bool full() const { return false; }
  /// Rows that were refused since the last call: they go to the step's error output, as by Emitter::Reject. Asked after
  /// every other call.
  virtual std::vector<RejectedRows> TakeRejected() { return {}; }
  /// As of an Operator: the processing time at which OnProcessingTime shall be called next (a batch that must not wait
  /// any longer, a file that rolls).
  virtual int64_t next_timer_us() const { return kMaxEventTime; }
  virtual Status OnProcessingTime(int64_t /*now_us*/) { return Status::OK(); }
};

}  // namespace weir
