// Diagnostics: everything that is wrong with a pipeline file, each with its place, said all at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

/// Line and column, both from 1; columns count Unicode code points, as editors do.
struct Position {
  int line = 0;
  int column = 0;
};

/// Byte range [begin, end) of a source text.
struct Span {
  size_t begin = 0;
  size_t end = 0;
};

/// One text that diagnostics can point into: a pipeline file, standard input, a test's inline text.
class SourceFile {
 public:
  SourceFile(std::string name, std::string text);
  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }
  Position PositionOf(size_t offset) const;
  std::string_view LineText(int line) const;  // without its line break

 private:
  std::string name_, text_;
  std::vector<size_t> line_starts_;
};
using SourcePtr = std::shared_ptr<const SourceFile>;

enum class Severity { kError, kWarning };

struct Diagnostic {
  Severity severity = Severity::kError;
  SourcePtr source;  // null: about no particular place
  Span span;
  std::string message;  // what is wrong and what is expected, one sentence, no full stop
  std::string hint;     // what to do: "did you mean 'processors'?"; empty when there is nothing to add
};

/// Collects diagnostics. Not thread-safe: planning is one thread.
class Diagnostics {
 public:
  void Error(const SourcePtr& source, Span span, std::string message, std::string hint = "");
  void Warning(const SourcePtr& source, Span span, std::string message, std::string hint = "");
  /// What is said from now on about places inside `span` only follows from a mistake there that was said: it is counted
  /// but not shown.
  void Silence(const SourcePtr& source, Span span) { silenced_.push_back({source, span}); }
  bool has_errors() const { return errors_ > 0; }
  int error_count() const { return errors_; }
  /// In order of file and place, without repetitions.
  std::vector<Diagnostic> Sorted() const;
  /// "f.yaml:12:7: error: …", the line, a caret line, "  = help: …"; then "2 errors". Colours only if `color`.
  std::string Render(bool color) const;
  /// The same as a JSON array of {file, line, column, end_line, end_column, severity, message, hint}.
  std::string RenderJson() const;

 private:
  struct Place {
    SourcePtr source;
    Span span;
  };
  bool IsSilenced(const SourcePtr& source, Span span) const;

  std::vector<Diagnostic> list_;
  std::vector<Place> silenced_;
  int errors_ = 0;
};

/// The candidate nearest to `word` (edit distance with transpositions, at most a third of its length), or "".
std::string ClosestMatch(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace weir
