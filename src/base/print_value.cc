// Printers of single values: digits in pairs, doubles of few places by trying.
#include "base/print_value.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace weir {
namespace {

constexpr std::array<char, 200> kTwoDigits = [] {
  std::array<char, 200> pairs{};
  for (int i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

/// Of the places that PrintShortDecimal tries.
constexpr std::array<double, 5> kPowersOfTen = {1e0, 1e1, 1e2, 1e3, 1e4};

void PutTwo(char* out, unsigned value) { std::memcpy(out, &kTwoDigits[2 * value], 2); }

int CountDigits(uint64_t value) {
  static constexpr std::array<uint64_t, 20> kPowers = [] {
    std::array<uint64_t, 20> powers{};
    uint64_t p = 1;
    for (auto& power : powers) {
      power = p;
      p *= 10;
    }
    return powers;
  }();
  // log10(2) ≈ 1233 / 4096 (Warren, "Hacker's Delight", §11-4).
  const int guess = ((64 - __builtin_clzll(value | 1)) * 1233) >> 12;
  return guess + (value >= kPowers[guess]) + (value == 0);
}

char* PrintUint64(uint64_t value, char* out) {
  char* const end = out + CountDigits(value);
  char* at = end;
  while (value >= 100) {
    at -= 2;
    PutTwo(at, value % 100);
    value /= 100;
  }
  if (value >= 10) {
    PutTwo(at - 2, value);
  } else {
    at[-1] = static_cast<char>('0' + value);
  }
  return end;
}

/// A double that is a decimal of at most four places and fifteen digits: the shortest text is then unique, and found by
/// trying. Returns null for the others.
char* PrintShortDecimal(double magnitude, char* out) {
  for (int places = 0; places <= 4; ++places) {
    const double scaled = magnitude * kPowersOfTen[places];
    if (!(scaled < 1e15)) return nullptr;
    const double rounded = std::nearbyint(scaled);
    // The product is rounded once: farther off than that it is no integer, and the division is not worth trying.
    if (std::abs(scaled - rounded) > scaled * 4.5e-16 || rounded / kPowersOfTen[places] != magnitude) continue;
    const auto digits = static_cast<uint64_t>(rounded);
    const auto unit = static_cast<uint64_t>(kPowersOfTen[places]);
    out = PrintUint64(digits / unit, out);
    *out++ = '.';
    uint64_t fraction = digits % unit;
    const int width = places == 0 ? 1 : places;
    for (int i = width - 1; i >= 0; --i, fraction /= 10) out[i] = static_cast<char>('0' + fraction % 10);
    return out + width;
  }
  return nullptr;
}

/// Digits d1 d2 … and decimal exponent as Python's repr lays them out.
char* LayOut(const char* digits, int count, int exponent, char* out) {
  if (exponent < -4 || exponent >= 16) {
    *out++ = digits[0];
    if (count > 1) {
      *out++ = '.';
      std::memcpy(out, digits + 1, count - 1);
      out += count - 1;
    }
    *out++ = 'e';
    *out++ = exponent < 0 ? '-' : '+';
    const int magnitude = std::abs(exponent);
    if (magnitude < 10) *out++ = '0';
    return PrintUint64(magnitude, out);
  }
  if (exponent < 0) {
    *out++ = '0';
    *out++ = '.';
    for (int i = -1; i > exponent; --i) *out++ = '0';
    std::memcpy(out, digits, count);
    return out + count;
  }
  for (int i = 0; i <= exponent; ++i) *out++ = i < count ? digits[i] : '0';
  *out++ = '.';
  if (count <= exponent + 1) {
    *out++ = '0';
    return out;
  }
  std::memcpy(out, digits + exponent + 1, count - exponent - 1);
  return out + count - exponent - 1;
}

/// Year, month and day of a day number (Hinnant, "chrono-compatible low-level date algorithms").
char* PrintCivil(int64_t days, char* out) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146097);
  const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted = (5 * day_of_year + 2) / 153;
  const unsigned month = shifted + (shifted < 10 ? 3 : -9);
  int64_t year = year_of_era + era * 400 + (month <= 2);
  if (year < 0 || year > 9999) {
    *out++ = year < 0 ? '-' : '+';
    year = std::llabs(year);
  }
  if (year > 9999) {
    out = PrintUint64(year, out);
  } else {
    PutTwo(out, static_cast<unsigned>(year / 100));
    PutTwo(out + 2, static_cast<unsigned>(year % 100));
    out += 4;
  }
  *out++ = '-';
  PutTwo(out, month);
  out[2] = '-';
  PutTwo(out + 3, day_of_year - (153 * shifted + 2) / 5 + 1);
  return out + 5;
}

}  // namespace

char* PrintInt64(int64_t value, char* out) {
  auto magnitude = static_cast<uint64_t>(value);
  if (value < 0) {
    *out++ = '-';
    magnitude = 0 - magnitude;
  }
  return PrintUint64(magnitude, out);
}

char* PrintDouble(double value, char* out) {
  if (std::signbit(value) && !std::isnan(value)) {
    *out++ = '-';
    value = -value;
  }
  if (!std::isfinite(value)) {
    std::memcpy(out, std::isnan(value) ? "nan" : "inf", 3);
    return out + 3;
  }
  if (char* end = PrintShortDecimal(value, out)) return end;
  char text[40];
  const auto result = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
  const char* e = static_cast<const char*>(std::memchr(text, 'e', result.ptr - text));
  int exponent = 0;
  std::from_chars(e[1] == '+' ? e + 2 : e + 1, result.ptr, exponent);
  char digits[24] = {};
  int count = 0;
  for (const char* p = text; p < e; ++p) {
    if (*p != '.') digits[count++] = *p;
  }
  return LayOut(digits, count, exponent, out);
}

char* PrintTimestamp(int64_t micros, char* out) {
  constexpr int64_t kDay = INT64_C(86400000000);
  int64_t days = micros / kDay, time = micros % kDay;
  if (time < 0) {
    time += kDay;
    --days;
  }
  out = PrintCivil(days, out);
  const auto seconds = static_cast<unsigned>(time / 1000000);
  auto fraction = static_cast<unsigned>(time % 1000000);
  *out = 'T';
  PutTwo(out + 1, seconds / 3600);
  out[3] = ':';
  PutTwo(out + 4, seconds / 60 % 60);
  out[6] = ':';
  PutTwo(out + 7, seconds % 60);
  out += 9;
  if (fraction) {
    *out = '.';
    PutTwo(out + 1, fraction / 10000);
    PutTwo(out + 3, fraction / 100 % 100);
    PutTwo(out + 5, fraction % 100);
    out += 7;
    while (out[-1] == '0') --out;
  }
  *out++ = 'Z';
  return out;
}

char* PrintDate(int64_t days, char* out) { return PrintCivil(days, out); }

char* PrintDecimal(__int128 value, int32_t scale, char* out) {
  auto magnitude = static_cast<unsigned __int128>(value);
  if (value < 0) {
    *out++ = '-';
    magnitude = 0 - magnitude;
  }
  char digits[48];
  int count = 0;
  for (; magnitude != 0 || count <= scale; magnitude /= 10) digits[count++] = static_cast<char>('0' + magnitude % 10);
  while (count > 0) {
    if (count == scale) *out++ = '.';
    *out++ = digits[--count];
  }
  return out;
}

}  // namespace weir
