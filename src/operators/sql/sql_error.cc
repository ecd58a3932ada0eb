// From "LINE 2: …" and a caret to a place in the query.
#include "operators/sql/sql_error.h"

#include <cstdlib>

namespace weir {
namespace {

bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// Offset of the first byte of line `line` (from 1) of `text`, or npos.
size_t LineStart(const std::string& text, size_t line) {
  size_t at = 0;
  for (; line > 1; --line) {
    at = text.find('\n', at);
    if (at == std::string::npos) return at;
    ++at;
  }
  return at;
}

std::string Trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

/// Bytes of `text` that take `columns` characters.
size_t BytesOfColumns(const std::string& text, size_t begin, size_t columns) {
  size_t at = begin;
  for (; columns > 0 && at < text.size() && text[at] != '\n'; --columns) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
  }
  return at;
}

}  // namespace

SqlError ReadSqlError(const std::string& query, const std::string& message) {
  SqlError error{Trimmed(message), std::nullopt};
  size_t mark = message.rfind("\nLINE ");
  if (mark == std::string::npos) return error;
  size_t excerpt = message.find(": ", mark);
  size_t line_end = message.find('\n', excerpt == std::string::npos ? mark + 1 : excerpt);
  if (excerpt == std::string::npos || line_end == std::string::npos) return error;
  error.message = Trimmed(message.substr(0, mark));
  size_t caret = message.find('^', line_end);
  size_t line = std::strtoull(message.c_str() + mark + 6, nullptr, 10);
  size_t start = LineStart(query, line);
  std::string shown = message.substr(excerpt + 2, line_end - excerpt - 2);
  size_t before = excerpt + 2 - (mark + 1);  // "LINE 2: ", which stands above the blanks before the caret
  if (caret == std::string::npos || start == std::string::npos || caret - line_end - 1 < before) return error;
  size_t column = caret - line_end - 1 - before;
  if (shown.starts_with("...")) {
    // A long line is cut: find what is shown in it.
    std::string visible = shown.substr(3);
    if (visible.ends_with("...")) visible.resize(visible.size() - 3);
    size_t at = query.find(visible, start);
    if (at == std::string::npos || column < 3) return error;
    start = at;
    column -= 3;
  }
  size_t begin = BytesOfColumns(query, start, column);
  size_t end = begin;
  while (end < query.size() && IsWord(query[end])) ++end;
  if (end == begin && end < query.size()) ++end;
  error.place = {begin, end};
  return error;
}

}  // namespace weir
