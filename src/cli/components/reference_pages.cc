// The generated part of docs/reference: one page for each component, one for the functions, and their index.
#include "cli/components/component_verbs.h"
#include "config/spec_text.h"
#include "expr/function_table.h"

namespace weir {
namespace {

constexpr ComponentKind kKinds[] = {ComponentKind::kSource, ComponentKind::kTransform, ComponentKind::kSink};

std::string Folder(ComponentKind kind) { return std::string(KindName(kind)) + "s"; }

std::string PagePath(const ComponentSpec& spec) { return Folder(spec.kind()) + "/" + spec.name() + ".md"; }

// In a table cell a bar would end the cell.
std::string Cell(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, "\\");
  return text;
}

std::string IndexPage(const Registry& registry) {
  std::string text =
      "# Reference\n\nWhat stands here is generated from the declarations in the code: `weir describe --all --markdown "
      "docs/reference`.\nThe functions of expressions are in [functions.md](functions.md).\n";
  for (ComponentKind kind : kKinds) {
    std::string title = Folder(kind);
    title[0] = static_cast<char>(title[0] - 'a' + 'A');
    text += "\n## " + title + "\n\n| name | what it does |\n|---|---|\n";
    for (const auto& [name, component] : registry.components()) {
      const ComponentSpec& spec = component->spec;
      if (spec.kind() == kind) text += "| [" + name + "](" + PagePath(spec) + ") | " + Cell(spec.summary()) + " |\n";
    }
  }
  return text;
}

std::string FunctionsPage() {
  std::string text =
      "# Functions of expressions\n\nNames are not case-sensitive. An argument that is null makes the result null "
      "unless it is said otherwise.\n";
  std::string group;
  for (const FunctionDoc& function : FunctionTable::All()) {
    if (function.group != group) {
      group = function.group;
      text += "\n## " + group + "\n\n| function | meaning | example |\n|---|---|---|\n";
    }
    std::string signatures;
    for (const std::string& signature : function.signatures)
      signatures += (signatures.empty() ? "`" : "<br>`") + function.name + signature + "`";
    const std::string example =
        function.example.empty() ? "" : "`" + function.example + "` → `" + function.result + "`";
    text += "| " + Cell(signatures) + " | " + Cell(function.doc) + " | " + Cell(example) + " |\n";
  }
  return text;
}

}  // namespace

std::vector<ReferencePage> ReferencePages(const Registry& registry) {
  std::vector<ReferencePage> pages = {{"README.md", IndexPage(registry)}, {"functions.md", FunctionsPage()}};
  for (const auto& [name, component] : registry.components()) {
    pages.push_back({PagePath(component->spec), RenderMarkdown(component->spec)});
  }
  return pages;
}

}  // namespace weir
