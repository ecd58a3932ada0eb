// SplitStages: one plan as several, each of them a run of its own, with durable edges where rows go from one to
// another.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "plan/physical.h"

namespace weir {

/// Rows that one stage gives to another.
struct StageEdge {
  std::string name;  // unique in the pipeline: "Clean to late"
  std::string from_stage, to_stage;
  SchemaPtr schema;
  ColumnSet columns;  // those that somebody reads; others are pruned
  bool unbounded = false;
};

struct StagePlan {
  std::string name;
  PhysicalPlan plan;
  std::vector<int> in, out;  // indexes of StagedPlan::edges
};

struct StagedPlan {
  std::vector<StagePlan> stages;  // in the order in which the file names them
  std::vector<StageEdge> edges;
};

/// What stands at the two ends of an edge.
struct EdgeMaker {
  std::function<Result<std::shared_ptr<Sink>>(const StageEdge&)> sink;
  std::function<Result<std::shared_ptr<Source>>(const StageEdge&)> source;
};

/// By PhysicalStep::stage. Errors: Invalid where stages feed one another in a circle.
Result<StagedPlan> SplitStages(const PhysicalPlan& plan, const EdgeMaker& maker);

/// The stages of a plan in the order in which its steps name them.
std::vector<std::string> StagesOf(const PhysicalPlan& plan);

}  // namespace weir
