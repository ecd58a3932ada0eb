// Where random unit tests get their seed from.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace weir {

/// WEIR_TEST_SEED where it is set. Else one fixed seed where CI is set, so that luck fails no build of a change that is
/// right; by hand a new one each time. A test says it with SCOPED_TRACE(SeedText(seed)): a failure prints how to repeat
/// it.
inline uint64_t TestSeed() {
  constexpr uint64_t kSeedInCi = 20261121;
  if (const char* given = std::getenv("WEIR_TEST_SEED")) return std::strtoull(given, nullptr, 10);
  if (const char* ci = std::getenv("CI"); ci != nullptr && *ci != '\0') return kSeedInCi;
  return std::random_device{}();
}

inline std::string SeedText(uint64_t seed) { return "WEIR_TEST_SEED=" + std::to_string(seed); }

}  // namespace weir
