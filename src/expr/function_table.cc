// FunctionTable: the registry as documentation. See function_table.h.
#include "expr/function_table.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "expr/check/functions.h"

namespace weir {
namespace {

// Functions that are nodes of their own and not in the registry.
std::vector<FunctionDoc> SpecialFunctions() {
  return {
      {"coalesce", "null", {"(T...) -> T"}, "The first value that is not null.", "coalesce(null, 2, 3)", "2"},
      {"ifnull", "null", {"(T, T) -> T"}, "The first value, or the second where it is null.", "ifnull(null, 2)", "2"},
      {"if",
       "null",
       {"(boolean, T [, T]) -> T"},
       "The second value where the condition is true, else the third.",
       "if(1 < 2, 'a', 'b')",
       "'a'"},
      {"cast",
       "conversion",
       {"(any as type) -> type"},
       "The value as another type; what does not fit is a row error.",
       "cast('12' as integer)",
       "12"},
      {"try_cast",
       "conversion",
       {"(any as type) -> type"},
       "The value as another type, null where it does not fit.",
       "try_cast('x' as integer)",
       "null"},
      {"event_time", "time", {"() -> timestamp"}, "The row's event time.", "event_time() is null", "false"},
      {"window_start",
       "time",
       {"() -> timestamp"},
       "The start of the row's window, after a grouping step.",
       "window_start() is null",
       "false"},
      {"window_end",
       "time",
       {"() -> timestamp"},
       "The end of the row's window, after a grouping step.",
       "window_end() is null",
       "false"},
  };
}

}  // namespace

const std::vector<FunctionDoc>& FunctionTable::All() {
  static const std::vector<FunctionDoc> all = [] {
    std::vector<FunctionDoc> docs = SpecialFunctions();
    for (const expr::Function& function : expr::FunctionRegistry::Get().functions()) {
      if (std::strcmp(function.group, "operator") == 0) continue;
      FunctionDoc doc{function.name, function.group, {}, function.doc, function.example, function.result};
      for (const expr::Overload& overload : function.overloads) doc.signatures.emplace_back(overload.signature);
      docs.push_back(std::move(doc));
    }
    std::sort(docs.begin(), docs.end(), [](const FunctionDoc& a, const FunctionDoc& b) {
      return a.group != b.group ? a.group < b.group : a.name < b.name;
    });
    return docs;
  }();
  return all;
}

const FunctionDoc* FunctionTable::Find(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const FunctionDoc& doc : All()) {
    if (doc.name == lower) return &doc;
  }
  return nullptr;
}

}  // namespace weir
