// Top of an input that never ends or that takes rows back.
#pragma once

#include "plan/binding.h"
#include "state/changes/ranked_rows.h"

namespace weir {

/// Port 0: the first rows; in windows `late`: rows that came when their window was over. Without windows, and where
/// rows may still come or go after the end of a window, what falls out is taken back.
StepBinding BindTopChanges(RankedRowsOptions options, BindContext& context);

}  // namespace weir
