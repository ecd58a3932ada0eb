// The interfaces of sources and sinks: the two ends of a stage. When the engine calls what: engine/operator.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_time.h"
#include "base/status.h"
#include "batch/batch.h"
#include "batch/row_error.h"

namespace weir {

class Emitter;
class SinkWriter;
class SourceReader;
struct OperatorContext;

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
