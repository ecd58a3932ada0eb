// Counters of one operator instance and the times of its lane. Written by the lane, read by anyone (progress, explain
// --analyze, the monitor).
#pragma once

#include <x86intrin.h>

#include <atomic>
#include <cstdint>

#include "base/event_time.h"

namespace weir {

/// Relaxed atomics with one writer: a plain add, no lock prefix.
class Counter {
 public:
  void Add(int64_t n) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  void Set(int64_t value) { value_.store(value, std::memory_order_relaxed); }
  int64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

struct InstanceStats {
  Counter rows_in, rows_out, batches_in, batches_out, rejected, late_rows, spilled_bytes, busy_ticks;
  Counter bytes_in, bytes_out;                      // only in runs that count bytes: RunOptions::count_bytes
  Counter state_bytes;                              // as of some ten milliseconds ago
  Counter ended;                                    // 1: nothing more comes out of it
  std::atomic<EventTime> watermark{kMinEventTime};  // of its inputs; of a source its own
};

/// Where the time of one task lane goes, in ticks of the processor's clock. One lane writes, twice per slice of work.
class LaneClock {
 public:
  enum Place { kQueued, kWorking, kIdle, kBlocked, kEnded, kPlaces };

  /// From now on the lane is at `place`.
  void Enter(Place place) {
    const auto now = static_cast<int64_t>(__rdtsc());
    // Odd while it changes, so that a reader never sees an interval in both places.
    version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    if (since_.get() != 0) spent_[place_.load(std::memory_order_relaxed)].Add(now - since_.get());
    since_.Set(now);
    place_.store(place, std::memory_order_relaxed);
    version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  struct Ticks {
    int64_t at[kPlaces] = {};
  };
  /// With what has passed at the place where it is now. From any thread.
  Ticks Read() const {
    for (;;) {
      Ticks out;
      const uint32_t before = version_.load(std::memory_order_acquire);
      for (int i = 0; i < kPlaces; ++i) out.at[i] = spent_[i].get();
      const int64_t since = since_.get();
      const int place = place_.load(std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_acquire);
      if ((before & 1) != 0 || version_.load(std::memory_order_relaxed) != before) continue;
      if (since != 0) out.at[place] += static_cast<int64_t>(__rdtsc()) - since;
      return out;
    }
  }

 private:
  std::atomic<uint32_t> version_{0};
  std::atomic<int> place_{kQueued};
  Counter since_;  // 0: has never run
  Counter spent_[kPlaces];
};

/// The sum over the lanes of one physical node.
struct NodeStats {
  int64_t rows_in = 0, rows_out = 0, batches_in = 0, batches_out = 0, rejected = 0, late_rows = 0, spilled_bytes = 0;
  int64_t bytes_in = 0, bytes_out = 0;
  int64_t queue_bytes = 0;  // in the channels to it
  int64_t state_bytes = 0;
  EventTime watermark = kMaxEventTime;  // the least over the lanes that have not ended
  double busy_s = 0;                    // in this operator itself, not in those that it called
  double idle_s = 0, blocked_s = 0;     // its lanes had no input, or no room for output
  int lanes = 0;
  bool ended = true;
};

}  // namespace weir
