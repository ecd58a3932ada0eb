// Fast paths from text to int64 and double: whole-vector digit conversion for numbers of at most 16 characters.
//
// All of them may read 16 bytes before `end`, so they are for text in a padded block only (text_block.h). They answer
// false for what they leave to the careful parsers of value_text.h; false says nothing about validity.
#pragma once

#include <immintrin.h>

#include <array>
#include <cstdint>

namespace weir {

inline constexpr std::array<double, 23> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                        1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                        1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

namespace number_text_internal {

/// 16 zero bytes, then 16 bytes 0xFF: loading at offset n gives a mask of the last n of 16 bytes.
alignas(32) inline constexpr std::array<uint8_t, 32> kTail = [] {
  std::array<uint8_t, 32> bytes{};
  for (int i = 16; i < 32; ++i) bytes[i] = 0xFF;
  return bytes;
}();

inline __m128i TailMask(int64_t n) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(kTail.data() + n)); }

/// Value of 16 bytes 0..9, most significant first.
inline uint64_t Digits16ToInt(__m128i digits) {
  const __m128i pairs = _mm_maddubs_epi16(digits, _mm_set1_epi16(0x010A));
  const __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00010064));
  const __m128i eights = _mm_madd_epi16(_mm_packus_epi32(fours, fours), _mm_set1_epi32(0x00012710));
  const uint64_t both = static_cast<uint64_t>(_mm_cvtsi128_si64(eights));
  return (both & 0xFFFFFFFF) * 100000000 + (both >> 32);
}

/// True when every byte is 0..9.
inline bool AllDigits(__m128i bytes) {
  return _mm_testz_si128(_mm_subs_epu8(bytes, _mm_set1_epi8(9)), _mm_set1_epi8(-1));
}

}  // namespace number_text_internal

/// -?[0-9]{1,16}
inline bool FastInt64(const char* begin, const char* end, int64_t* value) {
  using namespace number_text_internal;
  const int64_t negative = *begin == '-';
  const int64_t length = end - begin - negative;
  if (__builtin_expect(static_cast<uint64_t>(length - 1) >= 16, 0)) return false;
  const __m128i raw = _mm_loadu_si128(reinterpret_cast<const __m128i*>(end - 16));
  const __m128i digits = _mm_and_si128(_mm_sub_epi8(raw, _mm_set1_epi8('0')), TailMask(length));
  if (__builtin_expect(!AllDigits(digits), 0)) return false;
  const auto magnitude = static_cast<int64_t>(Digits16ToInt(digits));
  *value = (magnitude ^ -negative) + negative;
  return true;
}

/// -?[0-9]*\.?[0-9]* of 1 to 16 characters after the sign, with at least one digit. Exact: the digits are an integer
/// below 2^53 and the power of ten below 10^16, so one division rounds once (Clinger, "How to read floating point
/// numbers accurately", 1990).
inline bool FastDouble(const char* begin, const char* end, double* value) {
  using namespace number_text_internal;
  const int64_t negative = *begin == '-';
  int64_t length = end - begin - negative;
  if (__builtin_expect(static_cast<uint64_t>(length - 1) >= 16, 0)) return false;
  __m128i raw = _mm_loadu_si128(reinterpret_cast<const __m128i*>(end - 16));
  __m128i mask = TailMask(length);
  const auto dots =
      static_cast<uint32_t>(_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(raw, _mm_set1_epi8('.')), mask)));
  int decimals = 0;
  if (dots) {
    const int dot = __builtin_ctz(dots);
    decimals = 15 - dot;
    if (__builtin_expect((dots & (dots - 1)) != 0 || --length == 0, 0)) return false;
    // The digits before the point move one to the right, over it.
    raw = _mm_blendv_epi8(_mm_slli_si128(raw, 1), raw, TailMask(decimals));
    mask = TailMask(length);
  }
  const __m128i digits = _mm_and_si128(_mm_sub_epi8(raw, _mm_set1_epi8('0')), mask);
  if (__builtin_expect(!AllDigits(digits), 0)) return false;
  const uint64_t mantissa = Digits16ToInt(digits);
  if (__builtin_expect(mantissa > (uint64_t{1} << 53), 0)) return false;
  const double magnitude = static_cast<double>(static_cast<int64_t>(mantissa)) / kPowersOfTen[decimals];
  *value = negative ? -magnitude : magnitude;
  return true;
}

}  // namespace weir
