// The functions of libcurl that Weir calls, found when the first request is sent: with what it needs the library is
// some thirty others, and most runs never talk HTTP.
#pragma once

#define CURL_DISABLE_TYPECHECK 1  // its macros would stand in the way of pointers to the functions
#include <curl/curl.h>

#include "base/status.h"

namespace weir {

// clang-format off
#define WEIR_CURL_FUNCTIONS(X) \
  X(global_init) X(easy_init) X(easy_cleanup) X(easy_reset) X(easy_setopt) X(easy_perform) X(easy_getinfo) \
  X(easy_strerror) X(slist_append) X(slist_free_all) X(getdate)
// clang-format on

struct CurlLibrary {
#define WEIR_CURL_MEMBER(name) decltype(&::curl_##name) name = nullptr;
  WEIR_CURL_FUNCTIONS(WEIR_CURL_MEMBER)
#undef WEIR_CURL_MEMBER

  /// Opens the library once for the whole process: $WEIR_CURL, the machine's own (which gets its security fixes), the
  /// one in ../lib/net beside the program, then where the build found it. Errors: IOError that says where it was looked
  /// for. Thread-safe.
  static Result<const CurlLibrary*> Get();
};

}  // namespace weir
