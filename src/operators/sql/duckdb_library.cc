// Finding and opening libduckdb.
#include "operators/sql/duckdb_library.h"

#include <dlfcn.h>

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

Result<DuckdbLibrary> Load() {
  std::vector<std::string> places;
  if (auto chosen = Env::Real().Variable("WEIR_DUCKDB")) {
    places = {*chosen};
  } else {
    places = {ProgramFolder() + "/../lib/libduckdb.so", "libduckdb.so", WEIR_DUCKDB_LIBRARY};
  }
  void* handle = nullptr;
  std::string tried;
  for (const std::string& place : places) {
    handle = ::dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle) break;
    const char* reason = ::dlerror();
    tried += std::string("\n  ") + (reason ? reason : place.c_str());
  }
  if (!handle) return Status::IOError("DuckDB, which runs Sql steps, cannot be opened:", tried);
  DuckdbLibrary library;
  const char* missing = nullptr;
#define WEIR_DUCKDB_LOAD(name)                                                               \
  library.name = reinterpret_cast<decltype(library.name)>(::dlsym(handle, "duckdb_" #name)); \
  if (!library.name) missing = "duckdb_" #name;
  WEIR_DUCKDB_FUNCTIONS(WEIR_DUCKDB_LOAD)
#undef WEIR_DUCKDB_LOAD
  if (missing) return Status::IOError("this libduckdb is of another version: it has no ", missing);
  return library;
}

}  // namespace

Result<const DuckdbLibrary*> DuckdbLibrary::Get() {
  static const Result<DuckdbLibrary> library = Load();
  if (!library.ok()) return library.status();
  return &*library;
}

}  // namespace weir
