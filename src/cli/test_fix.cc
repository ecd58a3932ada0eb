// Edits go by byte ranges of the source text, from its end to its beginning, so that earlier ones stay valid.
#include "cli/test_fix.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "env/atomic_file.h"

namespace weir {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxLineWidth = 120;

/// Words that a plain scalar may be without becoming something else: letters first, then letters, digits, _ and inner
/// blanks.
bool IsPlainWord(const std::string& text) {
  static const char* const kTaken[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"};
  if (text.empty() || !std::isalpha(static_cast<unsigned char>(text[0])) || text.back() == ' ') return false;
  for (char c : text) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != ' ') return false;
  }
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::find(std::begin(kTaken), std::end(kTaken), lower) == std::end(kTaken);
}

std::string Scalar(const Json& value) {
  if (value.is_string() && IsPlainWord(value.get<std::string>())) return value.get<std::string>();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string Flow(const Json& value) {
  std::string out;
  if (value.is_object()) {
    for (const auto& [key, part] : value.items())
      out += (out.empty() ? "" : ", ") + Scalar(Json(key)) + ": " + Flow(part);
    return "{" + out + "}";
  }
  if (value.is_array()) {
    for (const Json& part : value) out += (out.empty() ? "" : ", ") + Flow(part);
    return "[" + out + "]";
  }
  return Scalar(value);
}

std::string Elements(const SourceFile& source, const NodePtr& node, const std::vector<std::string>& rows) {
  std::vector<std::string> items;
  for (const std::string& row : rows) items.push_back(Flow(Json::parse(row, nullptr, false)));
  std::sort(items.begin(), items.end());
  const bool is_flow = source.text()[node->span().begin] == '[';
  const size_t column = static_cast<size_t>(source.PositionOf(node->span().begin).column);
  std::string line;
  for (const std::string& item : items) line += (line.empty() ? "" : ", ") + item;
  if (items.empty() || (is_flow && column + line.size() < kMaxLineWidth)) return "[" + line + "]";
  std::string out = is_flow ? "[" : "";
  const std::string separator = is_flow ? ",\n" + std::string(column, ' ') : "\n" + std::string(column - 1, ' ');
  for (size_t i = 0; i < items.size(); ++i) out += (i == 0 ? "" : separator) + (is_flow ? "" : "- ") + items[i];
  return out + (is_flow ? "]" : "");
}

}  // namespace

std::string FixedText(const SourceFile& source, const std::vector<TestResult>& tests) {
  std::vector<std::pair<Span, std::string>> edits;
  for (const TestResult& test : tests) {
    for (const ExpectationResult& expectation : test.expectations) {
      const NodePtr& node = expectation.rows;
      if (expectation.passed() || node->source().get() != &source) continue;
      edits.emplace_back(node->span(), Elements(source, node, expectation.actual));
    }
  }
  std::sort(edits.begin(), edits.end(), [](const auto& a, const auto& b) { return a.first.begin > b.first.begin; });
  std::string text = source.text();
  for (const auto& [span, replacement] : edits) {
    size_t end = span.end;  // a block's span may reach to the next line
    while (end > span.begin && std::isspace(static_cast<unsigned char>(text[end - 1]))) --end;
    text.replace(span.begin, end - span.begin, replacement);
  }
  return text;
}

Status FixExpectations(const SourceFile& source, const std::vector<TestResult>& tests, Env& env) {
  const std::string text = FixedText(source, tests);
  if (text == source.text()) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(auto file, AtomicFile::Create(env, source.name(), "fix"));
  WEIR_RETURN_NOT_OK(file->stream()->Write(text.data(), static_cast<int64_t>(text.size())));
  WEIR_RETURN_NOT_OK(file->Prepare());
  return file->Commit();
}

}  // namespace weir
