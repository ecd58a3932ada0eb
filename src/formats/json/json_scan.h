// Reading JSON tokens by whole vectors: digits, strings, white space. All of it may read kTextBackPadding past the end.
#pragma once

#include <immintrin.h>

#include <array>
#include <cstdint>

#include "formats/text/number_text.h"

namespace weir {

/// Deepest nesting of values that are skipped or looked at for a schema.
inline constexpr int kMaxJsonDepth = 512;

namespace json_scan_internal {

/// 16 bytes 0x80, then 0 … 15: a shuffle by the mask at offset n moves the first n bytes to the end and zeroes the
/// rest.
alignas(32) inline constexpr std::array<uint8_t, 32> kMoveToEnd = [] {
  std::array<uint8_t, 32> bytes{};
  for (int i = 0; i < 16; ++i) bytes[i] = 0x80;
  for (int i = 16; i < 32; ++i) bytes[i] = static_cast<uint8_t>(i - 16);
  return bytes;
}();

}  // namespace json_scan_internal

/// The digits at `p`, at most 16 of them: their number, and their value.
inline int ReadDigits16(const char* p, uint64_t* value) {
  const __m128i raw = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const __m128i digits = _mm_sub_epi8(raw, _mm_set1_epi8('0'));
  const __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digits, _mm_set1_epi8(9)), digits);
  const int count = __builtin_ctz(~static_cast<uint32_t>(_mm_movemask_epi8(is_digit)));
  const __m128i mask = _mm_loadu_si128(reinterpret_cast<const __m128i*>(json_scan_internal::kMoveToEnd.data() + count));
  *value = number_text_internal::Digits16ToInt(_mm_shuffle_epi8(digits, mask));
  return count;
}

/// Past spaces, tabs and carriage returns, and past line breaks when `lines_too`.
inline const char* SkipJsonBlanks(const char* p, bool lines_too) {
  while (*p == ' ' || *p == '\t' || *p == '\r' || (lines_too && *p == '\n')) ++p;
  return p;
}

/// Bytes of `p` that end a run of ordinary string characters: quote, backslash, control character.
inline uint32_t JsonStringStops(__m256i bytes) {
  const __m256i quote = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"'));
  const __m256i backslash = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\'));
  const __m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(0x1F)), bytes);
  return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_or_si256(_mm256_or_si256(quote, backslash), control)));
}

/// Decodes the \uXXXX (or pair of them) at `p`, which stands on the backslash: writes UTF-8 at *out, moves *out,
/// returns the end; null when the digits are wrong or a surrogate stands alone.
const char* ReadJsonUnicodeEscape(const char* p, char** out);

/// Copies the string whose first character is at `p` (after the quote) to *out, escapes resolved, and moves *out.
/// Returns the end, past the closing quote; null at a control character, a wrong escape or the end of the text. Writes
/// up to 32 bytes past *out; never more bytes than it reads, rounded up to 32.
inline const char* CopyJsonString(const char* p, char** out) {
  char* to = *out;
  for (;;) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bytes);
    const uint32_t stops = JsonStringStops(bytes);
    if (stops == 0) {
      p += 32;
      to += 32;
      continue;
    }
    const int run = __builtin_ctz(stops);
    p += run;
    to += run;
    if (*p == '"') {
      *out = to;
      return p + 1;
    }
    if (*p != '\\') return nullptr;
    char plain;
    switch (p[1]) {
      case '"':
      case '\\':
      case '/':
        plain = p[1];
        break;
      case 'n':
        plain = '\n';
        break;
      case 't':
        plain = '\t';
        break;
      case 'r':
        plain = '\r';
        break;
      case 'b':
        plain = '\b';
        break;
      case 'f':
        plain = '\f';
        break;
      case 'u':
        p = ReadJsonUnicodeEscape(p, &to);
        if (!p) return nullptr;
        continue;
      default:
        return nullptr;
    }
    *to++ = plain;
    p += 2;
  }
}

/// Past the value at `p` (no blanks before it), checking its grammar. Null at a mistake; *error_at is then set.
const char* SkipJsonValue(const char* p, bool lines_too, const char** error_at, int depth = 0);

/// Past the number at `p`, or null when it is none.
const char* SkipJsonNumber(const char* p);

}  // namespace weir
