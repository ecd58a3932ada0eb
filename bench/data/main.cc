// weir_bench_data KIND FOLDER COUNT: writes one kind of benchmark data into an existing folder.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "data/files.h"

int main(int argc, char** argv) {
  using weir::Status;
  struct Kind {
    std::string_view name;
    Status (*write)(const std::string& folder, int64_t count);
  };
  constexpr Kind kKinds[] = {{"nexmark", weir::bench::WriteNexmark},
                             {"big", weir::bench::WriteBig},
                             {"words", weir::bench::WriteWords},
                             {"stations", weir::bench::WriteStations}};
  if (argc == 4) {
    for (const Kind& kind : kKinds) {
      if (kind.name != argv[1]) continue;
      Status status = kind.write(argv[2], std::atoll(argv[3]));
      if (!status.ok()) std::fprintf(stderr, "weir_bench_data: %s\n", status.ToString().c_str());
      return status.ok() ? 0 : 1;
    }
  }
  std::fprintf(stderr, "usage: weir_bench_data nexmark|big|words|stations FOLDER COUNT\n");
  return 2;
}
