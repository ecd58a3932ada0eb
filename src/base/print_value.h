// Single values as text: what files, expressions, tables and messages all print them with.
#pragma once

#include <cstdint>
#include <string>

namespace weir {

/// Each writes at `out`, which has room for the named number of bytes, and returns the end.
inline constexpr int kMaxInt64Chars = 20;
inline constexpr int kMaxDoubleChars = 32;
inline constexpr int kMaxTimestampChars = 40;
inline constexpr int kMaxDateChars = 32;
inline constexpr int kMaxDecimalChars = 48;
char* PrintInt64(int64_t value, char* out);
/// Shortest text that reads back as the same double, laid out as Python's repr: 1.0, 0.1, 1e+20, -inf, nan.
char* PrintDouble(double value, char* out);
/// RFC 3339 with a fraction of as few digits as the value needs, from µs since 1970 UTC: 2026-03-01T23:50:00Z. Years
/// outside of 0000–9999 get a sign, as ISO 8601 has it.
char* PrintTimestamp(int64_t micros, char* out);
/// 2026-03-01, from days since 1970.
char* PrintDate(int64_t days, char* out);
char* PrintDecimal(__int128 value, int32_t scale, char* out);

}  // namespace weir
