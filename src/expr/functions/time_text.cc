// Times as text: see time_text.h.
#include "expr/functions/time_text.h"

#include <algorithm>

#include "base/print_value.h"
#include "expr/functions/time_scan.h"

namespace weir::expr {
namespace {

bool DateAt(std::string_view s, size_t* at, int64_t* days) {
  const bool negative = Take(s, at, '-');
  if (!negative) Take(s, at, '+');
  int64_t year, month, day;
  if (!Digits(s, at, 4, 6, &year) || !Take(s, at, '-') || !Digits(s, at, 1, 2, &month) || !Take(s, at, '-') ||
      !Digits(s, at, 1, 2, &day)) {
    return false;
  }
  if (negative) year = -year;
  if (month < 1 || month > 12 || day < 1 || day > DaysInMonth(year, static_cast<int>(month))) return false;
  *days = DaysFromCivil(year, static_cast<int>(month), static_cast<int>(day));
  return true;
}

std::string_view Trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

}  // namespace

int DaysInMonth(int64_t year, int month) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return kDays[month - 1] + (month == 2 && IsLeapYear(year));
}

int IsoWeek(int64_t days, int64_t* iso_year) {
  int64_t thursday = days - (IsoWeekday(days) - 4);  // the week belongs to the year of its Thursday
  int64_t year = CivilFromDays(thursday).year;
  if (iso_year != nullptr) *iso_year = year;
  return static_cast<int>((thursday - DaysFromCivil(year, 1, 1)) / 7) + 1;
}

int64_t AddMonths(int64_t days, int64_t months) {
  Civil c = CivilFromDays(days);
  int64_t month = c.year * 12 + (c.month - 1) + months;
  int64_t year = FloorDiv(month, 12);
  int in_year = static_cast<int>(FloorMod(month, 12)) + 1;
  return DaysFromCivil(year, in_year, std::min(c.day, DaysInMonth(year, in_year)));
}

std::string FormatDate(int64_t days) {
  char text[kMaxDateChars];
  return {text, PrintDate(days, text)};
}

std::string FormatTimestamp(int64_t micros) {
  char text[kMaxTimestampChars];
  return {text, PrintTimestamp(micros, text)};
}

bool ParseDate(std::string_view text, int64_t* days) {
  text = Trim(text);
  size_t at = 0;
  return DateAt(text, &at, days) && at == text.size() && *days >= INT32_MIN && *days <= INT32_MAX;
}

bool ParseTimestamp(std::string_view text, int64_t* micros) {
  text = Trim(text);
  size_t at = 0;
  int64_t days, hours, minutes, seconds = 0, fraction = 0, zone = 0;
  if (!DateAt(text, &at, &days)) return false;
  if (at == text.size()) return Combine(days, 0, 0, micros);
  if (!Take(text, &at, 'T') && !Take(text, &at, 't') && !Take(text, &at, ' ')) return false;
  if (!Digits(text, &at, 2, 2, &hours) || !Take(text, &at, ':') || !Digits(text, &at, 2, 2, &minutes)) return false;
  if (Take(text, &at, ':') && !Digits(text, &at, 2, 2, &seconds)) return false;
  if (Take(text, &at, '.') && !Fraction(text, &at, &fraction)) return false;
  if (at < text.size() && text[at] == ' ') ++at;
  if (at < text.size() && text.substr(at) == "UTC") at = text.size();
  if (at < text.size() && !Zone(text, &at, &zone)) return false;
  if (at != text.size() || hours > 24 || minutes > 59 || seconds > 60) return false;
  return Combine(days, hours * 3600 + minutes * 60 + seconds - zone, fraction, micros);
}

}  // namespace weir::expr
