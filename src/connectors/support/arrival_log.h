// ArrivalLog: what comes from outside in a durable run, on the medium before anybody is told that it was taken, until
// an epoch that holds it is committed.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "connectors/support/arrival_queue.h"
#include "log/chunk_log.h"

namespace weir {

/// Thread-safe. Arrivals have numbers, ascending as they go into the queue: a source's position is the number of the
/// last one whose rows it has given.
class ArrivalLog {
 public:
  /// In a folder of its own in the stage's state folder. `schema`: of the rows. `max_bytes`: beyond it the log is
  /// full(). Errors: those of ChunkLog::Open.
  static Result<std::unique_ptr<ArrivalLog>> Open(const OperatorContext& context, SchemaPtr schema, int64_t max_bytes);

  /// What was taken after number `position` by earlier runs, in order.
  Result<std::vector<ArrivalQueue::Arrival>> After(int64_t position);
  /// Writes the arrival, waits until it is safe, and hands it to the queue. Callers that come together share one sync.
  /// False: the queue is closed. Errors: IOError where it could not be written; then it was not taken.
  Result<bool> Accept(ArrivalQueue::Arrival arrival, ArrivalQueue* queue);
  /// No more should be taken until an epoch is committed.
  bool full() const;
  /// At most `ms`.
  void WaitForRoom(int64_t ms);
  /// Those up to number `position` are in a committed epoch: they are not needed any more.
  Status Committed(int64_t position);

 private:
  struct Waiting {
    ArrivalQueue::Arrival arrival;
    std::string payload;
    bool done = false;
    Result<bool> result = false;
  };
  ArrivalLog(SchemaPtr schema, FileSystem& files) : schema_(std::move(schema)), files_(files) {}
  /// Appends and commits; gives the arrivals their numbers.
  Status Write(const std::vector<Waiting*>& group);

  const SchemaPtr schema_;
  FileSystem& files_;
  std::mutex log_mutex_;  // of log_, with what follows
  std::unique_ptr<ChunkLog> log_;
  int64_t epoch_ = 0;
  int64_t trimmed_ = 0;
  std::atomic<bool> full_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting*> waiting_;
  bool writing_ = false;  // one of the waiting ones writes for all
};

}  // namespace weir
