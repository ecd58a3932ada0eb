// Combine over windows that are not known to be complete at the end only: groups give panes as triggers and watermark
// say, late rows correct them or go to the late output.
#pragma once

#include <memory>

#include "engine/operator.h"
#include "operators/combine/combine_operators.h"

namespace weir {

/// Port 0: keys and results. Port 1: rows that came too late (late_rows.h).
Result<std::unique_ptr<Operator>> MakePaneCombine(CombinePlanPtr plan, const OperatorContext& lane);

}  // namespace weir
