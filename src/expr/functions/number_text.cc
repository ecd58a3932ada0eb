// Numbers as text: see number_text.h.
#include "expr/functions/number_text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace weir::expr {
namespace {

std::string_view Trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r')) s.remove_suffix(1);
  return s;
}

}  // namespace

std::string FormatDouble(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char text[40];
  auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  std::string_view all(text, end - text);
  size_t e = all.find('e');
  std::string digits;
  for (char c : all.substr(0, e)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  int exponent = 0;
  size_t from = e + 1 + (all[e + 1] == '+');
  std::from_chars(text + from, end, exponent);
  std::string sign = text[0] == '-' ? "-" : "";
  int count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    if (count > 1) digits.insert(1, 1, '.');
    std::string power = std::to_string(std::abs(exponent));
    return sign + digits + (exponent < 0 ? "e-" : "e+") + (power.size() < 2 ? "0" : "") + power;
  }
  if (exponent < 0) return sign + "0." + std::string(-exponent - 1, '0') + digits;
  if (count <= exponent + 1) return sign + digits + std::string(exponent + 1 - count, '0') + ".0";
  return sign + digits.substr(0, exponent + 1) + "." + digits.substr(exponent + 1);
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
  bool negative = value < 0;
  auto rest = negative ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  std::string reversed;
  for (; rest != 0; rest /= 10) reversed += static_cast<char>('0' + static_cast<int>(rest % 10));
  while (static_cast<int>(reversed.size()) <= scale) reversed += '0';
  if (scale > 0) reversed.insert(scale, 1, '.');
  if (negative) reversed += '-';
  return {reversed.rbegin(), reversed.rend()};
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
