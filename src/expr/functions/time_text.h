// Times as text and as calendar fields. Proleptic Gregorian calendar, UTC.
// Algorithm: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms" (days_from_civil, civil_from_days).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::expr {

inline constexpr int64_t kMicrosPerSecond = 1'000'000;
inline constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

struct Civil {
  int64_t year = 1970;
  int month = 1;  // 1 … 12
  int day = 1;    // 1 … 31
};

inline int64_t FloorDiv(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }
inline int64_t FloorMod(int64_t a, int64_t b) { return a - FloorDiv(a, b) * b; }

/// Days since 1970-01-01.
inline int64_t DaysFromCivil(int64_t year, int month, int day) {
  year -= month <= 2;
  int64_t era = FloorDiv(year, 400);
  int64_t year_of_era = year - era * 400;
  int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

inline Civil CivilFromDays(int64_t days) {
  days += 719468;
  int64_t era = FloorDiv(days, 146097);
  int64_t day_of_era = days - era * 146097;
  int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t shifted = (5 * day_of_year + 2) / 153;
  int month = static_cast<int>(shifted < 10 ? shifted + 3 : shifted - 9);
  int day = static_cast<int>(day_of_year - (153 * shifted + 2) / 5 + 1);
  return {year_of_era + era * 400 + (month <= 2), month, day};
}

inline bool IsLeapYear(int64_t y) { return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0); }
int DaysInMonth(int64_t year, int month);

/// Monday = 1 … Sunday = 7 (ISO 8601).
inline int IsoWeekday(int64_t days) { return static_cast<int>(FloorMod(days + 3, 7)) + 1; }
/// ISO 8601 week number; `iso_year` may be null.
int IsoWeek(int64_t days, int64_t* iso_year);

/// `days` plus `months`, the day held to the month's last.
int64_t AddMonths(int64_t days, int64_t months);

/// RFC 3339 in UTC with the least digits of a second's fraction: 2024-05-17T10:30:00.25Z.
std::string FormatTimestamp(int64_t micros);
std::string FormatDate(int64_t days);

/// RFC 3339, loosely: date alone, 'T' or space, minutes or seconds, up to 9 digits of fraction (cut to 6), Z, ±hh:mm,
/// ±hhmm, ±hh or no zone (UTC). False when it is no such text or out of range.
bool ParseTimestamp(std::string_view text, int64_t* micros);
/// yyyy-mm-dd and nothing else.
bool ParseDate(std::string_view text, int64_t* days);

/// strftime patterns: %Y %m %d %H %M %S %f %j %y %a %A %b %B %e %p %I %u %w %V %G %F %T %s %z %Z %%.
/// False on another one; `bad` then names it.
bool FormatTime(std::string_view pattern, int64_t micros, std::string* out, std::string* bad);
/// strptime with the same patterns (without %u %w %V %G); a missing field is that of 1970-01-01T00:00:00Z.
bool ParseTime(std::string_view pattern, std::string_view text, int64_t* micros);
bool IsTimePattern(std::string_view pattern, std::string* bad);

}  // namespace weir::expr
