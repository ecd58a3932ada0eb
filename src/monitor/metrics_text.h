// A snapshot as Prometheus reads it (text exposition format 0.0.4).
#pragma once

#include <string>

#include "monitor/snapshot.h"

namespace weir {

/// Metric names begin with `weir_`; counters end in `_total`; units are in the name: `_bytes`, `_seconds`. Labels:
/// `step` and, of what a step gives, `port` (output, errors, late). Of a watermark that is not known, or past the end,
/// there is no sample.
std::string MetricsText(const RunSnapshot& run);
inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace weir
