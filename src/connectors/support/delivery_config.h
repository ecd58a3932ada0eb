// The settings of sinks that send rows to a target: `batch`, `retry`, `rate_limit`, `outbox`.
#pragma once

#include <optional>

#include "config/component_spec.h"

namespace weir {

struct BatchConfig {
  int64_t max_records = 0;
  ByteSize max_bytes;
  Duration max_wait;
  static const FieldSet<BatchConfig>& Fields();
};

struct RetryConfig {
  Duration max = Duration::Seconds(3600);
  Duration delay{100'000};
  double backoff = 2;
  double jitter = 0.5;
  static const FieldSet<RetryConfig>& Fields();
};

/// A sink's config derives from it and says `.Fields(DeliveryConfig::Fields())`.
struct DeliveryConfig {
  std::optional<BatchConfig> batch;  // absent: what suits the target
  std::optional<RetryConfig> retry;
  std::optional<double> rate_limit;  // rows a second
  ByteSize outbox;
  static const FieldSet<DeliveryConfig>& Fields();
};

/// The pauses between tries of one thing: exponential with jitter ("Exponential Backoff And Jitter", AWS Architecture
/// Blog, 2015), at most 30 s each.
class RetryPauses {
 public:
  RetryPauses(const RetryConfig& config, uint64_t seed) : config_(config), random_(seed | 1) {}
  /// The next pause, µs; nullopt: `spent_us` after the first try there is no time for another.
  std::optional<int64_t> Next(int64_t spent_us);

 private:
  RetryConfig config_;
  uint64_t random_;
  double pause_us_ = 0;
};

}  // namespace weir
