// `weir list`: names and one line about each.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/components/component_verbs.h"
#include "config/spec_text.h"
#include "expr/function_table.h"

namespace weir {
namespace {

constexpr const char* kUsage =
    "usage: weir list [sources|transforms|sinks|functions] [--json]\n"
    "\n"
    "  weir list               every component with one line about it\n"
    "  weir list functions     the functions of expressions\n"
    "  weir describe NAME      more about one of them\n";

constexpr ComponentKind kKinds[] = {ComponentKind::kSource, ComponentKind::kTransform, ComponentKind::kSink};

std::string Plural(ComponentKind kind) { return std::string(KindName(kind)) + "s"; }

size_t LongestName(const Registry& registry) {
  size_t longest = 0;
  for (const auto& [name, component] : registry.components()) longest = std::max(longest, name.size());
  return longest;
}

void PrintKind(const Registry& registry, ComponentKind kind, size_t width) {
  std::printf("%s\n", Plural(kind).c_str());
  for (const auto& [name, component] : registry.components()) {
    if (component->spec.kind() != kind) continue;
    std::printf("  %-*s  %s\n", static_cast<int>(width), name.c_str(), component->spec.summary().c_str());
  }
}

void PrintFunctions() {
  std::string group;
  for (const FunctionDoc& function : FunctionTable::All()) {
    if (function.group != group) {
      group = function.group;
      std::printf("%s\n", group.c_str());
    }
    const std::string signature = function.signatures.empty() ? "" : function.signatures[0];
    std::printf("  %-44s  %s\n", (function.name + signature).c_str(), function.doc.c_str());
  }
}

nlohmann::ordered_json FunctionsJson() {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const FunctionDoc& f : FunctionTable::All()) {
    list.push_back({{"name", f.name},
                    {"kind", "function"},
                    {"group", f.group},
                    {"signatures", f.signatures},
                    {"summary", f.doc},
                    {"example", f.example},
                    {"result", f.result}});
  }
  return list;
}

nlohmann::ordered_json ComponentsJson(const Registry& registry, const std::string& what) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (ComponentKind kind : kKinds) {
    if (!what.empty() && what != Plural(kind)) continue;
    for (const auto& [name, component] : registry.components()) {
      if (component->spec.kind() != kind) continue;
      list.push_back({{"name", name}, {"kind", KindName(kind)}, {"summary", component->spec.summary()}});
    }
  }
  return list;
}

}  // namespace

int RunList(const Registry& registry, const std::vector<std::string>& args) {
  bool json = false;
  std::string what;
  for (const std::string& arg : args) {
    if (arg == "--json") {
      json = true;
    } else if (arg == "--help" || arg == "-h") {
      std::fputs(kUsage, stdout);
      return 0;
    } else if (what.empty() && (arg == "sources" || arg == "transforms" || arg == "sinks" || arg == "functions")) {
      what = arg;
    } else {
      std::fprintf(stderr, "weir list: unknown word '%s'\n%s", arg.c_str(), kUsage);
      return 2;
    }
  }
  if (json) {
    const auto list = what == "functions" ? FunctionsJson() : ComponentsJson(registry, what);
    std::printf("%s\n", list.dump(2).c_str());
    return 0;
  }
  if (what == "functions") {
    PrintFunctions();
    return 0;
  }
  const size_t width = LongestName(registry);
  for (ComponentKind kind : kKinds) {
    if (what.empty() || what == Plural(kind)) PrintKind(registry, kind, width);
  }
  if (what.empty())
    std::printf("\n'weir describe NAME' says more; 'weir list functions' shows the functions of expressions.\n");
  return 0;
}

}  // namespace weir
