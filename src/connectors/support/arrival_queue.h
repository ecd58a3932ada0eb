// ArrivalQueue: rows that threads of the outside world bring, until the reader of a source takes them. Bounded in
// bytes: who brings rows reserves room first, and says no (or waits) where there is none.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "engine/operator.h"

namespace weir {

/// Thread-safe.
class ArrivalQueue {
 public:
  struct Arrival {
    int64_t origin = 0;  // of which connection
    Batch rows;
    std::vector<RawError> errors;
    bool is_end = false;  // nothing more comes from the origin
    int64_t bytes = 0;    // reserved for it
    int64_t place = 0;    // its number in an ArrivalLog
    std::string note;     // of whoever brings it, for the reader
  };

  explicit ArrivalQueue(int64_t max_bytes) : max_bytes_(max_bytes) {}

  /// Takes `bytes` of what is left; false where less is. Something alone is always let in, however big.
  bool Reserve(int64_t bytes);
  /// The same, but waits until there is room; false once the queue is closed.
  bool WaitAndReserve(int64_t bytes);
  void Release(int64_t bytes);
  /// Hands over what was reserved for. False once the queue is closed: the rows are not taken, the bytes given back.
  bool Push(Arrival arrival);
  /// Takes nothing more, and wakes who waits for room.
  void Close();

  /// Called when something comes into the empty queue; null: nobody.
  void SetWake(std::function<void()> wake);
  /// The oldest; false when there is none. Its bytes are free again.
  bool Pop(Arrival* arrival);
  bool empty() const;

 private:
  const int64_t max_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::deque<Arrival> arrivals_;
  std::function<void()> wake_;
  int64_t held_bytes_ = 0;
  bool closed_ = false;
};

/// The rows of several small batches of one schema as one.
Result<Batch> JoinBatches(std::vector<Batch> batches);

}  // namespace weir
