// The CSV grammar as a state machine over bytes: exact for every dialect, one byte at a time.
#pragma once

#include <cstdint>
#include <cstring>

#include "formats/csv/csv_options.h"

namespace weir {

enum class CsvState : uint8_t { kFieldStart, kPlain, kQuoted, kAfterQuote };

/// Walks CSV text. on_field(end) for each field; on_record(end, next) → bool for each record, whose text ends at `end`,
/// the next one beginning at `next`; on_comment(next) after a line that is all comment. on_record answers whether to go
/// on. Returns true when the text ends inside quotes.
template <class OnField, class OnRecord, class OnComment>
bool WalkCsv(const CsvDialect& dialect, const char* data, int64_t size, OnField on_field, OnRecord on_record,
             OnComment on_comment) {
  CsvState state = CsvState::kFieldStart;
  bool at_record_start = true;
  for (int64_t i = 0; i < size; ++i) {
    const char c = data[i];
    if (state == CsvState::kQuoted) {
      if (dialect.escape && c == *dialect.escape && c != dialect.quote) {
        ++i;
      } else if (c == dialect.quote) {
        state = CsvState::kAfterQuote;
      }
      continue;
    }
    if (c == dialect.quote && dialect.quote != '\0' && state != CsvState::kPlain) {
      state = CsvState::kQuoted;
      at_record_start = false;
    } else if (c == dialect.delimiter) {
      on_field(i);
      state = CsvState::kFieldStart;
      at_record_start = false;
    } else if (c == '\n') {
      on_field(i);
      if (!on_record(i, i + 1)) return false;
      state = CsvState::kFieldStart;
      at_record_start = true;
    } else if (dialect.comment && c == *dialect.comment) {
      const void* line_end = std::memchr(data + i, '\n', size - i);
      const int64_t next = line_end ? static_cast<const char*>(line_end) - data + 1 : size;
      if (at_record_start) {
        on_comment(next);
      } else {
        on_field(i);
        if (!on_record(i, next)) return false;
      }
      i = next - 1;
      state = CsvState::kFieldStart;
      at_record_start = true;
    } else {
      if (dialect.escape && c == *dialect.escape) ++i;
      state = CsvState::kPlain;
      at_record_start = false;
    }
  }
  return state == CsvState::kQuoted;
}

}  // namespace weir
