// log_crash FIXTURES [--seed N] [--write]: runs the tests of crashes, one line each. --write makes the fixtures of the
// version of this program instead.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

#include "crash/workload.h"

namespace weir {
namespace {

bool Report(const char* name, const Findings& findings) {
  if (findings.wrong() == 0) {
    std::printf("ok %s (%lld cases)\n", name, static_cast<long long>(findings.cases()));
  } else {
    std::printf("not ok %s - %lld of %lld cases\n", name, static_cast<long long>(findings.wrong()),
                static_cast<long long>(findings.cases()));
    for (const std::string& what : findings.first()) std::printf("# %s\n", what.c_str());
  }
  std::fflush(stdout);
  return findings.wrong() == 0;
}

int Main(int argc, char** argv) {
  uint64_t seed = std::getenv("CI") ? 20261121 : std::random_device{}();
  bool write = false;
  const char* fixtures = argc > 1 ? argv[1] : ".";
  for (int i = 2; i < argc; ++i) {
    if (std::strcmp(argv[i], "--seed") == 0 && i + 1 < argc) seed = std::strtoull(argv[++i], nullptr, 10);
    if (std::strcmp(argv[i], "--write") == 0) write = true;
  }
  if (write) {
    const Status status = WriteFixtures(fixtures);
    if (!status.ok()) std::fprintf(stderr, "%s\n", status.message().c_str());
    return status.ok() ? 0 : 1;
  }
  std::printf("# seed %llu\n", static_cast<unsigned long long>(seed));
  const char* filter = std::getenv("WEIR_TEST_FILTER");
  auto wanted = [&](const char* name) { return !filter || std::strstr(name, filter); };
  bool ok = true;
  if (wanted("fixtures")) ok &= Report("fixtures", ReadFixtures(fixtures));
  if (wanted("torn_tail")) ok &= Report("torn_tail", CutAndFlipTails(seed));
  if (wanted("two_owners")) ok &= Report("two_owners", TwoOwners({}));
  if (wanted("planted")) ok &= Report("planted", PlantedFaultsAreCaught(seed));
  if (wanted("every_failure")) ok &= Report("every_failure", FailEveryOperation(seed, 400));
  if (wanted("every_crash")) ok &= Report("every_crash", CrashAfterEveryOperation(seed, 2000, {}));
  return ok ? 0 : 1;
}

}  // namespace
}  // namespace weir

int main(int argc, char** argv) { return weir::Main(argc, argv); }
