// Numbers as text: see number_text.h.
#include "expr/functions/number_text.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/print_value.h"

namespace weir::expr {
namespace {

std::string_view Trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r')) s.remove_suffix(1);
  return s;
}

}  // namespace

std::string FormatDouble(double value) {
  char text[kMaxDoubleChars];
  return {text, PrintDouble(value, text)};
}

bool ParseInt64(std::string_view text, int64_t* value) {
  text = Trim(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), *value);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && !text.empty();
}

bool ParseDouble(std::string_view text, double* value) {
  text = Trim(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), *value);
  if (parsed.ec == std::errc::result_out_of_range) {
    *value = text.find("e-") != std::string_view::npos || text.find("E-") != std::string_view::npos ? 0.0
             : text[0] == '-'                                                                       ? -HUGE_VAL
                                                                                                    : HUGE_VAL;
    return true;
  }
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && !text.empty();
}

Int128 PowerOfTen(int n) {
  static const auto kPowers = [] {
    std::array<Int128, 39> powers;
    powers[0] = 1;
    for (int i = 1; i < 39; ++i) powers[i] = powers[i - 1] * 10;
    return powers;
  }();
  return kPowers[n];
}

Int128 DividePowerOfTen(Int128 value, int digits) {
  if (digits <= 0) return value;
  if (digits > 38) return 0;
  Int128 unit = PowerOfTen(digits);
  Int128 quotient = value / unit;
  Int128 rest = value % unit;
  if (rest < 0) rest = -rest;
  return rest >= unit - rest ? quotient + (value < 0 ? -1 : 1) : quotient;
}

std::string FormatDecimal(Int128 value, int scale) {
  char text[kMaxDecimalChars];
  return {text, PrintDecimal(value, scale, text)};
}

bool ParseDecimal(std::string_view text, int precision, int scale, Int128* value) {
  text = Trim(text);
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int exponent = 0;
  if (size_t e = text.find_first_of("eE"); e != std::string_view::npos) {
    const char* first = text.data() + e + 1;
    if (first < text.data() + text.size() && *first == '+') ++first;
    auto parsed = std::from_chars(first, text.data() + text.size(), exponent);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return false;
    text = text.substr(0, e);
  }
  if (exponent > 1000 || exponent < -1000) return false;
  Int128 digits = 0;
  int shift = exponent + scale;  // digits × 10^shift is the value
  bool any = false, point = false, dropped_half = false, dropped = false;
  for (char c : text) {
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') return false;
    any = true;
    if (digits < PowerOfTen(37)) {
      digits = digits * 10 + (c - '0');
      shift -= point;
    } else {
      if (!dropped) dropped_half = c >= '5';
      dropped = true;
      shift += !point;
    }
  }
  if (!any) return false;
  if (shift < 0) digits = DividePowerOfTen(digits, -shift);
  for (; shift > 0 && digits != 0; --shift) {
    if (digits >= PowerOfTen(37)) return false;
    digits *= 10;
  }
  if (dropped_half && shift >= 0) ++digits;
  if (!FitsPrecision(digits, precision)) return false;
  *value = negative ? -digits : digits;
  return true;
}

}  // namespace weir::expr
