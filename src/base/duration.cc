// Durations: parsing without rounding errors and printing.
#include "base/duration.h"

#include <cctype>
#include <charconv>

namespace weir {
namespace {

struct Unit {
  std::string_view name;
  int64_t us;
};
// Longest first for printing; "m" is minutes, as in Beam.
constexpr Unit kUnits[] = {{"d", 86'400'000'000}, {"h", 3'600'000'000}, {"m", 60'000'000},
                           {"s", 1'000'000},      {"ms", 1'000},        {"us", 1}};

Status Malformed(std::string_view text) {
  return Status::Invalid("'", text,
                         "' is not a duration; write a number with us, ms, s, m, h or d, such as 30s or 1.5h");
}

}  // namespace

Result<Duration> ParseDuration(std::string_view text) {
  const std::string_view whole = text;
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  size_t digits = 0;
  while (digits < text.size() && (std::isdigit(static_cast<unsigned char>(text[digits])) || text[digits] == '.'))
    ++digits;
  const std::string_view number = text.substr(0, digits);
  std::string_view suffix = text.substr(digits);
  while (!suffix.empty() && suffix[0] == ' ') suffix.remove_prefix(1);
  int64_t unit = suffix.empty() ? 1'000'000 : 0;
  for (const Unit& u : kUnits) {
    if (suffix == u.name) unit = u.us;
  }
  if (unit == 0 || number.empty()) return Malformed(whole);
  // Whole and fraction apart: 0.1s is exactly 100 ms.
  const size_t point = number.find('.');
  const std::string_view integer = number.substr(0, point);
  const std::string_view fraction = point == std::string_view::npos ? std::string_view() : number.substr(point + 1);
  if (integer.empty() && fraction.empty()) return Malformed(whole);
  int64_t count = 0;
  if (!integer.empty()) {
    const auto [end, error] = std::from_chars(integer.data(), integer.data() + integer.size(), count);
    if (error != std::errc() || end != integer.data() + integer.size()) return Malformed(whole);
  }
  int64_t us = 0;
  if (__builtin_mul_overflow(count, unit, &us))
    return Status::Invalid("'", whole, "' is longer than a duration can be");
  int64_t scale = unit;
  for (size_t i = 0; i < fraction.size(); ++i) {
    if (fraction[i] == '.') return Malformed(whole);
    const int64_t part = (fraction[i] - '0') * scale;
    if (part % 10 != 0) return Status::Invalid("'", whole, "' is finer than a microsecond");
    if (__builtin_add_overflow(us, part / 10, &us))
      return Status::Invalid("'", whole, "' is longer than a duration can be");
    if (scale % 10 != 0 && fraction.find_first_not_of('0', i + 1) != std::string_view::npos) {
      return Status::Invalid("'", whole, "' is finer than a microsecond");
    }
    scale /= 10;
  }
  return Duration{negative ? -us : us};
}

std::string FormatDuration(Duration duration) {
  if (duration.us == 0) return "0s";
  for (const Unit& unit : kUnits) {
    if (duration.us % unit.us == 0) return std::to_string(duration.us / unit.us) + std::string(unit.name);
  }
  return std::to_string(duration.us) + "us";
}

}  // namespace weir
