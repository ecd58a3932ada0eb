// Counters of one operator instance. Written by its own lane, read by anyone (progress, explain --analyze).
#pragma once

#include <atomic>
#include <cstdint>

namespace weir {

/// Relaxed atomics with one writer: a plain add, no lock prefix.
class Counter {
 public:
  void Add(int64_t n) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  int64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

struct InstanceStats {
  Counter rows_in, rows_out, batches_in, batches_out, bytes_out, rejected, spilled_bytes, busy_ticks;
};

/// The sum over the lanes of one physical node.
struct NodeStats {
  int64_t rows_in = 0, rows_out = 0, batches_in = 0, batches_out = 0, bytes_out = 0, rejected = 0, spilled_bytes = 0;
  double busy_s = 0;  // in this operator itself, not in those that it called
  int lanes = 0;
};

}  // namespace weir
