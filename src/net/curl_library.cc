// Finding and opening libcurl.
#include "net/curl_library.h"

#include <dlfcn.h>
#include <unistd.h>

#include <string>
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

void* Open(std::string* tried) {
  if (auto chosen = Env::Real().Variable("WEIR_CURL")) {
    void* handle = ::dlopen(chosen->c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) *tried = std::string("\n  ") + ::dlerror();
    return handle;
  }
  const std::string packaged = ProgramFolder() + "/../lib/net";
  for (const std::string& place :
       {std::string("libcurl.so.4"), packaged + "/libcurl.so.4", std::string(WEIR_CURL_LIBRARY)}) {
    if (place.starts_with(packaged)) OpenNeeded(packaged);
    if (void* handle = ::dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL)) return handle;
    *tried += std::string("\n  ") + ::dlerror();
  }
  return nullptr;
}

Result<CurlLibrary> Load() {
  std::string tried;
  void* handle = Open(&tried);
  if (!handle) return Status::IOError("libcurl, which sends HTTP requests, cannot be opened:", tried);
  CurlLibrary library;
  const char* missing = nullptr;
#define WEIR_CURL_LOAD(name)                                                               \
  library.name = reinterpret_cast<decltype(library.name)>(::dlsym(handle, "curl_" #name)); \
  if (!library.name) missing = "curl_" #name;
  WEIR_CURL_FUNCTIONS(WEIR_CURL_LOAD)
#undef WEIR_CURL_LOAD
  if (missing) return Status::IOError("this libcurl is of another version: it has no ", missing);
  if (library.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return Status::IOError("libcurl cannot be initialised");
  return library;
}

}  // namespace

Result<const CurlLibrary*> CurlLibrary::Get() {
  static const Result<CurlLibrary> library = Load();
  if (!library.ok()) return library.status();
  return &*library;
}

}  // namespace weir
