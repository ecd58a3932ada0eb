// Duration: a span of time as pipeline files write it ("10m", "1.5h", 30 = seconds).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace weir {

struct Duration {
  int64_t us = 0;
  static constexpr Duration Seconds(int64_t seconds) { return {seconds * 1'000'000}; }
  auto operator<=>(const Duration&) const = default;
};

/// "250us", "10ms", "30s", "10m", "1.5h", "2d"; a number without unit is seconds, as in Beam; a leading '-' is allowed.
/// A day is 24 hours. Invalid: anything else, and spans beyond 292,000 years.
Result<Duration> ParseDuration(std::string_view text);

/// The shortest text that ParseDuration reads back to the same: "10m", "90s", "1500ms", "0s".
std::string FormatDuration(Duration duration);

}  // namespace weir
