// The operators of joins whose inputs go on, or whose rows may be taken back, with what explain says of their state.
#pragma once

#include <string>

#include "operators/join/join_plan.h"
#include "operators/join/stream_rows.h"

namespace weir {

/// What a pair of sides is joined by: a StreamJoin, or what `shape` asks for instead. `options` is complete. The
/// inputs' `from` is left to the caller.
OperatorSpec StreamJoinSpec(const JoinShape& shape, const std::string& step, const StreamJoinOptions& options);

/// The object of the `late` output that names the inputs of the step.
SchemaPtr JoinLateSchema(const BindContext& context);

/// Behind `schema` the columns `numbers` as integers, where they are whole: what numbers are compared with integers by.
/// A number that no integer equals becomes null. One port.
OperatorSpec WholeNumbersSpec(const std::string& step, const SchemaPtr& schema, const std::vector<int>& numbers);

}  // namespace weir
