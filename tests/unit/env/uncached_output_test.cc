// Files that bypass the page cache: every mixture of small and large writes, flushes and block boundaries arrives
// whole.
#include "env/uncached_output.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "env/env.h"

namespace weir {
namespace {

TEST(UncachedOutput, WritesOfAllSizesArrive) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string path =
      (std::filesystem::temp_directory_path() / ("weir-uncached-" + std::to_string(seed))).string();
  for (int round = 0; round < 6; ++round) {
    std::string expected;
    auto file = *Env::Real().files().CreateUncached(path);
    for (int i = 0; i < 30; ++i) {
      std::string piece(random() % (round % 2 ? 3000000 : 70000), static_cast<char>('a' + i));
      if (i % 10 == 3) piece.assign(1 << 20, 'B');  // exactly one block
      ASSERT_TRUE(file->Write(piece.data(), static_cast<int64_t>(piece.size())).ok());
      expected += piece;
      if (round > 3 && random() % 8 == 0) {
        ASSERT_TRUE(file->Flush().ok());
      }
    }
    ASSERT_EQ(*file->Tell(), static_cast<int64_t>(expected.size()));
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(file->Close().ok());
    std::ifstream in(path, std::ios::binary);
    std::stringstream content;
    content << in.rdbuf();
    ASSERT_TRUE(content.str() == expected) << content.str().size() << " bytes instead of " << expected.size();
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace weir
