// Numbers as text, both ways.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "batch/types.h"

namespace weir::expr {

using Int128 = __int128;

/// Shortest text that reads back to the same double, laid out as Python's repr: 1.0, 0.1, 1e+16, nan, inf.
std::string FormatDouble(double value);

/// Decimal digits with optional sign, blanks around. False when it is anything else or does not fit.
bool ParseInt64(std::string_view text, int64_t* value);
/// Decimal or scientific, nan, inf, infinity; blanks around.
bool ParseDouble(std::string_view text, double* value);

std::string FormatDecimal(Int128 value, int scale);
/// Rounds half away from zero to `scale`. False when it is no number or has more than `precision` digits.
bool ParseDecimal(std::string_view text, int precision, int scale, Int128* value);

/// 10^n, n in 0 … 38.
Int128 PowerOfTen(int n);
/// `value` × 10^-digits, rounded half away from zero.
Int128 DividePowerOfTen(Int128 value, int digits);
inline bool FitsPrecision(Int128 value, int precision) {
  Int128 limit = PowerOfTen(precision);
  return value < limit && value > -limit;
}

}  // namespace weir::expr
