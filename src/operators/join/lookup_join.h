// LookupJoin: a join whose build side is small: one table, made by one lane, looked up by all lanes of the other side.
//
// The rows of the probing side stay in their lane, and with their selection: no exchange, no copy of what finds no
// partner. Two operators: the build, in one lane, and the probe, in the lanes of its input, told by the end of the
// build's (empty) output that the table is ready.
#pragma once

#include <memory>
#include <string>

#include "operators/join/hash_join.h"

namespace weir {

struct LookupJoinOptions {
  /// The left side probes, the right side is built; keep[kRight] is false.
  HashJoinOptions join;
  /// What the two operators of one join have in common within their step.
  std::string name;
};

/// Keeps its input; emits nothing. Past its share of the memory budget the rows go to disk.
Result<std::unique_ptr<Operator>> MakeLookupBuild(LookupJoinOptions options, const OperatorContext& context);
/// Port kLeft: the rows that probe; port kRight: from the build. Where the build went to disk, each lane joins its rows
/// with all of it as a HashJoin does.
Result<std::unique_ptr<Operator>> MakeLookupProbe(LookupJoinOptions options, const OperatorContext& context);

}  // namespace weir
