// UTF-8 by hand: validation with the place of the damage, code points, display width.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

/// Offset of the first byte that is not valid UTF-8 (overlong forms and surrogates count as invalid), or npos.
size_t FirstInvalidUtf8(std::string_view text);

/// Decodes the code point at text[*offset] and moves *offset behind it. An invalid byte is returned as U+FFFD, one at a
/// time.
uint32_t NextCodePoint(std::string_view text, size_t* offset);

/// Number of code points; an invalid byte counts as one.
size_t CountCodePoints(std::string_view text);

void AppendUtf8(uint32_t code_point, std::string* out);

/// Columns that the code point takes on a terminal: 0 for combining marks, 2 for wide East Asian forms and emoji,
/// else 1.
int DisplayWidth(uint32_t code_point);

}  // namespace weir
