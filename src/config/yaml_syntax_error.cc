// A table of what libfyaml says and what we say instead.
#include "config/yaml_syntax_error.h"

#include <algorithm>

#include "base/utf8.h"

namespace weir {
namespace {

struct Rule {
  std::string_view said;  // part of libfyaml's message
  const char* message;
  const char* hint;
};

constexpr Rule kRules[] = {
    {"without closing quote", "this string has no closing quote", ""},
    {"invalid indentation in mapping", "this line's indentation fits none of the lines above it",
     "keys of one mapping start in the same column"},
    {"invalid nested block mapping", "a second ':' in one line", "put a text with ': ' in it in quotes"},
    {"block sequence on the same line as a mapping key", "a list may not start on the line of its key",
     "put '- …' on the next line, or write [a, b]"},
    {"tab", "a tab may not indent a line", "use spaces"},
    {"did not find expected key", "a 'key: value' line was expected here", ""},
    {"could not find expected ':'", "a ':' was expected after this key", ""},
    {"missing mapping value", "a ':' was expected after this key", ""},
    {"did not find expected '-' indicator", "a list item '- …' was expected here",
     "items of one list start in the same column"},
    {"did not find expected node content", "a value was expected before this",
     "write null (or remove the '-') where a list item is empty"},
    {"extra comma", "a value is missing before this ','", ""},
    {"missing comma in flow", "a ',' or a closing bracket was expected here", ""},
    {"mismatched flow", "this bracket closes another kind than the one that is open", ""},
    {"extra closing", "this closing bracket has no opening one", ""},
    {"invalid escape", "this escape is not known in a double-quoted string",
     "write \\\\ for a backslash, or use single quotes"},
    {"hex escape", "this escape needs hexadecimal digits", ""},
    {"invalid trailing content after", "nothing may follow the closing quote on this line", ""},
    {"invalid multiline", "a key must stand on one line", ""},
    {"invalid mapping in plain multiline", "a ': ' inside a text that spans lines",
     "put the text in quotes, or check the indentation"},
    {"invalid comment without whitespace", "a comment needs a blank before '#'", ""},
    {"bad start of block scalar", "text of a block scalar must be indented more than its key", ""},
    {"wrongly indented", "text of a block scalar must be indented more than its key", ""},
    {"invalid alias", "an alias is written *name", "put a text that starts with '*' in quotes"},
    {"invalid character in", "an anchor or alias may not hold this character", ""},
    {"bad tag", "a tag is written !!name", "put a text that starts with '!' in quotes"},
    {"invalid tag", "a tag is written !!name", "put a text that starts with '!' in quotes"},
    {"invalid content after document end", "nothing may follow '...'", ""},
    {"missing document start", "a value was not expected here", "is the line indented too far, or not enough?"},
    {"block sequence entries not allowed", "a list item may not stand here",
     "is the '-' indented as its neighbours are?"},
    {"invalid block mapping key on same line", "a second key on one line", "start it on a line of its own"},
    {"reserved", "a value may not start with this character", "put the text in quotes"},
    {"invalid value after mapping", "this line's indentation fits none of the lines above it", ""},
    {"anchor", "an anchor is written &name before a value", ""},
};

size_t OffsetOf(const SourceFile& source, int line, int column) {
  const std::string_view text = source.LineText(line);
  size_t offset = 0;
  for (int i = 1; i < column && offset < text.size(); ++i) NextCodePoint(text, &offset);
  return static_cast<size_t>(text.data() - source.text().data()) + offset;
}

// An error at the end of the file, or on an empty line, is shown behind the last text before it.
size_t BackToText(const std::string& text, size_t offset) {
  if (offset < text.size() && text[offset] != '\n' && text[offset] != '\r') return offset;
  while (offset > 0 && (text[offset - 1] == '\n' || text[offset - 1] == '\r' || text[offset - 1] == ' ')) --offset;
  return offset;
}

SyntaxError UnclosedBracket(const SourceFile& source, const std::vector<OpenCollection>& open) {
  for (auto it = open.rbegin(); it != open.rend(); ++it) {
    if (!it->is_flow) continue;
    const char bracket = source.text()[it->start.begin];
    return {it->start, std::string("this '") + bracket + "' is never closed",
            std::string("add '") + (bracket == '{' ? '}' : ']') + "' where it ends"};
  }
  return {{}, "a bracket is never closed", ""};
}

// A line that starts no further right than the line of the innermost open bracket: the bracket was meant to end before
// it.
bool StartsOutside(const SourceFile& source, size_t offset, const Span& bracket) {
  const auto indent = [&](size_t at) {
    const std::string_view line = source.LineText(source.PositionOf(at).line);
    return std::min(line.find_first_not_of(' '), line.size());
  };
  const Position place = source.PositionOf(offset);
  const bool starts_line = static_cast<size_t>(place.column) == indent(offset) + 1;
  return starts_line && place.line > source.PositionOf(bracket.begin).line && indent(offset) <= indent(bracket.begin);
}

bool Contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

SyntaxError ExplainSyntaxError(const SourceFile& source, std::string_view said, int line, int column,
                               const std::vector<OpenCollection>& open) {
  const std::string& text = source.text();
  if (Contains(said, "without a closing bracket")) return UnclosedBracket(source, open);
  size_t offset = OffsetOf(source, line, column);
  const bool in_brackets = !open.empty() && open.back().is_flow;
  if (in_brackets && text.find_first_not_of(" \t\r\n", offset) == std::string::npos)
    return UnclosedBracket(source, open);
  if (in_brackets && Contains(said, "missing comma") && StartsOutside(source, offset, open.back().start)) {
    return UnclosedBracket(source, open);
  }
  const bool item = offset < text.size() && text[offset] == '-';
  if (Contains(said, "expected '-' indicator") && !item) said = "invalid indentation in mapping";
  if (Contains(said, "without closing quote") && offset > 0) --offset;
  if (Contains(said, "tab") && Contains(said, "indent")) {
    // libfyaml points behind the indentation; the tab itself is what to look for.
    const size_t line_begin = text.rfind('\n', offset > 0 ? offset - 1 : 0);
    for (size_t from : {line_begin == std::string::npos ? size_t{0} : line_begin + 1, offset}) {
      size_t at = from;
      while (at < text.size() && text[at] == ' ') ++at;
      if (at < text.size() && text[at] == '\t') {
        offset = at;
        break;
      }
    }
    return {{offset, offset + 1}, "a tab may not indent a line", "use spaces"};
  }
  offset = BackToText(text, offset);
  const Span span{offset, std::min(offset + 1, text.size())};
  const bool percent_or_at =
      offset < text.size() && (text[offset] == '@' || text[offset] == '`' || text[offset] == '%');
  if (percent_or_at) return {span, std::string("a text may not start with '") + text[offset] + "'", "put it in quotes"};
  for (const Rule& rule : kRules) {
    if (Contains(said, rule.said)) return {span, rule.message, rule.hint};
  }
  return {span, "YAML syntax: " + std::string(said), ""};
}

}  // namespace weir
