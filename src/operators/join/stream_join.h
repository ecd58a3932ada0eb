// StreamJoin: rows meet as they come; both sides are kept as long as partners may come.
#pragma once

#include <memory>

#include "engine/operator.h"
#include "operators/join/stream_rows.h"

namespace weir {

/// Equal keys in equal windows. Ports: kLeft, kRight; the second output port is that of rows that came too late. A
/// window's rows go when the watermark is its allowed lateness past its end; where options.retracts is false, rows
/// without a partner come out then.
Result<std::unique_ptr<Operator>> MakeStreamJoin(StreamJoinOptions options, const OperatorContext& lane);

}  // namespace weir
