// What a scalar means, where its text stands, and nodes that stand nowhere.
#include "config/node.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/check.h"
#include "config/node_builder.h"

namespace weir {
namespace {

template <size_t N>
bool IsOneOf(const std::string& text, const char* const (&words)[N]) {
  return std::find(std::begin(words), std::end(words), text) != std::end(words);
}

std::string WithoutUnderscores(std::string_view text) {
  std::string digits(text);
  digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
  return digits;
}

std::optional<int64_t> ParseInteger(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char kind = text[1];
    base = kind == 'x' ? 16 : kind == 'b' ? 2 : 8;
    text.remove_prefix(kind == 'x' || kind == 'b' || kind == 'o' ? 2 : 1);
  }
  const std::string digits = WithoutUnderscores(text);
  uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  const uint64_t limit = static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) + (negative ? 1 : 0);
  if (magnitude > limit) return std::nullopt;
  return negative ? static_cast<int64_t>(~magnitude + 1) : static_cast<int64_t>(magnitude);
}

std::optional<double> ParseFloat(const std::string& text) {
  std::string_view body = text;
  const bool negative = !body.empty() && body[0] == '-';
  if (!body.empty() && (body[0] == '-' || body[0] == '+')) body.remove_prefix(1);
  if (body == ".inf" || body == ".Inf" || body == ".INF") {
    return negative ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  }
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return std::numeric_limits<double>::quiet_NaN();
  // A number has a digit first or a point and a digit: "inf", "nan", "-" and "e3" are words.
  const bool starts =
      !body.empty() && (std::isdigit(static_cast<unsigned char>(body[0])) ||
                        (body[0] == '.' && body.size() > 1 && std::isdigit(static_cast<unsigned char>(body[1]))));
  if (!starts || body.find_first_of("xX") != std::string_view::npos) return std::nullopt;
  const std::string digits = WithoutUnderscores(body);
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (end != digits.data() + digits.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return std::nullopt;
  return negative ? -value : value;
}

}  // namespace

Span Node::SpanOfText(size_t begin, size_t end) const {
  if (text_begin_ == kNoText) return span_;
  begin = std::min(begin, text_.size());
  end = std::clamp(end, begin, text_.size());
  if (begin == text_.size()) {  // "something is missing at the end": behind the last visible character
    while (begin > 0 && (text_[begin - 1] == '\n' || text_[begin - 1] == ' ')) --begin;
    end = begin;
  }
  if (offsets_.empty()) return {text_begin_ + begin, text_begin_ + end};
  if (begin == end) {
    const size_t at = begin == 0 ? offsets_[0] : offsets_[begin - 1] + size_t{1};
    return {at, at};
  }
  return {offsets_[begin], std::max<size_t>(offsets_[end - 1], offsets_[begin]) + 1};
}

bool Node::IsNull() const {
  if (!is_scalar() || style_ != ScalarStyle::kPlain) return false;
  return IsOneOf(text_, {"", "~", "null", "Null", "NULL"});
}

std::optional<bool> Node::AsBool() const {
  if (!is_scalar() || style_ != ScalarStyle::kPlain) return std::nullopt;
  if (IsOneOf(text_, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) return true;
  if (IsOneOf(text_, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})) return false;
  return std::nullopt;
}

std::optional<int64_t> Node::AsInt64() const {
  if (!is_scalar() || style_ != ScalarStyle::kPlain) return std::nullopt;
  return ParseInteger(text_);
}

std::optional<double> Node::AsDouble() const {
  if (!is_scalar() || style_ != ScalarStyle::kPlain) return std::nullopt;
  if (const auto integer = ParseInteger(text_)) return static_cast<double>(*integer);
  return ParseFloat(text_);
}

std::string Node::Describe() const {
  if (is_map()) return entries_.empty() ? "an empty mapping" : "a mapping";
  if (is_sequence()) return items_.empty() ? "an empty list" : "a list";
  if (IsNull()) return "null";
  if (AsBool()) return "a boolean";
  if (AsInt64()) return "an integer";
  if (AsDouble()) return "a number";
  return "a string";
}

const NodeEntry* Node::FindEntry(std::string_view key) const {
  for (const NodeEntry& entry : entries_) {
    if (entry.key->text() == key) return &entry;
  }
  return nullptr;
}

NodePtr Node::Find(std::string_view key) const {
  const NodeEntry* entry = FindEntry(key);
  return entry ? entry->value : nullptr;
}

NodePtr NodeBuilder::Scalar(const SourcePtr& source, Span span, std::string text, ScalarStyle style, size_t text_begin,
                            std::vector<uint32_t> offsets) {
  WEIR_CHECK(offsets.empty() || offsets.size() == text.size(), "one offset per byte");
  auto node = std::make_shared<Node>();
  node->source_ = source;
  node->span_ = span;
  node->text_ = std::move(text);
  node->style_ = style;
  node->text_begin_ = text_begin;
  node->offsets_ = std::move(offsets);
  return node;
}

NodePtr NodeBuilder::Map(const SourcePtr& source, Span span, std::vector<NodeEntry> entries) {
  auto node = std::make_shared<Node>();
  node->kind_ = NodeKind::kMap;
  node->source_ = source;
  node->span_ = span;
  node->entries_ = std::move(entries);
  return node;
}

NodePtr NodeBuilder::Sequence(const SourcePtr& source, Span span, std::vector<NodePtr> items) {
  auto node = std::make_shared<Node>();
  node->kind_ = NodeKind::kSequence;
  node->source_ = source;
  node->span_ = span;
  node->items_ = std::move(items);
  return node;
}

NodePtr NodeBuilder::Replace(const NodePtr& scalar, std::string text, ScalarStyle style, bool secret) {
  auto node = std::make_shared<Node>(*scalar);
  node->text_ = std::move(text);
  node->style_ = style;
  node->offsets_.clear();
  node->text_begin_ = Node::kNoText;
  node->secret_ = secret;
  return node;
}

NodePtr NodeBuilder::MarkSecret(const NodePtr& scalar) {
  auto node = std::make_shared<Node>(*scalar);
  node->secret_ = true;
  return node;
}

namespace {
SourcePtr SourceOf(const NodePtr& origin) { return origin ? origin->source() : nullptr; }
Span SpanOf(const NodePtr& origin) { return origin ? origin->span() : Span{}; }
}  // namespace

NodePtr MakeScalarNode(std::string text, const NodePtr& origin, ScalarStyle style) {
  const NodePtr place = NodeBuilder::Scalar(SourceOf(origin), SpanOf(origin), "", style, 0, {});
  return NodeBuilder::Replace(place, std::move(text), style, false);
}

NodePtr MakeMapNode(std::vector<NodeEntry> entries, const NodePtr& origin) {
  return NodeBuilder::Map(SourceOf(origin), SpanOf(origin), std::move(entries));
}

NodePtr MakeSequenceNode(std::vector<NodePtr> items, const NodePtr& origin) {
  return NodeBuilder::Sequence(SourceOf(origin), SpanOf(origin), std::move(items));
}

}  // namespace weir
