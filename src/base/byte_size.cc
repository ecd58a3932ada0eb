// Byte sizes: parsing and printing.
#include "base/byte_size.h"

#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace weir {
namespace {

struct Unit {
  std::string_view name;  // lower case
  double bytes;
};
constexpr double kKi = 1024.0;
constexpr Unit kUnits[] = {{"", 1},
                           {"b", 1},
                           {"k", kKi},
                           {"kib", kKi},
                           {"m", kKi* kKi},
                           {"mib", kKi* kKi},
                           {"g", kKi* kKi* kKi},
                           {"gib", kKi* kKi* kKi},
                           {"t", kKi* kKi* kKi* kKi},
                           {"tib", kKi* kKi* kKi* kKi},
                           {"kb", 1e3},
                           {"mb", 1e6},
                           {"gb", 1e9},
                           {"tb", 1e12}};

}  // namespace

Result<ByteSize> ParseByteSize(std::string_view text) {
  const auto malformed = [&] {
    return Status::Invalid("'", text,
                           "' is not a size; write a number of bytes with B, KiB, MiB, GiB or TiB, such as 64MiB");
  };
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || number < 0 || !std::isfinite(number)) return malformed();
  std::string suffix;
  for (const char* c = end; c != text.data() + text.size(); ++c) {
    if (*c != ' ') suffix.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(*c))));
  }
  for (const Unit& unit : kUnits) {
    if (suffix != unit.name) continue;
    const double bytes = number * unit.bytes;
    if (bytes >= 9.2e18) return Status::Invalid("'", text, "' is larger than a size can be");
    return ByteSize{static_cast<int64_t>(std::llround(bytes))};
  }
  return malformed();
}

std::string FormatByteSize(ByteSize size) {
  static constexpr const char* kNames[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(size.bytes);
  int unit = 0;
  while (std::fabs(value) >= kKi && unit < 6) {
    value /= kKi;
    ++unit;
  }
  char text[32];
  const bool whole = std::fabs(value - std::round(value)) < 0.05 || unit == 0;
  std::snprintf(text, sizeof text, whole ? "%.0f%s" : "%.1f%s", value, kNames[unit]);
  return text;
}

}  // namespace weir
