// Places, rendering and did-you-mean of diagnostics.
#include "config/diagnostic.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/utf8.h"

namespace weir {
namespace {

constexpr size_t kMaxRendered = 100;  // a terminal's worth; a file with more mistakes says how many it hides
constexpr int kMaxLineColumns = 140;  // a longer source line is shown around the mistake

const char* SeverityName(Severity severity) { return severity == Severity::kError ? "error" : "warning"; }

struct Colors {
  const char *error = "", *warning = "", *bold = "", *dim = "", *help = "", *reset = "";
};
Colors MakeColors(bool color) {
  if (!color) return {};
  return {"\x1b[1;31m", "\x1b[1;33m", "\x1b[1m", "\x1b[2m", "\x1b[36m", "\x1b[0m"};
}

// The part of a line that is shown, and where the marked text stands in it, in terminal columns.
struct Excerpt {
  std::string text;
  int mark_column = 0;
  int mark_width = 0;
};

// `begin` and `end` are byte offsets in `line`. Control characters and tabs become one blank each, so that the caret is
// right.
Excerpt CutExcerpt(std::string_view line, size_t begin, size_t end) {
  Excerpt result;
  size_t first = 0;
  if (begin > static_cast<size_t>(kMaxLineColumns) - 40) {
    first = begin - 60;
    while (first < begin && (static_cast<uint8_t>(line[first]) & 0xC0) == 0x80) ++first;
    result.text = "…";
    result.mark_column = 1;
  }
  int column = result.mark_column;
  for (size_t i = first; i < line.size();) {
    const size_t start = i;
    const uint32_t code_point = NextCodePoint(line, &i);
    const bool control = code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0);
    const int width = control ? 1 : DisplayWidth(code_point);
    if (column + width > kMaxLineColumns) {
      result.text += "…";
      break;
    }
    if (control) {
      result.text += ' ';
    } else {
      result.text.append(line.substr(start, i - start));
    }
    column += width;
    if (start < begin)
      result.mark_column = column;
    else if (start < end)
      result.mark_width += width;
  }
  result.mark_width = std::max(result.mark_width, 1);
  return result;
}

void RenderPlace(const Diagnostic& diagnostic, const Colors& colors, std::string* out) {
  const SourceFile& source = *diagnostic.source;
  const Position position = source.PositionOf(diagnostic.span.begin);
  const std::string_view line = source.LineText(position.line);
  const size_t line_begin = static_cast<size_t>(line.data() - source.text().data());
  const size_t begin = std::min(diagnostic.span.begin - std::min(diagnostic.span.begin, line_begin), line.size());
  const size_t end = std::min(std::max(diagnostic.span.end, line_begin) - line_begin, line.size());
  const Excerpt excerpt = CutExcerpt(line, begin, end);
  const std::string number = std::to_string(position.line);
  const char* mark = diagnostic.severity == Severity::kError ? colors.error : colors.warning;
  *out += std::string(colors.dim) + " " + number + " | " + colors.reset + excerpt.text + "\n";
  *out += std::string(colors.dim) + " " + std::string(number.size(), ' ') + " | " + colors.reset;
  *out += std::string(static_cast<size_t>(excerpt.mark_column), ' ') + mark + "^" +
          std::string(static_cast<size_t>(excerpt.mark_width - 1), '~') + colors.reset + "\n";
}

void RenderOne(const Diagnostic& diagnostic, const Colors& colors, std::string* out) {
  if (diagnostic.source) {
    const Position position = diagnostic.source->PositionOf(diagnostic.span.begin);
    *out += colors.bold + diagnostic.source->name() + ":" + std::to_string(position.line) + ":" +
            std::to_string(position.column) + ": " + colors.reset;
  }
  *out += diagnostic.severity == Severity::kError ? colors.error : colors.warning;
  *out += std::string(SeverityName(diagnostic.severity)) + ":" + colors.reset + " " + diagnostic.message + "\n";
  if (diagnostic.source) RenderPlace(diagnostic, colors, out);
  if (!diagnostic.hint.empty()) {
    *out += std::string("  ") + colors.help + "= help:" + colors.reset + " " + diagnostic.hint + "\n";
  }
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

// Optimal string alignment distance, or `limit` + 1 as soon as it must be larger.
size_t EditDistance(const std::string& a, const std::string& b, size_t limit) {
  const size_t gap = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (gap > limit) return limit + 1;
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    size_t smallest = row[0];
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
      smallest = std::min(smallest, row[j]);
    }
    if (smallest > limit) return limit + 1;
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

SourceFile::SourceFile(std::string name, std::string text) : name_(std::move(name)), text_(std::move(text)) {
  line_starts_.push_back(0);
  for (size_t i = 0; i < text_.size(); ++i) {
    // A line ends with \n, \r\n or a lone \r, as in YAML.
    if (text_[i] == '\n' || (text_[i] == '\r' && (i + 1 == text_.size() || text_[i + 1] != '\n'))) {
      line_starts_.push_back(i + 1);
    }
  }
}

Position SourceFile::PositionOf(size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const size_t line = static_cast<size_t>(next - line_starts_.begin());
  size_t start = line_starts_[line - 1];
  if (line == 1 && text_.compare(0, 3, "\xEF\xBB\xBF") == 0)
    start = std::min<size_t>(3, offset);  // editors hide the mark
  const std::string_view before = std::string_view(text_).substr(start, offset - start);
  return {static_cast<int>(line), static_cast<int>(CountCodePoints(before)) + 1};
}

std::string_view SourceFile::LineText(int line) const {
  if (line < 1 || static_cast<size_t>(line) > line_starts_.size()) return std::string_view(text_).substr(text_.size());
  size_t begin = line_starts_[static_cast<size_t>(line) - 1];
  size_t end = static_cast<size_t>(line) < line_starts_.size() ? line_starts_[static_cast<size_t>(line)] : text_.size();
  while (end > begin && (text_[end - 1] == '\n' || text_[end - 1] == '\r')) --end;
  if (begin == 0 && text_.compare(0, 3, "\xEF\xBB\xBF") == 0) begin = 3;
  return std::string_view(text_).substr(begin, end - begin);
}

bool Diagnostics::IsSilenced(const SourcePtr& source, Span span) const {
  return std::any_of(silenced_.begin(), silenced_.end(), [&](const Place& place) {
    return place.source == source && place.span.begin <= span.begin && span.end <= place.span.end;
  });
}

void Diagnostics::Error(const SourcePtr& source, Span span, std::string message, std::string hint) {
  ++errors_;
  if (IsSilenced(source, span)) return;
  list_.push_back({Severity::kError, source, span, std::move(message), std::move(hint)});
}

void Diagnostics::Warning(const SourcePtr& source, Span span, std::string message, std::string hint) {
  list_.push_back({Severity::kWarning, source, span, std::move(message), std::move(hint)});
}

std::vector<Diagnostic> Diagnostics::Sorted() const {
  const auto key = [](const Diagnostic& d) {
    return std::make_tuple(d.source ? std::string_view(d.source->name()) : std::string_view(), d.span.begin, d.span.end,
                           std::string_view(d.message));
  };
  std::vector<Diagnostic> sorted = list_;
  std::stable_sort(sorted.begin(), sorted.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  const auto same = [&](const auto& a, const auto& b) { return key(a) == key(b); };
  sorted.erase(std::unique(sorted.begin(), sorted.end(), same), sorted.end());
  return sorted;
}

std::string Diagnostics::Render(bool color) const {
  const Colors colors = MakeColors(color);
  const std::vector<Diagnostic> sorted = Sorted();
  std::string out;
  size_t errors = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    errors += sorted[i].severity == Severity::kError;
    if (i < kMaxRendered) RenderOne(sorted[i], colors, &out);
  }
  if (sorted.size() > kMaxRendered) out += "… and " + std::to_string(sorted.size() - kMaxRendered) + " more\n";
  const size_t warnings = sorted.size() - errors;
  const auto count = [](size_t n, const char* word) { return std::to_string(n) + " " + word + (n == 1 ? "" : "s"); };
  if (errors > 0)
    out += count(errors, "error") + (warnings > 0 ? ", " + count(warnings, "warning") : "") + "\n";
  else if (warnings > 0)
    out += count(warnings, "warning") + "\n";
  return out;
}

std::string Diagnostics::RenderJson() const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Diagnostic& diagnostic : Sorted()) {
    nlohmann::ordered_json item;
    if (diagnostic.source) {
      const Position begin = diagnostic.source->PositionOf(diagnostic.span.begin);
      const Position end = diagnostic.source->PositionOf(std::max(diagnostic.span.begin, diagnostic.span.end));
      item["file"] = diagnostic.source->name();
      item["line"] = begin.line;
      item["column"] = begin.column;
      item["end_line"] = end.line;
      item["end_column"] = end.column;
    }
    item["severity"] = SeverityName(diagnostic.severity);
    item["message"] = diagnostic.message;
    if (!diagnostic.hint.empty()) item["hint"] = diagnostic.hint;
    list.push_back(std::move(item));
  }
  return list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string ClosestMatch(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string wanted = Lower(word);
  size_t best = std::max<size_t>(1, word.size() / 3) + 1;
  std::string match;
  for (const std::string& candidate : candidates) {
    if (candidate == word) continue;
    const size_t distance = EditDistance(wanted, Lower(candidate), best - 1);
    if (distance < best && distance < candidate.size()) {
      best = distance;
      match = candidate;
      if (best == 0) break;
    }
  }
  return match;
}

}  // namespace weir
