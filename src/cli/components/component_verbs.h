// `weir list`, `weir describe` and `weir schema`: what the registry knows, for people, programs and editors.
#pragma once

#include <string>
#include <vector>

#include "plan/binding.h"

namespace weir {

/// `args` are the words behind the verb. Results go to stdout, complaints to stderr; the exit code is returned (0, or 2
/// for wrong usage or an unknown name).
int RunList(const Registry& registry, const std::vector<std::string>& args);
int RunDescribe(const Registry& registry, const std::vector<std::string>& args);
int RunSchema(const Registry& registry, const std::vector<std::string>& args);

/// The generated reference: files by their path below docs/reference.
struct ReferencePage {
  std::string path;
  std::string text;
};
std::vector<ReferencePage> ReferencePages(const Registry& registry);

}  // namespace weir
