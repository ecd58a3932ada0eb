// Byte masks of 64-byte steps (AVX2) and the prefix exclusive or (carry-less multiply): what the text scanners share.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace weir {

/// 64 bytes in two registers.
struct Bytes64 {
  __m256i low, high;
  static Bytes64 Load(const char* p) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)),
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32))};
  }
  /// Bit i = byte i equals `needle` (a broadcast byte).
  uint64_t Match(__m256i needle) const { return Join(_mm256_cmpeq_epi8(low, needle), _mm256_cmpeq_epi8(high, needle)); }
  /// Bit i = byte i equals `a` or `b`.
  uint64_t MatchEither(__m256i a, __m256i b) const {
    return Join(_mm256_or_si256(_mm256_cmpeq_epi8(low, a), _mm256_cmpeq_epi8(low, b)),
                _mm256_or_si256(_mm256_cmpeq_epi8(high, a), _mm256_cmpeq_epi8(high, b)));
  }
  static uint64_t Join(__m256i low, __m256i high) {
    return static_cast<uint32_t>(_mm256_movemask_epi8(low)) |
           static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(high))) << 32;
  }
};

/// Bit i = exclusive or of bits 0..i: turns quote bits into "inside quotes, opening quote included".
/// (Langdale and Lemire, "Parsing gigabytes of JSON per second", §3.1.1.)
inline uint64_t PrefixXor(uint64_t bits) {
  return static_cast<uint64_t>(
      _mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_set_epi64x(0, static_cast<int64_t>(bits)), _mm_set1_epi8(-1), 0)));
}

/// The lowest `n` bits set; n from 0 to 64.
inline uint64_t LowBits(int64_t n) { return n >= 64 ? ~uint64_t{0} : (uint64_t{1} << n) - 1; }

/// How often `byte` occurs. Reads nothing outside [p, p + size).
inline int64_t CountByte(const char* p, int64_t size, char byte) {
  const __m256i needle = _mm256_set1_epi8(byte);
  int64_t count = 0, i = 0;
  for (; i + 64 <= size; i += 64) count += __builtin_popcountll(Bytes64::Load(p + i).Match(needle));
  for (; i < size; ++i) count += p[i] == byte;
  return count;
}

}  // namespace weir
