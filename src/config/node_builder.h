// The one way to fill a Node: used by the loader and by substitution, nobody else.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/node.h"

namespace weir {

class NodeBuilder {
 public:
  /// A scalar that stands at `span`; byte i of `text` at offsets[i], or at text_begin + i when `offsets` is empty.
  static NodePtr Scalar(const SourcePtr& source, Span span, std::string text, ScalarStyle style, size_t text_begin,
                        std::vector<uint32_t> offsets);
  static NodePtr Map(const SourcePtr& source, Span span, std::vector<NodeEntry> entries);
  static NodePtr Sequence(const SourcePtr& source, Span span, std::vector<NodePtr> items);
  /// A copy of a scalar with another text (a substituted parameter): every byte of it stands where the scalar stands.
  /// `secret` nodes are never printed.
  static NodePtr Replace(const NodePtr& scalar, std::string text, ScalarStyle style, bool secret);
  static NodePtr MarkSecret(const NodePtr& scalar);
};

}  // namespace weir
