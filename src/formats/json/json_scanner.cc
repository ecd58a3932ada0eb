// Bracket depth outside strings, a string at a time by whole vectors.
#include "formats/json/json_scanner.h"

#include "formats/json/json_scan.h"

namespace weir {
namespace {

/// Past the closing quote of the string whose first character is at `p`; null when it does not end before `end`.
const char* SkipStringLoosely(const char* p, const char* end) {
  while (p < end) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    const auto stops = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_or_si256(
        _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"')), _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\')))));
    if (stops == 0) {
      p += 32;
      continue;
    }
    p += __builtin_ctz(stops);
    if (p >= end) return nullptr;
    if (*p == '"') return p + 1;
    p += 2;
  }
  return nullptr;
}

}  // namespace

int64_t JsonDocumentScanner::LastRecordEnd(const char* data, int64_t size, bool at_end, TextBlock* block) {
  block->grammar_state = static_cast<uint8_t>(state_);
  if (at_end) return size;
  const char* const end = data + size;
  bool in_array = state_ != JsonDocumentState::kTop;
  int64_t depth = 0;  // inside the record
  int64_t last = 0;
  JsonDocumentState last_state = state_;
  for (const char* p = data; p < end;) {
    const char c = *p++;
    if (c == '"') {
      p = SkipStringLoosely(p, end);
      if (!p) break;
    } else if (c == '{' || c == '[') {
      if (c == '[' && depth == 0 && !in_array) {
        in_array = true;
      } else {
        ++depth;
      }
    } else if (c == '}' || c == ']') {
      if (depth == 0) {
        in_array = false;  // the end of the array, or a mistake that the parser will find
      } else if (--depth == 0) {
        last = p - data;
        last_state = in_array ? JsonDocumentState::kAfterElement : JsonDocumentState::kTop;
      }
    } else if (c == ',' && depth == 0) {
      last = p - data;
      last_state = in_array ? JsonDocumentState::kAfterComma : JsonDocumentState::kTop;
    }
  }
  if (last > 0) state_ = last_state;
  return last;
}

}  // namespace weir
