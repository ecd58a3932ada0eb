// numeric on the wire (numeric_send in PostgreSQL's numeric.c):
//   digits:i16 weight:i16 sign:u16 scale:i16 digit:i16[digits]     big endian; digits in base 10,000, the first one
//   worth 10,000^weight; sign 0x0000, 0x4000 (negative), 0xC000 (NaN), 0xD000, 0xF000 (infinities)
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

constexpr int64_t kMaxNumericBytes = 8 + 2 * 12;

/// Writes value / 10^scale at `to`, which has room for kMaxNumericBytes; returns the end.
char* WriteNumeric(__int128 value, int32_t scale, char* to);

/// value * 10^scale. False: NaN, an infinity, more decimals than `scale`, more digits than 38, or damaged bytes.
bool ReadNumeric(std::string_view bytes, int32_t scale, __int128* value);

}  // namespace weir
