// Sliding windows out of slices, and the arithmetic of window starts. Times in µs.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "state/aggregate/spilling_aggregator.h"
#include "time/windowing.h"

namespace weir {

/// a + b, or the end of the range that it passed.
inline int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b < 0 ? INT64_MIN : INT64_MAX;
}

/// FixedWindowStart that stays in range for times near the ends of time.
inline int64_t WindowStart(int64_t time, int64_t size, int64_t offset) {
  int64_t remainder = (time % size - offset % size) % size;
  if (remainder < 0) remainder += size;
  return SaturatingAdd(time, -remainder);
}

/// The windows of `windowing` (sliding) as groups: key column `slice_key` of `groups`, which is the start of a slice,
/// becomes the start of a window that covers it. One window after another, several together where they are small: a
/// table of one window stays in the cache, one of all would not. `groups` must outlive the result.
Result<std::unique_ptr<Regrouping>> MakeSliceWindows(const WindowingStrategy& windowing, const GroupAggregator& groups,
                                                     size_t slice_key, const std::vector<AggregateCall>& calls);

}  // namespace weir
