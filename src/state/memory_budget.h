// MemoryBudget: one limit for all state of a run (--memory). Who keeps state tells how much; who holds its share or
// more when the sum passes the limit is asked to spill.
//
// What processes really use is more than what is accounted (buffers in flight, allocator slack, code), so the budget
// looks at the process's resident memory every few milliseconds and takes what nobody accounts for off the limit.
#pragma once

#include <atomic>
#include <cstdint>

namespace weir {

/// All methods are thread-safe and cheap enough to call per batch.
class MemoryBudget {
 public:
  struct Options {
    int64_t limit_bytes = INT64_MAX;
    bool watch_process = true;  // false in tests, whose figures must not depend on the machine
  };
  explicit MemoryBudget(Options options) : options_(options) {}
  explicit MemoryBudget(int64_t limit_bytes) : options_{limit_bytes, true} {}

  int64_t limit_bytes() const { return options_.limit_bytes; }
  /// What consumers may hold together now: the limit without what nobody accounts for, at least an eighth of the limit.
  int64_t effective_limit_bytes() const { return options_.limit_bytes - unaccounted_.load(std::memory_order_relaxed); }
  int64_t used_bytes() const { return used_.load(std::memory_order_relaxed); }
  int64_t peak_bytes() const { return peak_.load(std::memory_order_relaxed); }

 private:
  friend class MemoryReservation;
  void Add(int64_t bytes);
  void Watch();

  const Options options_;
  std::atomic<int64_t> used_{0};
  std::atomic<int64_t> peak_{0};
  std::atomic<int64_t> unaccounted_{0};
  std::atomic<int> consumers_{0};  // that hold anything
  std::atomic<int64_t> next_watch_ns_{0};
  std::atomic<int64_t> next_release_ns_{0};
};

/// What one operator instance holds. Used by one thread at a time; gives all back when destroyed.
class MemoryReservation {
 public:
  /// `budget` may be null: no limit.
  explicit MemoryReservation(MemoryBudget* budget) : budget_(budget) {}
  ~MemoryReservation() { Set(0); }
  MemoryReservation(const MemoryReservation&) = delete;
  MemoryReservation& operator=(const MemoryReservation&) = delete;

  /// The consumer holds `bytes` now.
  void Set(int64_t bytes);
  int64_t bytes() const { return bytes_; }
  /// True when the consumer should give memory back before it takes `more_bytes` more: the sum would pass the limit,
  /// and it holds at least half an even share (half, so that somebody spills also where the others cannot).
  bool ShouldSpill(int64_t more_bytes = 0) const;
  /// Bytes a spilling consumer may use for write buffers: a small part of the limit.
  int64_t WriteBufferBytes() const;

 private:
  MemoryBudget* budget_;
  int64_t bytes_ = 0;
};

}  // namespace weir
