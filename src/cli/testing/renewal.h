// Renewal: operators die and go on with what they have kept, again and again, in the midst of a test.
#pragma once

#include <cstdint>

#include "plan/physical.h"

namespace weir {

/// After every `calls` calls of an operator that keeps snapshots a new one takes its place, with the state that the old
/// one has put into cells. What shares an object with other lanes or operators is left alone.
void RenewOperators(int64_t calls, PhysicalPlan* plan);

}  // namespace weir
