// What verbs share: the registry, filled on first use, and whether to use colours.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "batch/compute_init.h"
#include "cli/verb.h"
#include "connectors/register.h"
#include "operators/register.h"

namespace weir {
namespace {

bool ColorWanted(int fd) {
  // https://no-color.org: any non-empty value switches colours off.
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = std::getenv("TERM");
  return isatty(fd) != 0 && term != nullptr && std::strcmp(term, "dumb") != 0;
}

}  // namespace

const Registry& CliContext::registry() {
  static const Registry* const registry = [] {
    auto* made = new Registry;
    RegisterOperators(*made);
    RegisterConnectors(*made);
    return made;
  }();
  return *registry;
}

bool CliContext::color_stdout() const { return ColorWanted(STDOUT_FILENO); }
bool CliContext::color_stderr() const { return ColorWanted(STDERR_FILENO); }

bool CliContext::Usable(const Status& status) {
  if (status.ok()) return true;
  std::fprintf(stderr, "weir: %s\n", status.message().c_str());
  exit_code = kExitUsage;
  return false;
}

}  // namespace weir
