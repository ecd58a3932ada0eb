// Taps: samples of what flows out of an operator, for people who look. They never slow the pipeline: a lane that finds
// a tap full or in use goes on, and the rows are counted as missed.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "batch/batch.h"

namespace weir {

/// One who looks at one output. Filled by lanes, emptied by one reader. Thread-safe.
class Tap {
 public:
  static constexpr size_t kMaxBatches = 8;  // held at once: they keep their buffers from being freed

  explicit Tap(int port) : port_(port) {}
  int port() const { return port_; }
  /// What has come since the last call, oldest first.
  std::vector<Batch> Take();
  /// Rows that went by while the tap was full or in use.
  int64_t missed_rows() const { return missed_.load(std::memory_order_relaxed); }
  void Offer(const Batch& batch);

 private:
  const int port_;
  std::mutex mutex_;
  std::vector<Batch> batches_;
  std::atomic<int64_t> missed_{0};
};

/// The place on an operator where taps are attached; lanes of the operator share it. Costs them one load per batch
/// while nobody looks.
class TapPoint {
 public:
  void Attach(std::shared_ptr<Tap> tap);
  void Detach(const Tap* tap);
  bool watched() const { return watched_.load(std::memory_order_relaxed); }
  void Offer(int port, const Batch& batch);

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<Tap>> taps_;
  std::atomic<bool> watched_{false};
};

}  // namespace weir
