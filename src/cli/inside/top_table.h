// The table that `weir top` shows, of what /api/pipeline answers.
#pragma once

#include <string>

namespace weir {

/// `pipeline_json` as PipelineJson gives it. One line per step; the bottleneck is marked with '◀'. `color`: with
/// terminal colours. An answer that is something else gives an empty text.
std::string TopTable(const std::string& pipeline_json, bool color);

}  // namespace weir
