// Calendar: days, weeks, months and years of a time zone, as half-open windows of event time.
#pragma once

#include <cstdint>
#include <string>

#include "base/event_time.h"

namespace weir {

/// "1mo in Europe/Berlin". Periods follow one another without gap; where clocks change a day has 23 or 25 hours.
/// Several days are counted from 1970-01-01, weeks from Monday, 1969-12-29, months from January 1970, years from year
/// 0.
struct CalendarPeriod {
  enum class Unit { kDay, kWeek, kMonth, kYear };
  Unit unit = Unit::kDay;
  int64_t count = 1;  // 1 to 10,000
  std::string timezone = "UTC";

  bool operator==(const CalendarPeriod&) const = default;
  /// "1d", "2w", "3mo", "1y".
  std::string Size() const;
};

/// Whether the system's time zone database has `name` (IANA: "Europe/Berlin", "UTC").
bool IsTimeZone(const std::string& name);

/// The period that holds `time`; periods begin `offset_us` of local time after midnight. Where a period's first local
/// time comes twice it begins with the first, where clocks skip it with the change. Times before year 1 and after year
/// 9999 are in one window each. Any thread; cheap while times stay in one period.
Window CalendarWindow(const CalendarPeriod& period, int64_t offset_us, EventTime time);

}  // namespace weir
