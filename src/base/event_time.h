// Event time: microseconds since 1970-01-01T00:00:00Z in an int64. Beam's model and its limits.
#pragma once

#include <cstdint>
#include <limits>

namespace weir {

using EventTime = int64_t;  // µs

/// Before every event: the time of rows that were given none (Beam's TIMESTAMP_MIN_VALUE, in µs).
inline constexpr EventTime kMinEventTime = -9223372036854775000;
/// After every event: the watermark of a collection that has ended (Beam's TIMESTAMP_MAX_VALUE, in µs).
inline constexpr EventTime kMaxEventTime = 9223372036854775000;
/// End of the global window: one day before kMaxEventTime, as in Beam, so that its timers fire before the very end.
inline constexpr EventTime kEndOfGlobalWindow = kMaxEventTime - int64_t{86400} * 1000000;

/// Half-open window [start, end) of event time.
struct Window {
  EventTime start = kMinEventTime;
  EventTime end = kEndOfGlobalWindow;
  bool operator==(const Window&) const = default;
  EventTime max_timestamp() const { return end - 1; }
};

}  // namespace weir
