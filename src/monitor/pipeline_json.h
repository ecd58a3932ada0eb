// A snapshot as JSON: the answer of /api/pipeline, which `weir top` shows.
#pragma once

#include <string>

#include "monitor/snapshot.h"

namespace weir {

/// {run, file, time, uptime_s, status: starting|running|finished|failed, error, memory: {…}, steps: [{name, type,
/// inputs, status, rows_in, …, watermark (RFC 3339 or null), lag_s, busy, idle, blocked, bottleneck}]}. Counts are
/// since the start, `_per_s` and the shares over the last second.
std::string PipelineJson(const RunSnapshot& run);

}  // namespace weir
