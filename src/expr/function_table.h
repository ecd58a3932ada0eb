// FunctionTable: every function of the expression language as data, for `weir list functions`, `weir describe`, the
// reference pages and did-you-mean.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct FunctionDoc {
  std::string name;
  std::string group;  // "string", "math", "time", "null", "list", "map", "regex", "conversion", "hash"
  std::vector<std::string> signatures;  // "(string, integer [, integer]) -> string"
  std::string doc;                      // one or two sentences
  std::string example;                  // an expression, without input columns
  std::string result;                   // what the example gives, as an expression literal
};

class FunctionTable {
 public:
  /// All functions, by group and name. Built on first use; safe from any thread.
  static const std::vector<FunctionDoc>& All();
  /// Null when there is none. Names are case-insensitive.
  static const FunctionDoc* Find(std::string_view name);
};

}  // namespace weir
