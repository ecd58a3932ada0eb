// Plans as people and programs read them: the text and JSON of `weir explain`, the drawings of `weir graph`.
#pragma once

#include <string>
#include <vector>

#include "engine/stats.h"
#include "plan/binder.h"
#include "plan/physical.h"

namespace weir {

/// Steps with their inputs, schemas and windowings.
std::string LogicalText(const BoundGraph& graph, const LogicalGraph& logical);

struct PhysicalView {
  const PhysicalPlan* plan;
  const std::vector<int>* task_of_node;
  int lanes = 1;
  const std::vector<NodeStats>* stats = nullptr;  // of a run: explain --analyze
};
/// Tasks with their operators, exchanges, what was pushed down, and, after a run, time, rows, bytes and spill.
std::string PhysicalText(const PhysicalView& view);

/// Stages, the edges between them, and what a run with --state promises.
std::string DurableText(const PhysicalPlan& plan);

/// All of it as one JSON object.
std::string PlanJson(const BoundGraph& graph, const LogicalGraph& logical, const PhysicalView& view);

enum class GraphFormat { kDot, kMermaid };
std::string GraphText(const BoundGraph& graph, GraphFormat format);

}  // namespace weir
