// Rows with their windows written on them, for steps that handle whole rows by window.
#pragma once

#include "batch/batch.h"
#include "time/windowing.h"

namespace weir {

/// Each row with its window; in sliding windows a row is there once for each. Event times become those of the windows.
/// Errors: CapacityError when text repeated for sliding windows passes 2 GiB.
Result<Batch> PutIntoWindows(Batch batch, const WindowingStrategy& windowing);

}  // namespace weir
