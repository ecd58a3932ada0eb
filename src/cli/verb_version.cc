// weir version.
#include <cstdio>
#include <memory>

#include "base/version.h"
#include "cli/verb.h"

namespace weir {

void AddVersionVerb(Command app, CliContext&) {
  auto json = std::make_shared<bool>(false);
  Command verb = app.AddVerb("version", "Say which version this is and what it was built with");
  verb.AddFlag("--json", json.get(), "as one JSON object");
  verb.OnRun([json] {
    const BuildInfo& info = GetBuildInfo();
    if (*json) {
      std::printf(
          "{\"version\": \"%s\", \"commit\": \"%s\", \"build_type\": \"%s\", \"compiler\": \"%s\", \"arrow\": \"%s\", "
          "\"duckdb\": \"%s\"}\n",
          info.version, info.commit, info.build_type, info.compiler, info.arrow_version, info.duckdb_version);
      return;
    }
    std::printf("weir %s (%s, %s, %s; Arrow %s, DuckDB %s)\n", info.version, info.commit, info.build_type,
                info.compiler, info.arrow_version, info.duckdb_version);
  });
}

}  // namespace weir
