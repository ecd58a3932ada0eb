// Doubles as keys: bits of which equality is equality of keys.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace weir {

/// The bits of `value`, with one zero and one NaN.
inline int64_t DoubleKeyBits(double value) {
  if (value == 0) value = 0;
  if (value != value) value = std::numeric_limits<double>::quiet_NaN();
  return std::bit_cast<int64_t>(value);
}

inline double DoubleFromKeyBits(int64_t bits) { return std::bit_cast<double>(bits); }

}  // namespace weir
