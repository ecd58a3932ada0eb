// IntervalJoin: equal keys, and event times that are near enough to each other.
#pragma once

#include <memory>

#include "engine/operator.h"
#include "operators/join/stream_rows.h"

namespace weir {

struct IntervalJoinOptions {
  StreamJoinOptions stream;  // its windows do not decide who meets; `retracts` is false
  /// right.event_time in [left.event_time - before_us, left.event_time + after_us].
  int64_t before_us = 0, after_us = 0;
};

/// Ports and outputs as of a StreamJoin. A row goes when the watermark, less the allowed lateness, has passed the last
/// time that a partner can have; one of a side that is kept and that met nobody comes out then.
Result<std::unique_ptr<Operator>> MakeIntervalJoin(IntervalJoinOptions options, const OperatorContext& lane);

}  // namespace weir
