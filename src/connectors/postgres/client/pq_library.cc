// Finding libpq.
#include "connectors/postgres/client/pq_library.h"

#include "net/shared_library.h"

namespace weir {
namespace {

Result<PqLibrary> Load() {
  const SharedLibraryName name{"libpq, which talks to PostgreSQL", "WEIR_PQ", "libpq.so.5", WEIR_PQ_LIBRARY};
  WEIR_ASSIGN_OR_RETURN(void* handle, OpenSharedLibrary(name));
  PqLibrary library;
  void* symbol = nullptr;
#define WEIR_PQ_LOAD(function)                                             \
  WEIR_ASSIGN_OR_RETURN(symbol, FindSymbol(handle, name, "PQ" #function)); \
  library.function = reinterpret_cast<decltype(library.function)>(symbol);
  WEIR_PQ_FUNCTIONS(WEIR_PQ_LOAD)
#undef WEIR_PQ_LOAD
  return library;
}

}  // namespace

Result<const PqLibrary*> PqLibrary::Get() {
  static const Result<PqLibrary> library = Load();
  // A library that is not there does not come by waiting: not an error that is tried again.
  if (!library.ok()) return Status::Invalid(library.status().message());
  return &*library;
}

}  // namespace weir
