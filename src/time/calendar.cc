// Periods are numbered in local days; a number gives the instant at which its period begins.
#include "time/calendar.h"

#include <date/date.h>
#include <date/tz.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "base/check.h"

namespace weir {
namespace {

using std::chrono::microseconds;
using LocalTime = date::local_time<microseconds>;
using SysTime = date::sys_time<microseconds>;

constexpr EventTime kFirstTime = -62'135'596'800'000'000;  // 0001-01-01
constexpr EventTime kLastTime = 253'402'300'800'000'000;   // 10000-01-01

const date::time_zone* FindZone(const std::string& name) {
  try {
    return date::locate_zone(name);
  } catch (const std::runtime_error&) {
    return nullptr;
  }
}

int64_t FloorDiv(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/// The number of the period that local day `day` is in.
int64_t NumberOf(const CalendarPeriod& period, date::local_days day) {
  const int64_t days = day.time_since_epoch().count();
  const date::year_month_day ymd(day);
  const int64_t year = int{ymd.year()};
  switch (period.unit) {
    case CalendarPeriod::Unit::kDay:
      return FloorDiv(days, period.count);
    case CalendarPeriod::Unit::kWeek:
      return FloorDiv(days + 3, 7 * period.count);
    case CalendarPeriod::Unit::kMonth:
      return FloorDiv((year - 1970) * 12 + unsigned{ymd.month()} - 1, period.count);
    case CalendarPeriod::Unit::kYear:
      return FloorDiv(year, period.count);
  }
  return 0;
}

date::local_days FirstDay(const CalendarPeriod& period, int64_t number) {
  const auto of_days = [](int64_t days) { return date::local_days(date::days(static_cast<int>(days))); };
  const auto of_months = [](int64_t months) {  // since year 0
    const date::year year(static_cast<int>(FloorDiv(months, 12)));
    const date::month month(static_cast<unsigned>(months - FloorDiv(months, 12) * 12) + 1);
    return date::local_days(year / month / 1);
  };
  switch (period.unit) {
    case CalendarPeriod::Unit::kDay:
      return of_days(number * period.count);
    case CalendarPeriod::Unit::kWeek:
      return of_days(number * 7 * period.count - 3);
    case CalendarPeriod::Unit::kMonth:
      return of_months(number * period.count + 1970 * 12);
    case CalendarPeriod::Unit::kYear:
      return of_months(number * period.count * 12);
  }
  return {};
}

EventTime StartOf(const date::time_zone& zone, const CalendarPeriod& period, int64_t offset_us, int64_t number) {
  const LocalTime local = FirstDay(period, number) + microseconds(offset_us);
  return zone.to_sys(local, date::choose::earliest).time_since_epoch().count();
}

Window Compute(const date::time_zone& zone, const CalendarPeriod& period, int64_t offset_us, EventTime time) {
  if (time < kFirstTime) return {kMinEventTime, kFirstTime};
  if (time >= kLastTime) return {kLastTime, kEndOfGlobalWindow};
  const LocalTime local = zone.to_local(SysTime(microseconds(time))) - microseconds(offset_us);
  int64_t number = NumberOf(period, date::floor<date::days>(local));
  // A local time that comes twice around midnight may name the period before or after.
  while (time >= StartOf(zone, period, offset_us, number + 1)) ++number;
  while (time < StartOf(zone, period, offset_us, number)) --number;
  return {std::max(StartOf(zone, period, offset_us, number), kFirstTime),
          std::min(StartOf(zone, period, offset_us, number + 1), kLastTime)};
}

/// The last window of a thread: rows in order of time mostly share it, and windows of one pipeline their zone.
struct LastWindow {
  CalendarPeriod period;
  int64_t offset_us = 0;
  const date::time_zone* zone = nullptr;
  Window window{0, 0};
};
thread_local LastWindow t_last;

}  // namespace

std::string CalendarPeriod::Size() const {
  static const char* const kUnits[] = {"d", "w", "mo", "y"};
  return std::to_string(count) + kUnits[static_cast<int>(unit)];
}

bool IsTimeZone(const std::string& name) { return FindZone(name) != nullptr; }

Window CalendarWindow(const CalendarPeriod& period, int64_t offset_us, EventTime time) {
  LastWindow& last = t_last;
  if (last.zone == nullptr || last.offset_us != offset_us || !(last.period == period)) {
    last = {period, offset_us, FindZone(period.timezone), {0, 0}};
    WEIR_CHECK(last.zone != nullptr, "a time zone that was known is not any more");
  }
  if (time < last.window.start || time >= last.window.end) last.window = Compute(*last.zone, period, offset_us, time);
  return last.window;
}

}  // namespace weir
