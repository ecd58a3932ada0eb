// Windowing: how a collection's rows are grouped in event time. Pure arithmetic, no I/O, no threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/event_time.h"
#include "time/calendar.h"
#include "time/trigger.h"

namespace weir {

enum class WindowKind { kGlobal, kFixed, kSliding, kSessions, kCalendar };
enum class Accumulation { kDiscarding, kAccumulating, kRetracting };
enum class OutputTime { kEndOfWindow, kEarliest, kLatest };

/// The windowing of a collection, known at plan time (Beam's WindowingStrategy). Times in µs.
/// Rows carry no window until a step groups them: before that, a row's windows follow from its event time.
struct WindowingStrategy {
  WindowKind kind = WindowKind::kGlobal;
  int64_t size_us = 0;    // fixed, sliding
  int64_t period_us = 0;  // sliding
  int64_t offset_us = 0;  // fixed, sliding, calendar
  int64_t gap_us = 0;     // sessions
  CalendarPeriod calendar;
  int64_t allowed_lateness_us = 0;
  Accumulation accumulation = Accumulation::kDiscarding;
  OutputTime output_time = OutputTime::kEndOfWindow;
  TriggerSpec trigger;

  bool is_global() const { return kind == WindowKind::kGlobal; }
  /// Every time has exactly one window, and it follows from the time alone.
  bool partitions_time() const { return kind == WindowKind::kFixed || kind == WindowKind::kCalendar; }
  bool operator==(const WindowingStrategy&) const = default;
  /// "fixed(size 1h)", "sliding(size 10s, period 2s)", for explain and messages.
  std::string ToString() const;

 private:
  std::string Kind() const;
};

/// Start of the fixed window of `size_us` (offset `offset_us`) that holds `time`. Floor division, right for times <
/// 1970.
inline EventTime FixedWindowStart(EventTime time, int64_t size_us, int64_t offset_us) {
  int64_t remainder = (time - offset_us) % size_us;
  if (remainder < 0) remainder += size_us;
  return time - remainder;
}

/// The windows of `time`, earliest start first. Sessions: the proto-window [time, time + gap).
void AssignWindows(const WindowingStrategy& windowing, EventTime time, std::vector<Window>* out);

/// Width of the slices that sliding windows are computed in: the greatest divisor of size and period.
int64_t SliceWidth(const WindowingStrategy& windowing);

}  // namespace weir
