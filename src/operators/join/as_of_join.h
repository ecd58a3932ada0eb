// AsOfJoin: each row beside the version of the other side that was valid at its time.
#pragma once

#include <memory>

#include "engine/operator.h"
#include "operators/join/stream_rows.h"

namespace weir {

struct AsOfJoinOptions {
  StreamJoinOptions stream;  // its windows do not decide who meets; keep[versions] and changes[versions] are false
  Side versions = kRight;    // the side that is looked up
};

/// Ports and outputs as of a StreamJoin. A row waits until the watermark has passed its time, then meets the row of its
/// key with the greatest event time that is not after its own; of several with this time, the one that came last. A
/// version goes when the watermark, less the allowed lateness, has passed the next one of its key. Results have the
/// time of the row that looked.
Result<std::unique_ptr<Operator>> MakeAsOfJoin(AsOfJoinOptions options, const OperatorContext& lane);

}  // namespace weir
