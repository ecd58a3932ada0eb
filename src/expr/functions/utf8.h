// UTF-8 by code points: what string functions count in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::expr {

inline bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Bytes of the code point that starts with `c`.
inline int CodePointBytes(char c) {
  auto u = static_cast<unsigned char>(c);
  return u < 0x80 ? 1 : u < 0xE0 ? 2 : u < 0xF0 ? 3 : 4;
}

inline bool IsAscii(std::string_view s) {
  unsigned char any = 0;
  for (char c : s) any |= static_cast<unsigned char>(c);
  return any < 0x80;
}

inline int64_t CountCodePoints(std::string_view s) {
  int64_t n = 0;
  for (char c : s) n += !IsContinuation(c);
  return n;
}

/// Byte offset of code point `n` (≥ 0) of `s`, at most s.size().
inline size_t OffsetOfCodePoint(std::string_view s, int64_t n) {
  size_t i = 0;
  while (n > 0 && i < s.size()) {
    ++i;
    while (i < s.size() && IsContinuation(s[i])) ++i;
    --n;
  }
  return i;
}

/// The code point at byte `i` of valid UTF-8.
inline uint32_t DecodeCodePoint(std::string_view s, size_t i) {
  auto b = [&](size_t k) { return i + k < s.size() ? static_cast<unsigned char>(s[i + k]) & 0x3Fu : 0u; };
  auto u = static_cast<unsigned char>(s[i]);
  if (u < 0x80) return u;
  if (u < 0xE0) return (u & 0x1Fu) << 6 | b(1);
  if (u < 0xF0) return (u & 0x0Fu) << 12 | b(1) << 6 | b(2);
  return (u & 0x07u) << 18 | b(1) << 12 | b(2) << 6 | b(3);
}

/// Writes 1–4 bytes to `out` and returns their number.
inline int EncodeCodePoint(uint32_t c, char* out) {
  if (c < 0x80) {
    out[0] = static_cast<char>(c);
    return 1;
  }
  int bytes = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (int k = bytes - 1; k > 0; --k, c >>= 6) out[k] = static_cast<char>(0x80 | (c & 0x3F));
  out[0] = static_cast<char>((0xF00 >> bytes & 0xFF) | c);
  return bytes;
}

inline void AppendUtf8(uint32_t c, std::string* out) {
  char bytes[4];
  out->append(bytes, EncodeCodePoint(c, bytes));
}

inline bool IsValidUtf8(std::string_view s) {
  for (size_t i = 0; i < s.size();) {
    auto u = static_cast<unsigned char>(s[i]);
    if (u < 0x80) {
      ++i;
      continue;
    }
    size_t n = u < 0xC2 ? 0 : u < 0xE0 ? 2 : u < 0xF0 ? 3 : u < 0xF5 ? 4 : 0;
    if (n == 0 || i + n > s.size()) return false;
    for (size_t k = 1; k < n; ++k) {
      if (!IsContinuation(s[i + k])) return false;
    }
    uint32_t c = DecodeCodePoint(s, i);
    if ((n == 3 && (c < 0x800 || (c >= 0xD800 && c < 0xE000))) || (n == 4 && (c < 0x10000 || c > 0x10FFFF)))
      return false;
    i += n;
  }
  return true;
}

}  // namespace weir::expr
