// Times as text: see time_text.h.
#include "expr/functions/time_text.h"

#include <array>
#include <cstdio>

namespace weir::expr {
namespace {

constexpr std::array<std::string_view, 7> kWeekdays = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                       "Friday", "Saturday", "Sunday"};
constexpr std::array<std::string_view, 12> kMonths = {"January",   "February", "March",    "April",
                                                      "May",       "June",     "July",     "August",
                                                      "September", "October",  "November", "December"};

// Reads exactly `least` to `most` digits at `*at`.
bool Digits(std::string_view s, size_t* at, int least, int most, int64_t* value) {
  *value = 0;
  int n = 0;
  while (n < most && *at < s.size() && s[*at] >= '0' && s[*at] <= '9') {
    *value = *value * 10 + (s[(*at)++] - '0');
    ++n;
  }
  return n >= least;
}

bool Take(std::string_view s, size_t* at, char c) { return *at < s.size() && s[*at] == c && ++*at; }

// A fraction of a second at `*at`, 1 to 9 digits, as microseconds.
bool Fraction(std::string_view s, size_t* at, int64_t* micros) {
  int n = 0;
  *micros = 0;
  for (; *at < s.size() && s[*at] >= '0' && s[*at] <= '9'; ++*at, ++n) {
    if (n < 6) *micros = *micros * 10 + (s[*at] - '0');
  }
  for (int k = n; k < 6; ++k) *micros *= 10;
  return n >= 1 && n <= 9;
}

// Z, +hh:mm, +hhmm, +hh: seconds east of UTC.
bool Zone(std::string_view s, size_t* at, int64_t* seconds) {
  if (Take(s, at, 'Z') || Take(s, at, 'z')) {
    *seconds = 0;
    return true;
  }
  int64_t sign = 1, hours, minutes = 0;
  if (Take(s, at, '-')) {
    sign = -1;
  } else if (!Take(s, at, '+')) {
    return false;
  }
  if (!Digits(s, at, 2, 2, &hours)) return false;
  bool colon = Take(s, at, ':');
  bool more = *at < s.size() && s[*at] >= '0' && s[*at] <= '9';
  if ((colon || more) && !Digits(s, at, 2, 2, &minutes)) return false;
  *seconds = sign * (hours * 3600 + minutes * 60);
  return hours < 24 && minutes < 60;
}

bool DateAt(std::string_view s, size_t* at, int64_t* days) {
  bool negative = Take(s, at, '-');
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

bool Combine(int64_t days, int64_t seconds, int64_t micros, int64_t* out) {
  return !__builtin_mul_overflow(days, kMicrosPerDay, out) &&
         !__builtin_add_overflow(*out, seconds * kMicrosPerSecond + micros, out);
}

std::string_view Trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

bool SameLetters(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if ((a[i] | 32) != (b[i] | 32)) return false;
  }
  return true;
}

// Index of the name in `names` (full, or its first three letters) at `*at`, or -1.
template <size_t N>
int NameAt(std::string_view s, size_t* at, const std::array<std::string_view, N>& names) {
  for (size_t i = 0; i < N; ++i) {
    for (size_t length : {names[i].size(), size_t{3}}) {
      if (SameLetters(s.substr(*at, length), names[i].substr(0, length))) {
        *at += length;
        return static_cast<int>(i);
      }
    }
  }
  return -1;
}

constexpr std::string_view kPatterns = "YmdHMSfjyaAbBepIuwVGFTszZ%";

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
  Civil c = CivilFromDays(days);
  char text[40];
  int n = std::snprintf(text, sizeof text, c.year < 0 ? "-%04lld-%02d-%02d" : "%04lld-%02d-%02d",
                        static_cast<long long>(c.year < 0 ? -c.year : c.year), c.month, c.day);
  return {text, static_cast<size_t>(n)};
}

std::string FormatTimestamp(int64_t micros) {
  int64_t days = FloorDiv(micros, kMicrosPerDay);
  int64_t rest = FloorMod(micros, kMicrosPerDay);
  auto seconds = static_cast<int>(rest / kMicrosPerSecond);
  auto fraction = static_cast<int>(rest % kMicrosPerSecond);
  char text[32];
  int n = std::snprintf(text, sizeof text, "T%02d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (fraction != 0) {
    n += std::snprintf(text + n, sizeof text - n, ".%06d", fraction);
    while (text[n - 1] == '0') --n;
  }
  return FormatDate(days) + std::string(text, n) + "Z";
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

bool IsTimePattern(std::string_view pattern, std::string* bad) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') continue;
    ++i;
    if (i == pattern.size() || kPatterns.find(pattern[i]) == std::string_view::npos) {
      *bad = i == pattern.size() ? "%" : "%" + std::string(1, pattern[i]);
      return false;
    }
  }
  return true;
}

bool FormatTime(std::string_view pattern, int64_t micros, std::string* out, std::string* bad) {
  int64_t days = FloorDiv(micros, kMicrosPerDay);
  int64_t rest = FloorMod(micros, kMicrosPerDay);
  int64_t second = rest / kMicrosPerSecond;
  Civil c = CivilFromDays(days);
  auto number = [&](int width, int64_t value) {
    char text[24];
    out->append(text, std::snprintf(text, sizeof text, "%0*lld", width, static_cast<long long>(value)));
  };
  if (!IsTimePattern(pattern, bad)) return false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      *out += pattern[i];
      continue;
    }
    int64_t iso_year;
    switch (pattern[++i]) {
      case 'Y':
        number(4, c.year);
        break;
      case 'm':
        number(2, c.month);
        break;
      case 'd':
        number(2, c.day);
        break;
      case 'e':
        c.day < 10 ? (*out += ' ', number(1, c.day)) : number(2, c.day);
        break;
      case 'H':
        number(2, second / 3600);
        break;
      case 'I':
        number(2, (second / 3600 + 11) % 12 + 1);
        break;
      case 'M':
        number(2, second / 60 % 60);
        break;
      case 'S':
        number(2, second % 60);
        break;
      case 'f':
        number(6, rest % kMicrosPerSecond);
        break;
      case 'j':
        number(3, days - DaysFromCivil(c.year, 1, 1) + 1);
        break;
      case 'y':
        number(2, FloorMod(c.year, 100));
        break;
      case 'a':
        *out += kWeekdays[IsoWeekday(days) - 1].substr(0, 3);
        break;
      case 'A':
        *out += kWeekdays[IsoWeekday(days) - 1];
        break;
      case 'b':
        *out += kMonths[c.month - 1].substr(0, 3);
        break;
      case 'B':
        *out += kMonths[c.month - 1];
        break;
      case 'p':
        *out += second < 43200 ? "AM" : "PM";
        break;
      case 'u':
        number(1, IsoWeekday(days));
        break;
      case 'w':
        number(1, IsoWeekday(days) % 7);
        break;
      case 'V':
        number(2, IsoWeek(days, nullptr));
        break;
      case 'G':
        IsoWeek(days, &iso_year);
        number(4, iso_year);
        break;
      case 'F':
        *out += FormatDate(days);
        break;
      case 'T':
        number(2, second / 3600);
        *out += ':';
        number(2, second / 60 % 60);
        *out += ':';
        number(2, second % 60);
        break;
      case 's':
        number(1, FloorDiv(micros, kMicrosPerSecond));
        break;
      case 'z':
        *out += "+0000";
        break;
      case 'Z':
        *out += "UTC";
        break;
      default:
        *out += '%';
    }
  }
  return true;
}

bool ParseTime(std::string_view pattern, std::string_view s, int64_t* micros) {
  int64_t year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0, fraction = 0, zone = 0, day_of_year = 0;
  int64_t epoch = 0;
  bool has_epoch = false, pm = false, half_day = false;
  size_t at = 0;
  std::string expanded;  // %F and %T written out
  for (size_t i = 0; i < pattern.size(); ++i) {
    bool two = pattern[i] == '%' && i + 1 < pattern.size();
    if (two && pattern[i + 1] == 'F')
      expanded += "%Y-%m-%d";
    else if (two && pattern[i + 1] == 'T')
      expanded += "%H:%M:%S";
    else
      expanded += two ? std::string(pattern.substr(i, 2)) : std::string(1, pattern[i]);
    i += two;
  }
  for (size_t i = 0; i < expanded.size(); ++i) {
    if (expanded[i] == ' ') {  // any amount of space, as strptime
      while (at < s.size() && s[at] == ' ') ++at;
      continue;
    }
    if (expanded[i] != '%' || i + 1 == expanded.size()) {
      if (!Take(s, &at, expanded[i])) return false;
      continue;
    }
    bool ok = true, negative = false;
    int name;
    switch (expanded[++i]) {
      case 'Y':
        ok = Digits(s, &at, 1, 4, &year);
        break;
      case 'm':
        ok = Digits(s, &at, 1, 2, &month);
        break;
      case 'e':
        while (at < s.size() && s[at] == ' ') ++at;
        [[fallthrough]];
      case 'd':
        ok = Digits(s, &at, 1, 2, &day);
        break;
      case 'H':
        ok = Digits(s, &at, 1, 2, &hour) && hour < 24;
        break;
      case 'I':
        ok = Digits(s, &at, 1, 2, &hour) && hour >= 1 && hour <= 12;
        half_day = true;
        break;
      case 'M':
        ok = Digits(s, &at, 1, 2, &minute) && minute < 60;
        break;
      case 'S':
        ok = Digits(s, &at, 1, 2, &second) && second <= 60;
        break;
      case 'f':
        ok = Fraction(s, &at, &fraction);
        break;
      case 'j':
        ok = Digits(s, &at, 1, 3, &day_of_year) && day_of_year >= 1;
        break;
      case 'y':
        ok = Digits(s, &at, 2, 2, &year);
        year += year < 69 ? 2000 : 1900;
        break;
      case 'b':
      case 'B':
        name = NameAt(s, &at, kMonths);
        ok = name >= 0;
        month = name + 1;
        break;
      case 'a':
      case 'A':
        ok = NameAt(s, &at, kWeekdays) >= 0;
        break;
      case 'p':
        pm = SameLetters(s.substr(at, 2), "pm");
        ok = pm || SameLetters(s.substr(at, 2), "am");
        at += 2;
        break;
      case 's':
        negative = Take(s, &at, '-');
        ok = Digits(s, &at, 1, 12, &epoch);
        has_epoch = true;
        epoch = negative ? -epoch : epoch;
        break;
      case 'z':
        ok = Zone(s, &at, &zone);
        break;
      case 'Z':
        ok = s.substr(at, 3) == "UTC" || s.substr(at, 3) == "GMT";
        at += 3;
        break;
      case '%':
        ok = Take(s, &at, '%');
        break;
      default:
        ok = false;
    }
    if (!ok) return false;
  }
  if (at != s.size()) return false;
  if (has_epoch) return Combine(0, epoch, fraction, micros);
  if (half_day) hour = hour % 12 + (pm ? 12 : 0);
  if (month < 1 || month > 12 || day < 1 || day > DaysInMonth(year, static_cast<int>(month))) return false;
  int64_t days = DaysFromCivil(year, static_cast<int>(month), static_cast<int>(day));
  if (day_of_year > 0) {
    if (day_of_year > 365 + IsLeapYear(year)) return false;
    days = DaysFromCivil(year, 1, 1) + day_of_year - 1;
  }
  return Combine(days, hour * 3600 + minute * 60 + second - zone, fraction, micros);
}

}  // namespace weir::expr
