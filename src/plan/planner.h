// From bound steps to what the engine runs: operator chains, column pruning, filters moved into scans.
#pragma once

#include "plan/binder.h"
#include "plan/physical.h"

namespace weir {

/// `graph` must be complete (no errors were reported while binding) and must outlive the call only.
PhysicalPlan PlanPhysical(const BoundGraph& graph);

}  // namespace weir
