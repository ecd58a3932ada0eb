// The program `weir`.
#include <cstdio>
#include <cstring>

#include "base/cpu.h"
#include "base/version.h"

int main(int argc, char** argv) {
  if (weir::Status status = weir::CheckCpu(); !status.ok()) {
    std::fprintf(stderr, "weir: %s\n", status.message().c_str());
    return 1;
  }
  const weir::BuildInfo& info = weir::GetBuildInfo();
  if (argc == 2 && std::strcmp(argv[1], "version") == 0) {
    std::printf("weir %s (%s, %s, %s; Arrow %s, DuckDB %s)\n", info.version, info.commit, info.build_type,
                info.compiler, info.arrow_version, info.duckdb_version);
    return 0;
  }
  std::fprintf(stderr, "usage: weir version\n");
  return 2;
}
