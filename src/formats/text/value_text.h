// Values from text: the careful parsers, inverse of the printers of base/print_value.h.
// Every parser takes the whole of [begin, end) or fails; none reads outside it.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"

namespace weir {

/// [+-]?[0-9]+ that fits 64 bits.
bool ParseInt64(std::string_view text, int64_t* value);
/// Decimal or scientific, "inf" and "infinity" with a sign, "nan"; correctly rounded. Beyond the range of a double
/// fails.
bool ParseDouble(std::string_view text, double* value);
/// true, false, 1, 0 (any case of letters).
bool ParseBool(std::string_view text, bool* value);
/// YYYY-MM-DD → days since 1970-01-01.
bool ParseDate(std::string_view text, int32_t* days);
/// RFC 3339, with a space for the T, without seconds, without a zone (then UTC), or a bare date (midnight UTC) → µs
/// since 1970-01-01T00:00:00Z. Digits beyond the microsecond are dropped.
bool ParseTimestamp(std::string_view text, int64_t* micros);
/// A decimal number with at most `scale` decimals (trailing zeros aside) and `precision` digits → value * 10^scale.
bool ParseDecimal(std::string_view text, int32_t precision, int32_t scale, __int128* value);

/// `text` without spaces and tabs at both ends.
std::string_view TrimBlanks(std::string_view text);

}  // namespace weir
