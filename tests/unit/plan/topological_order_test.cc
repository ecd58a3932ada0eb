// The topological sort: stable order, and a true cycle where there is no order.
#include "plan/topological_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "unit/test_seed.h"

namespace weir {
namespace {

using Nodes = std::vector<int>;

TEST(TopologicalOrder, KeepsTheGivenOrderWhereItCan) {
  EXPECT_EQ(SortTopologically({{}, {}, {}}).order, (Nodes{0, 1, 2}));
  EXPECT_EQ(SortTopologically({{2}, {}, {}}).order, (Nodes{1, 2, 0}));
  EXPECT_EQ(SortTopologically({{3, 3}, {0}, {}, {}}).order, (Nodes{2, 3, 0, 1}));
}

TEST(TopologicalOrder, FindsACycleInItsDirection) {
  TopologicalOrder order = SortTopologically({{}, {3, 0}, {1}, {2}, {3}});
  EXPECT_EQ(order.cycle, (Nodes{1, 2, 3}));
  EXPECT_EQ(order.order, (Nodes{0, 1, 2, 3, 4}));
}

TEST(TopologicalOrder, RandomGraphs) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    const int n = 1 + static_cast<int>(random() % 30);
    std::vector<Nodes> before(n);
    for (unsigned e = random() % (2 * n); e > 0; --e) before[random() % n].push_back(static_cast<int>(random() % n));
    TopologicalOrder order = SortTopologically(before);
    ASSERT_EQ(order.order.size(), static_cast<size_t>(n));
    std::vector<int> at(n, -1);
    for (int i = 0; i < n; ++i) at[order.order[i]] = i;
    bool ordered = true;
    for (int i = 0; i < n; ++i) {
      for (int b : before[i]) ordered &= at[b] < at[i];
    }
    EXPECT_EQ(ordered, order.cycle.empty());
    for (size_t i = 0; i < order.cycle.size(); ++i) {
      const Nodes& b = before[order.cycle[(i + 1) % order.cycle.size()]];
      EXPECT_TRUE(std::find(b.begin(), b.end(), order.cycle[i]) != b.end());
    }
  }
}

}  // namespace
}  // namespace weir
