// Careful parsers of single values.
#include <charconv>
#include <cmath>
#include <system_error>

#include "formats/text/value_text.h"

namespace weir {
namespace {

bool EqualsIgnoreCase(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// Exactly `digits` digits at the front of `text`, which are then removed.
bool TakeDigits(std::string_view* text, int digits, int* value) {
  if (text->size() < static_cast<size_t>(digits)) return false;
  *value = 0;
  for (int i = 0; i < digits; ++i) {
    const char c = (*text)[i];
    if (!IsDigit(c)) return false;
    *value = *value * 10 + (c - '0');
  }
  text->remove_prefix(digits);
  return true;
}

bool TakeChar(std::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

bool IsLeap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int DaysInMonth(int year, int month) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeap(year) ? 29 : kDays[month - 1];
}

/// Days since 1970-01-01 of a proleptic Gregorian date (Hinnant, "chrono-compatible low-level date algorithms").
int32_t DaysFromCivil(int year, int month, int day) {
  year -= month <= 2;
  const int era = (year >= 0 ? year : year - 399) / 400;
  const int year_of_era = year - era * 400;
  const int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

bool TakeDate(std::string_view* text, int32_t* days) {
  int year, month, day;
  if (!TakeDigits(text, 4, &year) || !TakeChar(text, '-') || !TakeDigits(text, 2, &month) || !TakeChar(text, '-') ||
      !TakeDigits(text, 2, &day)) {
    return false;
  }
  if (month < 1 || month > 12 || day < 1 || day > DaysInMonth(year, month)) return false;
  *days = DaysFromCivil(year, month, day);
  return true;
}

/// hh:mm[:ss[.fraction]] → µs of the day. A leap second counts as the second after it.
bool TakeTimeOfDay(std::string_view* text, int64_t* micros) {
  int hour, minute, second = 0;
  if (!TakeDigits(text, 2, &hour) || !TakeChar(text, ':') || !TakeDigits(text, 2, &minute)) return false;
  int64_t fraction = 0;
  if (TakeChar(text, ':')) {
    if (!TakeDigits(text, 2, &second)) return false;
    if (TakeChar(text, '.') || TakeChar(text, ',')) {
      int64_t unit = 100000;
      size_t n = 0;
      for (; n < text->size() && IsDigit((*text)[n]); ++n, unit /= 10) fraction += ((*text)[n] - '0') * unit;
      if (n == 0) return false;
      text->remove_prefix(n);
    }
  }
  if (hour > 23 || minute > 59 || second > 60) return false;
  *micros = ((hour * 60 + minute) * INT64_C(60) + second) * 1000000 + fraction;
  return true;
}

/// Z, ±hh, ±hhmm, ±hh:mm or nothing → offset from UTC in µs.
bool TakeZone(std::string_view* text, int64_t* offset) {
  *offset = 0;
  if (text->empty() || TakeChar(text, 'Z') || TakeChar(text, 'z')) return true;
  const bool west = text->front() == '-';
  if (!west && text->front() != '+') return false;
  text->remove_prefix(1);
  int hour, minute = 0;
  if (!TakeDigits(text, 2, &hour)) return false;
  if (TakeChar(text, ':') || !text->empty()) {
    if (!TakeDigits(text, 2, &minute)) return false;
  }
  if (hour > 23 || minute > 59) return false;
  *offset = (hour * 60 + minute) * INT64_C(60000000) * (west ? -1 : 1);
  return true;
}

}  // namespace

std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool ParseInt64(std::string_view text, int64_t* value) {
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text.front() == '-') return false;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool ParseDouble(std::string_view text, double* value) {
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text.front() == '-') return false;
  }
  if (text.empty()) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  if (error == std::errc::result_out_of_range) {
    // Too small rounds to zero as everywhere; too large has no value.
    const size_t e = text.find_first_of("eE");
    if (e == std::string_view::npos || text[e + 1] != '-' || end != text.data() + text.size()) return false;
    *value = text.front() == '-' ? -0.0 : 0.0;
    return true;
  }
  return error == std::errc() && end == text.data() + text.size();
}

bool ParseBool(std::string_view text, bool* value) {
  *value = text == "1" || EqualsIgnoreCase(text, "true");
  return *value || text == "0" || EqualsIgnoreCase(text, "false");
}

bool ParseDate(std::string_view text, int32_t* days) { return TakeDate(&text, days) && text.empty(); }

bool ParseTimestamp(std::string_view text, int64_t* micros) {
  int32_t days;
  if (!TakeDate(&text, &days)) return false;
  int64_t time = 0, offset = 0;
  if (!text.empty()) {
    if (!TakeChar(&text, 'T') && !TakeChar(&text, ' ') && !TakeChar(&text, 't')) return false;
    if (!TakeTimeOfDay(&text, &time)) return false;
    if (text.size() > 1 && text.front() == ' ') text.remove_prefix(1);
    if (!TakeZone(&text, &offset) || !text.empty()) return false;
  }
  *micros = days * INT64_C(86400000000) + time - offset;
  return true;
}

bool ParseDecimal(std::string_view text, int32_t precision, int32_t scale, __int128* value) {
  const bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (negative || text.front() == '+')) text.remove_prefix(1);
  int64_t exponent = 0;
  if (const size_t e = text.find_first_of("eE"); e != std::string_view::npos) {
    if (!ParseInt64(text.substr(e + 1), &exponent) || exponent > 100 || exponent < -100) return false;
    text = text.substr(0, e);
  }
  __int128 limit = 1, digits = 0;
  for (int i = 0; i < precision; ++i) limit *= 10;
  int64_t zeros = 0, missing = scale + exponent;  // zeros: held back until a digit that is not zero follows
  bool point = false, any = false;
  for (const char c : text) {
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (!IsDigit(c)) return false;
    any = true;
    missing -= point;
    ++zeros;
    if (c == '0') continue;
    for (; zeros > 0; --zeros) {
      if (digits != 0 && digits >= limit / 10) return false;
      digits *= 10;
    }
    digits += c - '0';
  }
  if (!any) return false;
  missing += zeros;
  if (digits == 0) missing = 0;
  if (missing < 0) return false;
  for (; missing > 0; --missing) {
    if (digits >= limit / 10) return false;
    digits *= 10;
  }
  *value = negative ? -digits : digits;
  return digits < limit;
}

}  // namespace weir
