// HashJoin: two inputs joined by equal keys, and by equal windows where they are windowed.
#pragma once

#include <memory>
#include <vector>

#include "batch/batch.h"
#include "engine/operator.h"
#include "time/windowing.h"

namespace weir {

enum Side : int { kLeft = 0, kRight = 1 };

struct HashJoinOptions {
  SchemaPtr schemas[2];
  std::vector<int> keys[2];       // columns, pairwise of one type
  bool keep[2] = {false, false};  // rows of this side that match nothing come out too, with nulls for the other
  WindowingStrategy windowing;
  bool has_window[2] = {false, false};  // rows carry windows already
  SchemaPtr output;                     // all columns of the left, then all of the right
  /// The left side never ends: its rows keep their event times, and the other side, a table, stays in memory. Of
  /// lookups only.
  bool endless_left = false;
};

Result<std::unique_ptr<Operator>> MakeHashJoin(HashJoinOptions options, const OperatorContext& context);

}  // namespace weir
