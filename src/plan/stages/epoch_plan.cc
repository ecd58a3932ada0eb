// What keeps a plan from ending epochs while it runs.
#include "plan/stages/epoch_plan.h"

#include <algorithm>
#include <map>

namespace weir {
namespace {

/// Why this node cannot take part in epochs of a run that goes on; empty: it can.
std::string Obstacle(const PhysicalNode& node) {
  const std::string step = "step '" + node.step_name + "'";
  switch (node.role) {
    case NodeRole::kSource:
      return node.repositions ? "" : step + " (" + node.name + ") cannot go on from where it was";
    case NodeRole::kOperator:
      return node.keeps != StateKeeping::kUndeclared ? "" : step + " (" + node.name + ") cannot keep its state";
    case NodeRole::kSink:
      return node.sink_epochs != SinkEpochs::kWhole
                 ? ""
                 : step + " (" + node.name + ") shows everything at the end, at once";
  }
  return "";
}

}  // namespace

EpochPlan PlanEpochs(const PhysicalPlan& plan) {
  EpochPlan out;
  const bool unbounded =
      std::any_of(plan.nodes.begin(), plan.nodes.end(), [](const PhysicalNode& node) { return node.unbounded; });
  for (const PhysicalNode& node : plan.nodes) {
    if (node.role == NodeRole::kSink && node.sink_epochs == SinkEpochs::kAtLeastOnce) {
      out.weaker.push_back("step '" + node.step_name + "' at least once" +
                           (node.sink_guarantee.empty() ? "" : ": " + node.sink_guarantee));
    }
    const std::string obstacle = Obstacle(node);
    if (obstacle.empty() || !out.many) continue;
    out.many = false;
    out.reason = obstacle;
    if (unbounded) out.refusal = obstacle;
  }
  return out;
}

std::vector<std::string> DurableNames(const PhysicalPlan& plan) {
  std::map<std::string, int> seen;  // nodes of each step
  std::vector<std::string> names;
  for (const PhysicalNode& node : plan.nodes) {
    names.push_back(node.step_name + "/" + std::to_string(seen[node.step_name]++));
  }
  return names;
}

}  // namespace weir
