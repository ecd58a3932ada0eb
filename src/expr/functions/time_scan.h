// Reading the parts of a time from text: each function takes what it can at `*at` and moves it on.
#pragma once

#include <cstdint>
#include <string_view>

#include "expr/functions/time_text.h"

namespace weir::expr {

// Reads exactly `least` to `most` digits at `*at`.
inline bool Digits(std::string_view s, size_t* at, int least, int most, int64_t* value) {
  *value = 0;
  int n = 0;
  while (n < most && *at < s.size() && s[*at] >= '0' && s[*at] <= '9') {
    *value = *value * 10 + (s[(*at)++] - '0');
    ++n;
  }
  return n >= least;
}

inline bool Take(std::string_view s, size_t* at, char c) { return *at < s.size() && s[*at] == c && ++*at; }

// A fraction of a second at `*at`, 1 to 9 digits, as microseconds.
inline bool Fraction(std::string_view s, size_t* at, int64_t* micros) {
  int n = 0;
  *micros = 0;
  for (; *at < s.size() && s[*at] >= '0' && s[*at] <= '9'; ++*at, ++n) {
    if (n < 6) *micros = *micros * 10 + (s[*at] - '0');
  }
  for (int k = n; k < 6; ++k) *micros *= 10;
  return n >= 1 && n <= 9;
}

// Z, +hh:mm, +hhmm, +hh: seconds east of UTC.
inline bool Zone(std::string_view s, size_t* at, int64_t* seconds) {
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

// The timestamp of a day, seconds of it and microseconds of those; false when it overflows.
inline bool Combine(int64_t days, int64_t seconds, int64_t micros, int64_t* out) {
  return !__builtin_mul_overflow(days, kMicrosPerDay, out) &&
         !__builtin_add_overflow(*out, seconds * kMicrosPerSecond + micros, out);
}

}  // namespace weir::expr
