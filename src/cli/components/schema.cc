// `weir schema`: JSON Schema of pipeline files, so that editors complete and check them.
#include <cstdio>

#include "cli/components/component_verbs.h"
#include "config/spec_text.h"

namespace weir {
namespace {

constexpr const char* kUsage =
    "usage: weir schema [NAME]\n"
    "\n"
    "  weir schema > pipeline.schema.json     JSON Schema (2020-12) of pipeline files, for editors; their first line "
    "is then\n"
    "                                         # yaml-language-server: $schema=pipeline.schema.json\n"
    "  weir schema Filter                     of the config of one component\n";

}  // namespace

int RunSchema(const Registry& registry, const std::vector<std::string>& args) {
  std::string name;
  for (const std::string& arg : args) {
    if (arg == "--help" || arg == "-h") {
      std::fputs(kUsage, stdout);
      return 0;
    }
    if (arg == "--json") continue;  // it is JSON anyway
    if (!name.empty() || arg[0] == '-') {
      std::fprintf(stderr, "weir schema: unknown word '%s'\n%s", arg.c_str(), kUsage);
      return 2;
    }
    name = arg;
  }
  if (name.empty()) {
    std::vector<const ComponentSpec*> specs;
    for (const auto& [known, component] : registry.components()) specs.push_back(&component->spec);
    std::printf("%s\n", PipelineJsonSchema(specs).c_str());
    return 0;
  }
  const Component* component = registry.Find(name);
  if (component == nullptr) {
    const std::string near = ClosestMatch(name, registry.Names());
    std::fprintf(stderr, "weir schema: there is no component '%s'; %s\n", name.c_str(),
                 near.empty() ? "'weir list' shows all names" : ("did you mean '" + near + "'?").c_str());
    return 2;
  }
  std::printf("%s\n", JsonSchema(component->spec).c_str());
  return 0;
}

}  // namespace weir
