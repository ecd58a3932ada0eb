// MemoryBudget: one limit for the whole process, shared by every operator that keeps state.
//
// Operators account what their state holds; the rest of the process (code, readers, channels, allocator) is measured:
// now and then the budget reads the resident size, and what is not accounted state is taken off what state may hold. So
// the limit holds for the process as the operating system sees it, not only for our book-keeping.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/status.h"

namespace weir {

class MemoryBudget {
 public:
  /// `limit_bytes` 0: 60 % of the machine's memory, or of the cgroup's limit where that is less. Errors: Invalid below
  /// 64 MiB.
  static Result<std::unique_ptr<MemoryBudget>> Make(int64_t limit_bytes);

  /// A limit for state alone, whatever the process takes besides; of any size. For tests.
  static std::unique_ptr<MemoryBudget> Fixed(int64_t state_limit_bytes);

  int64_t limit_bytes() const { return limit_; }
  /// What all state together may hold now. Moves with what the rest of the process takes.
  int64_t state_limit_bytes() const { return state_limit_.load(std::memory_order_relaxed); }
  /// What state holds now, by its own account.
  int64_t state_bytes() const { return state_.load(std::memory_order_relaxed); }

 private:
  friend class MemoryReservation;
  explicit MemoryBudget(int64_t limit_bytes);
  /// At most every few milliseconds: compares with the resident size.
  void Measure();

  const int64_t limit_;
  bool measures_ = true;
  std::atomic<int64_t> state_{0};
  std::atomic<int64_t> announced_{0};
  std::atomic<int64_t> state_limit_;
  std::atomic<int> holders_{0};
  std::atomic<int64_t> next_measure_ns_{0};
  std::atomic<int64_t> next_release_ns_{0};
};

/// What one operator in one lane holds. Used by one thread at a time; given back when destroyed.
class MemoryReservation {
 public:
  /// `budget` may be null (tests): then nothing is ever too much.
  explicit MemoryReservation(MemoryBudget* budget) : budget_(budget) {}
  ~MemoryReservation() { Set(0); }
  MemoryReservation(const MemoryReservation&) = delete;
  MemoryReservation& operator=(const MemoryReservation&) = delete;

  /// The operator's state holds `bytes` now. Cheap; call it per batch.
  void Set(int64_t bytes);
  /// The state is about to grow by `bytes` in one piece, until the next Set: others that are about to grow see it, too.
  void Announce(int64_t bytes);
  int64_t bytes() const { return bytes_; }
  /// State in all is over its limit and this holder has its share of it or more: it should write something to disk and
  /// Set() what is left. A holder below its share goes on; one above it will give. `more_bytes`: what it is about to
  /// add in one piece, since tables double.
  bool ShouldSpill(int64_t more_bytes = 0) const;
  /// What this holder may have if all holders had the same.
  int64_t share_bytes() const;

 private:
  MemoryBudget* const budget_;
  int64_t bytes_ = 0;
  int64_t announced_ = 0;
};

}  // namespace weir
