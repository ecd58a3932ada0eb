// The parts of token reading that are not hot: \u escapes, and skipping values with their grammar checked (RFC 8259).
#include "formats/json/json_scan.h"

#include <cstring>

namespace weir {
namespace {

/// Four hexadecimal digits, or -1.
int32_t ReadHex4(const char* p) {
  int32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = p[i];
    int digit;
    if (c >= '0' && c <= '9') {
      digit = c - '0';
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      digit = (c | 0x20) - 'a' + 10;
    } else {
      return -1;
    }
    value = value * 16 + digit;
  }
  return value;
}

const char* SkipString(const char* p) {
  for (;;) {
    const uint32_t stops = JsonStringStops(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    if (stops == 0) {
      p += 32;
      continue;
    }
    p += __builtin_ctz(stops);
    if (*p == '"') return p + 1;
    if (*p != '\\') return nullptr;
    if (p[1] == 'u') {
      char scratch[8];
      char* out = scratch;
      p = ReadJsonUnicodeEscape(p, &out);
      if (!p) return nullptr;
    } else {
      if (p[1] == '\0' || !std::strchr("\"\\/bfnrt", p[1])) return nullptr;
      p += 2;
    }
  }
}

const char* SkipWord(const char* p, const char* word, size_t length) {
  return std::memcmp(p, word, length) == 0 ? p + length : nullptr;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

const char* ReadJsonUnicodeEscape(const char* p, char** out) {
  int32_t code = ReadHex4(p + 2);
  if (code < 0) return nullptr;
  p += 6;
  if (code >= 0xD800 && code < 0xE000) {
    if (code >= 0xDC00 || p[0] != '\\' || p[1] != 'u') return nullptr;
    const int32_t low = ReadHex4(p + 2);
    if (low < 0xDC00 || low >= 0xE000) return nullptr;
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    p += 6;
  }
  char* to = *out;
  if (code < 0x80) {
    *to++ = static_cast<char>(code);
  } else if (code < 0x800) {
    *to++ = static_cast<char>(0xC0 | code >> 6);
    *to++ = static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    *to++ = static_cast<char>(0xE0 | code >> 12);
    *to++ = static_cast<char>(0x80 | (code >> 6 & 0x3F));
    *to++ = static_cast<char>(0x80 | (code & 0x3F));
  } else {
    *to++ = static_cast<char>(0xF0 | code >> 18);
    *to++ = static_cast<char>(0x80 | (code >> 12 & 0x3F));
    *to++ = static_cast<char>(0x80 | (code >> 6 & 0x3F));
    *to++ = static_cast<char>(0x80 | (code & 0x3F));
  }
  *out = to;
  return p;
}

const char* SkipJsonNumber(const char* p) {
  if (*p == '-') ++p;
  if (!IsDigit(*p)) return nullptr;
  if (*p == '0') {
    ++p;
  } else {
    while (IsDigit(*p)) ++p;
  }
  if (*p == '.') {
    if (!IsDigit(*++p)) return nullptr;
    while (IsDigit(*p)) ++p;
  }
  if (*p == 'e' || *p == 'E') {
    ++p;
    if (*p == '+' || *p == '-') ++p;
    if (!IsDigit(*p)) return nullptr;
    while (IsDigit(*p)) ++p;
  }
  return p;
}

const char* SkipJsonValue(const char* p, bool lines_too, const char** error_at, int depth) {
  const char* const begin = p;
  const char* end = nullptr;
  const char open = *p;
  switch (open) {
    case '"':
      end = SkipString(p + 1);
      break;
    case 't':
      end = SkipWord(p, "true", 4);
      break;
    case 'f':
      end = SkipWord(p, "false", 5);
      break;
    case 'n':
      end = SkipWord(p, "null", 4);
      break;
    case '{':
    case '[': {
      const char close = open == '{' ? '}' : ']';
      if (depth >= kMaxJsonDepth) break;
      p = SkipJsonBlanks(p + 1, lines_too);
      if (*p == close) return p + 1;
      for (;;) {
        if (open == '{') {
          const char* key = *p == '"' ? SkipString(p + 1) : nullptr;
          if (!key) {
            *error_at = p;
            return nullptr;
          }
          p = SkipJsonBlanks(key, lines_too);
          if (*p != ':') {
            *error_at = p;
            return nullptr;
          }
          p = SkipJsonBlanks(p + 1, lines_too);
        }
        p = SkipJsonValue(p, lines_too, error_at, depth + 1);
        if (!p) return nullptr;
        p = SkipJsonBlanks(p, lines_too);
        if (*p == close) return p + 1;
        if (*p != ',') {
          *error_at = p;
          return nullptr;
        }
        p = SkipJsonBlanks(p + 1, lines_too);
      }
    }
    default:
      end = SkipJsonNumber(p);
  }
  if (!end) *error_at = begin;
  return end;
}

}  // namespace weir
