// Topological order of a graph of small integers, stable, with a cycle to show when there is none.
#pragma once

#include <vector>

namespace weir {

struct TopologicalOrder {
  /// All nodes, each after those before it; among the possible ones always the smallest next. Nodes on or behind a
  /// cycle come last, in their own order.
  std::vector<int> order;
  /// Empty, or nodes c0, c1 … of one cycle: c0 comes before c1, …, the last before c0. c0 is its smallest node.
  std::vector<int> cycle;
};

/// `before[n]`: the nodes that must come before n; repetitions are fine. O((nodes + edges) log nodes).
TopologicalOrder SortTopologically(const std::vector<std::vector<int>>& before);

}  // namespace weir
