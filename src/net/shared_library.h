// Opening the libraries of systems when they are first needed: most runs talk to none, and with what it needs each is
// many others.
#pragma once

#include <string>

#include "base/status.h"

namespace weir {

struct SharedLibraryName {
  std::string purpose;     // "libcurl, which sends HTTP requests": for messages
  std::string variable;    // of the environment: the file to open instead of any other
  std::string soname;      // "libcurl.so.4"
  std::string built_with;  // the path that the build found
};

/// Opens it: what the variable says, the machine's own (which gets its security fixes), the one in ../lib/net beside
/// the program, then where the build found it. It stays open. Errors: IOError that says where it was looked for.
Result<void*> OpenSharedLibrary(const SharedLibraryName& name);

/// The function `symbol`. Errors: IOError, the library is of another version.
Result<void*> FindSymbol(void* library, const SharedLibraryName& name, const char* symbol);

}  // namespace weir
