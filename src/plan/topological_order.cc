// Kahn's algorithm with a heap of ready nodes.
#include "plan/topological_order.h"

#include <algorithm>
#include <functional>
#include <queue>

namespace weir {
namespace {

/// Follows edges backwards among the nodes that are left until one repeats.
std::vector<int> FindCycle(const std::vector<std::vector<int>>& before, const std::vector<bool>& done) {
  int node = static_cast<int>(std::find(done.begin(), done.end(), false) - done.begin());
  std::vector<int> seen_at(before.size(), -1), path;
  while (seen_at[node] < 0) {
    seen_at[node] = static_cast<int>(path.size());
    path.push_back(node);
    // A node that is left has a predecessor that is left.
    node = *std::find_if(before[node].begin(), before[node].end(), [&](int n) { return !done[n]; });
  }
  std::vector<int> cycle(path.begin() + seen_at[node], path.end());
  std::reverse(cycle.begin(), cycle.end());
  std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
  return cycle;
}

}  // namespace

TopologicalOrder SortTopologically(const std::vector<std::vector<int>>& before) {
  const int num_nodes = static_cast<int>(before.size());
  std::vector<std::vector<int>> after(num_nodes);
  std::vector<int> waiting(num_nodes, 0);
  std::priority_queue<int, std::vector<int>, std::greater<int>> ready;
  for (int n = 0; n < num_nodes; ++n) {
    waiting[n] = static_cast<int>(before[n].size());
    for (int b : before[n]) after[b].push_back(n);
    if (before[n].empty()) ready.push(n);
  }
  TopologicalOrder result;
  std::vector<bool> done(num_nodes, false);
  while (!ready.empty()) {
    const int n = ready.top();
    ready.pop();
    done[n] = true;
    result.order.push_back(n);
    for (int a : after[n]) {
      if (--waiting[a] == 0) ready.push(a);
    }
  }
  if (static_cast<int>(result.order.size()) < num_nodes) {
    result.cycle = FindCycle(before, done);
    for (int n = 0; n < num_nodes; ++n) {
      if (!done[n]) result.order.push_back(n);
    }
  }
  return result;
}

}  // namespace weir
