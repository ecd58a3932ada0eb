// What this program is: version, commit and the libraries that it was built with.
#pragma once

namespace weir {

struct BuildInfo {
  const char* version;         // "0.1.0"
  const char* commit;          // abbreviated, "-dirty" behind it for a changed checkout; empty outside of git
  const char* build_type;      // "Release", "Debug", with the sanitizers behind it
  const char* compiler;        // "GNU 12.2.0"
  const char* arrow_version;   // of the libraries that were linked
  const char* duckdb_version;  // of the library that Sql steps open
};

/// Constants of the build; any thread, no cost.
const BuildInfo& GetBuildInfo();

}  // namespace weir
