// `weir describe`: all about one component or function; with --markdown, the reference pages of everything.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cli/components/component_verbs.h"
#include "config/spec_text.h"
#include "env/env.h"
#include "expr/function_table.h"

namespace weir {
namespace {

constexpr const char* kUsage =
    "usage: weir describe NAME... [--all] [--json]\n"
    "       weir describe --all --markdown DIR\n"
    "\n"
    "  weir describe Filter              settings, guarantees and an example\n"
    "  weir describe --all ReadFromCsv   rarely needed settings as well\n"
    "  weir describe upper               a function of expressions\n"
    "  weir describe --all --markdown D  writes the reference pages of everything into folder D\n";

struct Options {
  std::vector<std::string> names;
  bool all = false;
  bool json = false;
  std::string markdown_dir;
};

// 0: go on; else the exit code + 1.
int ReadWords(const std::vector<std::string>& args, Options* options) {
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--all") {
      options->all = true;
    } else if (args[i] == "--json") {
      options->json = true;
    } else if (args[i] == "--markdown" && i + 1 < args.size()) {
      options->markdown_dir = args[++i];
    } else if (args[i] == "--help" || args[i] == "-h") {
      std::fputs(kUsage, stdout);
      return 1;
    } else if (args[i].size() > 1 && args[i][0] == '-') {
      std::fprintf(stderr, "weir describe: unknown option '%s'\n%s", args[i].c_str(), kUsage);
      return 3;
    } else {
      options->names.push_back(args[i]);
    }
  }
  if (options->names.empty() && !options->all) {
    std::fputs(kUsage, stderr);
    return 3;
  }
  return 0;
}

std::string FunctionText(const FunctionDoc& function) {
  std::string text;
  for (const std::string& signature : function.signatures) text += function.name + signature + "\n";
  text += "  " + function.doc + "\n";
  if (!function.example.empty()) text += "\n  " + function.example + "  →  " + function.result + "\n";
  return text;
}

nlohmann::ordered_json FunctionJson(const FunctionDoc& f) {
  return {{"name", f.name}, {"kind", "function"},   {"group", f.group},  {"signatures", f.signatures},
          {"doc", f.doc},   {"example", f.example}, {"result", f.result}};
}

int Unknown(const Registry& registry, const std::string& name) {
  std::vector<std::string> names = registry.Names();
  for (const FunctionDoc& function : FunctionTable::All()) names.push_back(function.name);
  const std::string near = ClosestMatch(name, names);
  std::fprintf(stderr, "weir describe: nothing is called '%s'; %s\n", name.c_str(),
               near.empty() ? "'weir list' shows all names" : ("did you mean '" + near + "'?").c_str());
  return 2;
}

// Type names are told apart by case nowhere else either: `filter` finds Filter.
const Component* FindComponent(const Registry& registry, const std::string& name) {
  if (const Component* component = registry.Find(name)) return component;
  const auto lower = [](std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
  };
  for (const auto& [known, component] : registry.components()) {
    if (lower(known) == lower(name)) return component.get();
  }
  return nullptr;
}

Status WriteFile(FileSystem& files, const std::string& path, const std::string& text) {
  WEIR_RETURN_NOT_OK(files.MakeDirectories(path.substr(0, path.rfind('/'))));
  WEIR_ASSIGN_OR_RETURN(std::shared_ptr<WritableFile> file, files.Create(path));
  WEIR_RETURN_NOT_OK(file->Write(text));
  return file->Close();
}

int WriteMarkdown(const Registry& registry, const std::string& dir) {
  for (const ReferencePage& page : ReferencePages(registry)) {
    const Status status = WriteFile(Env::Real().files(), dir + "/" + page.path, page.text);
    if (!status.ok()) {
      std::fprintf(stderr, "weir describe: %s\n", status.message().c_str());
      return 1;
    }
  }
  return 0;
}

}  // namespace

int RunDescribe(const Registry& registry, const std::vector<std::string>& args) {
  Options options;
  if (const int stop = ReadWords(args, &options); stop != 0) return stop - 1;
  if (!options.markdown_dir.empty()) return WriteMarkdown(registry, options.markdown_dir);
  if (options.names.empty()) options.names = registry.Names();
  const bool color = isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  std::string text;
  for (const std::string& name : options.names) {
    const Component* component = FindComponent(registry, name);
    const FunctionDoc* function = component ? nullptr : FunctionTable::Find(name);
    if (component == nullptr && function == nullptr) return Unknown(registry, name);
    if (options.json) {
      list.push_back(component ? nlohmann::ordered_json::parse(RenderSpecJson(component->spec))
                               : FunctionJson(*function));
    } else {
      text += text.empty() ? "" : "\n";
      text += component ? RenderText(component->spec, options.all, color) : FunctionText(*function);
    }
  }
  if (options.json) text = (options.names.size() == 1 && !options.all ? list[0] : list).dump(2) + "\n";
  std::fputs(text.c_str(), stdout);
  return 0;
}

}  // namespace weir
