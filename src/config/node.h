// Node: a YAML document as a tree that knows the place of every key and value.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "config/diagnostic.h"

namespace weir {

class Node;
using NodePtr = std::shared_ptr<const Node>;

struct NodeEntry {
  NodePtr key;  // always a scalar
  NodePtr value;
};

enum class NodeKind { kScalar, kMap, kSequence };
enum class ScalarStyle { kPlain, kSingleQuoted, kDoubleQuoted, kLiteral, kFolded };

/// Immutable once loaded. What a plain scalar means (`012`, `yes`, `null`) is decided by who reads it: AsInt64() & co.
class Node {
 public:
  NodeKind kind() const { return kind_; }
  bool is_scalar() const { return kind_ == NodeKind::kScalar; }
  bool is_map() const { return kind_ == NodeKind::kMap; }
  bool is_sequence() const { return kind_ == NodeKind::kSequence; }
  const SourcePtr& source() const { return source_; }
  Span span() const { return span_; }  // of the value itself, without its key

  // Scalars.
  const std::string& text() const { return text_; }
  ScalarStyle style() const { return style_; }
  /// File offsets of bytes [begin, end) of text(): escapes, folding and indentation are accounted for.
  Span SpanOfText(size_t begin, size_t end) const;
  bool IsNull() const;                 // plain: empty, ~, null, Null, NULL
  std::optional<bool> AsBool() const;  // plain: YAML 1.1 words, as Beam's loader reads them
  std::optional<int64_t> AsInt64()
      const;  // plain: decimal, 1_000, 0x, 0b, 0o; leading 0 is octal, as Beam's loader reads it
  std::optional<double> AsDouble() const;  // plain: YAML float, 1e3, .inf, .nan; integers too
  /// It came from ${env:…} or ${file:…} and must never be printed.
  bool is_secret() const { return secret_; }
  /// "a string", "an integer", "a mapping", "null" …, for messages.
  std::string Describe() const;

  // Maps and sequences.
  const std::vector<NodeEntry>& entries() const { return entries_; }
  const std::vector<NodePtr>& items() const { return items_; }
  /// The value of `key`, or null.
  NodePtr Find(std::string_view key) const;
  const NodeEntry* FindEntry(std::string_view key) const;

 private:
  friend class NodeBuilder;
  static constexpr size_t kNoText = static_cast<size_t>(-1);  // text_ stands in no file
  NodeKind kind_ = NodeKind::kScalar;
  ScalarStyle style_ = ScalarStyle::kPlain;
  SourcePtr source_;
  Span span_;
  std::string text_;
  std::vector<uint32_t> offsets_;  // file offset of each byte of text_; empty: byte i stands at text_begin_ + i
  size_t text_begin_ = kNoText;
  bool secret_ = false;
  std::vector<NodeEntry> entries_;
  std::vector<NodePtr> items_;
};

/// Builds nodes that stand in no file's text (defaults, synthesised steps); their span is that of `origin`.
NodePtr MakeScalarNode(std::string text, const NodePtr& origin, ScalarStyle style = ScalarStyle::kDoubleQuoted);
NodePtr MakeMapNode(std::vector<NodeEntry> entries, const NodePtr& origin);
NodePtr MakeSequenceNode(std::vector<NodePtr> items, const NodePtr& origin);

struct YamlLimits {
  size_t max_bytes = 1 << 20;  // a pipeline file
  int max_depth = 64;
  size_t max_nodes = 1'000'000;  // after aliases are resolved: an alias bomb ends here
};

/// Parses one YAML 1.2 document (libfyaml). Syntax errors, duplicate keys, a second document, invalid UTF-8, limits:
/// each a diagnostic with its place. Null when there is no tree to go on with; else the tree, so that its other
/// mistakes can be told in the same run. Aliases and `<<` are resolved within the node budget; an alias shares the node
/// of its anchor.
NodePtr LoadYaml(const SourcePtr& source, const YamlLimits& limits, Diagnostics* diagnostics);

}  // namespace weir
