// Courier: brings deliveries to a target, again and again until each is there or given up.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "connectors/support/delivery_config.h"
#include "connectors/support/target.h"

namespace weir {

/// Used by one thread at a time, but Stop() comes from any.
class Courier {
 public:
  Courier(std::unique_ptr<Target> target, RetryConfig retry, double rows_per_s)
      : target_(std::move(target)), retry_(retry), rows_per_s_(rows_per_s) {}

  /// Connects; tries for a short while where the target does not answer. `writer_id` as Target::Open.
  Status Open(const OperatorContext& context, const std::string& writer_id);
  Result<int64_t> LastDelivered() { return target_->LastDelivered(); }
  /// Returns when the delivery is in the target. Errors: what no repetition changes; IOError after `retry.max`;
  /// Cancelled where the run is cancelled or Stop() was called.
  Status Deliver(const Delivery& delivery, std::vector<RefusedRows>* refused);
  void Stop() {
    stopped_ = true;
    stop_.notify_all();
  }
  bool transactional() const { return target_->transactional(); }

 private:
  Status TryOnce(const Delivery& delivery, std::vector<RefusedRows>* refused);
  bool cancelled() const;
  /// Cancelled when it should end earlier.
  Status Pause(int64_t us);
  void Say(const std::string& text);

  const std::unique_ptr<Target> target_;
  const RetryConfig retry_;
  const double rows_per_s_;
  OperatorContext context_;
  bool counted_ = false;  // the target knows its last delivery
  bool connected_ = false;
  int64_t free_at_us_ = 0;  // rate limit: when the next delivery may go
  int64_t said_us_ = INT64_MIN / 2;
  std::atomic<bool> stopped_{false};
  std::mutex pause_mutex_;
  std::condition_variable stop_;
};

}  // namespace weir
