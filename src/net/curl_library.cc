// Finding and opening libcurl.
#include "net/curl_library.h"

#include "net/shared_library.h"

namespace weir {
namespace {

Result<CurlLibrary> Load() {
  const SharedLibraryName name = {"libcurl, which sends HTTP requests", "WEIR_CURL", "libcurl.so.4", WEIR_CURL_LIBRARY};
  WEIR_ASSIGN_OR_RETURN(void* handle, OpenSharedLibrary(name));
  CurlLibrary library;
  void* symbol = nullptr;
#define WEIR_CURL_LOAD(function)                                              \
  WEIR_ASSIGN_OR_RETURN(symbol, FindSymbol(handle, name, "curl_" #function)); \
  library.function = reinterpret_cast<decltype(library.function)>(symbol);
  WEIR_CURL_FUNCTIONS(WEIR_CURL_LOAD)
#undef WEIR_CURL_LOAD
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
