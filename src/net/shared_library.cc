// Finding and opening shared libraries.
#include "net/shared_library.h"

#include <dlfcn.h>
#include <unistd.h>

#include <vector>

#include "env/env.h"

namespace weir {
namespace {

std::string ProgramFolder() {
  char path[4096];
  ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? DirectoryName(std::string(path, length)) : ".";
}

/// The libraries of a package stand in one folder and name each other without it. Those that are loaded already are
/// found by name, so each is opened once all that it needs is.
void OpenNeeded(const std::string& folder) {
  auto entries = RealFileSystem().List(folder);
  if (!entries.ok()) return;
  std::vector<std::string> closed;
  for (const DirectoryEntry& entry : *entries) {
    if (entry.name.find(".so") != std::string::npos) closed.push_back(JoinPath(folder, entry.name));
  }
  for (size_t before = closed.size() + 1; closed.size() < before;) {
    before = closed.size();
    std::erase_if(closed, [](const std::string& path) { return ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL); });
  }
}

}  // namespace

Result<void*> OpenSharedLibrary(const SharedLibraryName& name) {
  std::string tried;
  if (auto chosen = Env::Real().Variable(name.variable)) {
    if (void* handle = ::dlopen(chosen->c_str(), RTLD_NOW | RTLD_LOCAL)) return handle;
    return Status::IOError(name.purpose, ", cannot be opened ($", name.variable, "):\n  ", ::dlerror());
  }
  const std::string packaged = ProgramFolder() + "/../lib/net";
  for (const std::string& place : {name.soname, JoinPath(packaged, name.soname), name.built_with}) {
    if (place.starts_with(packaged)) OpenNeeded(packaged);
    if (void* handle = ::dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL)) return handle;
    tried += std::string("\n  ") + ::dlerror();
  }
  return Status::IOError(name.purpose, ", cannot be opened:", tried);
}

Result<void*> FindSymbol(void* library, const SharedLibraryName& name, const char* symbol) {
  if (void* found = ::dlsym(library, symbol)) return found;
  return Status::IOError(name.purpose, ": this ", name.soname, " is of another version: it has no ", symbol);
}

}  // namespace weir
