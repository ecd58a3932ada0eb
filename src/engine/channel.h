// Channel: the bounded queue between two tasks. Several upstream lanes put in, one downstream lane takes out.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

#include "batch/batch.h"

namespace weir {

enum class MessageKind : uint8_t {
  kBatch,
  kWatermark,  // no older row comes from this producer
  kIdle,       // its watermark does not count until it says more
  kTime,       // a script's processing time
  kEnd,        // time: 1 where the producer was drained and its watermark stays where it is
};

struct Message {
  MessageKind kind = MessageKind::kBatch;
  int producer = 0;  // upstream lane
  int64_t time = 0;  // kWatermark: event time; kTime: processing time
  Batch batch;
  int64_t bytes = 0;
};

/// Bounded in bytes and in batches, softly: Push always succeeds, producers look at full() before they make more. Every
/// method is thread-safe. `wake_consumer` and `wake_producers` are called without the lock held.
class Channel {
 public:
  struct Limits {
    int64_t bytes = 8 << 20;
    int64_t batches = 64;
  };
  Channel(Limits limits, std::function<void()> wake_consumer, std::function<void()> wake_producers)
      : limits_(limits), wake_consumer_(std::move(wake_consumer)), wake_producers_(std::move(wake_producers)) {}

  void Push(Message message);
  bool Pop(Message* out);
  bool empty() const;
  /// Full now; if so, the producers are woken when there is room again.
  bool FullOrNotify();
  bool full() const { return full_.load(std::memory_order_relaxed); }
  /// The consumer needs nothing more: batches are dropped from now on.
  void Close();
  bool closed() const { return closed_.load(std::memory_order_relaxed); }
  int64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  bool OverLimit() const { return bytes_ >= limits_.bytes || batches_ >= limits_.batches; }

  const Limits limits_;
  const std::function<void()> wake_consumer_, wake_producers_;
  mutable std::mutex mutex_;
  std::deque<Message> queue_;
  int64_t batches_ = 0;
  bool notify_ = false;
  std::atomic<int64_t> bytes_{0};
  std::atomic<bool> full_{false};
  std::atomic<bool> closed_{false};
};

}  // namespace weir
