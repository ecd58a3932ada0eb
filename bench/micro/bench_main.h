// What the small benchmarks share: CPU time of the process, the best of several interleaved runs, GB/s.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

namespace weir::bench {

inline double CpuSeconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

struct Case {
  std::string name;
  std::function<int64_t()> run;  // returns rows
  double best_seconds = 1e9;
  int64_t rows = 0;
};

/// Runs A B C A B C … and prints the least CPU time of each, per byte of `bytes` and per row.
inline void RunAll(std::vector<Case>& cases, int times, double bytes, const char* filter) {
  for (int i = 0; i < times; ++i) {
    for (auto& c : cases) {
      if (filter && c.name.find(filter) == std::string::npos) continue;
      const double begin = CpuSeconds();
      c.rows = c.run();
      c.best_seconds = std::min(c.best_seconds, CpuSeconds() - begin);
    }
  }
  for (const auto& c : cases) {
    if (c.rows == 0) continue;
    std::printf("%-44s %7.3f CPU s  %6.2f GB/s  %7.1f ns/row  %lld rows\n", c.name.c_str(), c.best_seconds,
                bytes / c.best_seconds / 1e9, c.best_seconds / static_cast<double>(c.rows) * 1e9,
                static_cast<long long>(c.rows));
  }
}

}  // namespace weir::bench
