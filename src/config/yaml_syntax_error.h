// Turns libfyaml's words about a syntax error into ours, with the place that a person would look at.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"

namespace weir {

struct OpenCollection {
  bool is_map = false;
  bool is_flow = false;  // written with brackets
  Span start;
};

struct SyntaxError {
  Span span;
  std::string message;
  std::string hint;
};

/// `line` and `column` from 1, as libfyaml counts them; `open`: collections whose end had not come, outermost first.
SyntaxError ExplainSyntaxError(const SourceFile& source, std::string_view said, int line, int column,
                               const std::vector<OpenCollection>& open);

}  // namespace weir
