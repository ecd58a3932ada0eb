// What `batch`, `retry` and `rate_limit` are.
#include "connectors/support/delivery_config.h"

#include <algorithm>

namespace weir {

const FieldSet<BatchConfig>& BatchConfig::Fields() {
  static const auto fields =
      FieldSet<BatchConfig>()
          .Field("max_records", &BatchConfig::max_records,
                 FieldDoc("Rows that go out at once, at most.").Default("10000").Min("1").Max("1000000"))
          .Field("max_bytes", &BatchConfig::max_bytes,
                 FieldDoc("Rows of so many bytes in memory go out.").Default("4MiB").Min("1").Max("256MiB"))
          .Field("max_wait", &BatchConfig::max_wait,
                 FieldDoc("A row waits no longer than this for others to go out with.").Default("1s").Min("0s"));
  return fields;
}

const FieldSet<RetryConfig>& RetryConfig::Fields() {
  static const auto fields =
      FieldSet<RetryConfig>()
          .Field("max", &RetryConfig::max,
                 FieldDoc("How long the same rows are tried again and again before the run fails. 0s: once.")
                     .Default("1h")
                     .Min("0s"))
          .Field("delay", &RetryConfig::delay,
                 FieldDoc("The pause before the second try.").Default("100ms").Min("1ms").Max("30s"))
          .Field("backoff", &RetryConfig::backoff,
                 FieldDoc("Each pause is so many times the one before, up to 30s.").Default("2").Min("1").Max("10"))
          .Field("jitter", &RetryConfig::jitter,
                 FieldDoc("The part of a pause that is left to chance, so that many clients do not come back at once.")
                     .Default("0.5")
                     .Min("0")
                     .Max("1"));
  return fields;
}

const FieldSet<DeliveryConfig>& DeliveryConfig::Fields() {
  static const auto fields =
      FieldSet<DeliveryConfig>()
          .Field("batch", &DeliveryConfig::batch,
                 FieldDoc("How many rows go out at once. A durable run sends the rows of an epoch at once instead.")
                     .Example("{max_records: 1000, max_wait: 200ms}"))
          .Field("retry", &DeliveryConfig::retry,
                 FieldDoc("What happens while the target is away.").Example("{max: 10m, delay: 1s}"))
          .Field("rate_limit", &DeliveryConfig::rate_limit,
                 FieldDoc("Rows a second, at most, on average.").Min("0.001").Example("500"))
          .Field("outbox", &DeliveryConfig::outbox,
                 FieldDoc("How many bytes of rows a durable run keeps for a target that is away, about; then the steps "
                          "before wait.")
                     .Default("256MiB")
                     .Min("1MiB")
                     .Max("1TiB")
                     .Advanced());
  return fields;
}

std::optional<int64_t> RetryPauses::Next(int64_t spent_us) {
  constexpr double kMaxPauseUs = 30e6;
  pause_us_ = pause_us_ == 0 ? static_cast<double>(config_.delay.us) : pause_us_ * config_.backoff;
  pause_us_ = std::min(pause_us_, kMaxPauseUs);
  random_ ^= random_ << 13;  // xorshift64 (Marsaglia, "Xorshift RNGs", 2003)
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  const double chance = static_cast<double>(random_ >> 11) / static_cast<double>(uint64_t{1} << 53);
  const int64_t pause_us = static_cast<int64_t>(pause_us_ * (1 - config_.jitter * chance));
  if (spent_us >= config_.max.us) return std::nullopt;
  return std::min(pause_us, config_.max.us - spent_us);  // the last try is at the end of the time, not before
}

}  // namespace weir
