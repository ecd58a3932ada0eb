// Units of time that functions take by name.
#pragma once

#include <string_view>

#include "expr/check/functions.h"
#include "expr/functions/time_text.h"

namespace weir::expr {

/// From kDay up a date stays a date.
enum class TimeUnit { kYear, kQuarter, kMonth, kWeek, kDay, kHour, kMinute, kSecond, kMillisecond, kMicrosecond };

struct UnitState final : KernelState {
  TimeUnit unit = TimeUnit::kDay;
};

/// Singular or plural, any case.
bool TimeUnitNamed(std::string_view name, TimeUnit* unit);

/// Binds a call whose first argument is a constant unit: the state is a UnitState.
std::string BindUnit(CallBinding& call);

/// Months of a unit that has no fixed length, else 0.
inline int64_t MonthsOf(TimeUnit unit) {
  return unit == TimeUnit::kYear ? 12 : unit == TimeUnit::kQuarter ? 3 : unit == TimeUnit::kMonth ? 1 : 0;
}
/// Microseconds of a unit that has, else 0.
inline int64_t MicrosOf(TimeUnit unit) {
  static constexpr int64_t kMicros[] = {
      0,    0, 0, 7 * kMicrosPerDay, kMicrosPerDay, 3600 * kMicrosPerSecond, 60 * kMicrosPerSecond, kMicrosPerSecond,
      1000, 1};
  return kMicros[static_cast<int>(unit)];
}

}  // namespace weir::expr
