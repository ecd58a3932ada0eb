// Distinct rows of an input that never ends or that takes rows back: each comes out as soon as it is there.
#pragma once

#include <memory>
#include <vector>

#include "engine/operator.h"
#include "plan/binding.h"

namespace weir {

/// What Distinct compares and gives. Shared by lanes.
struct DistinctPlan {
  std::vector<int> keys;  // columns of the input
  std::vector<TypePtr> key_types;
  SchemaPtr schema;  // the keys
  SchemaPtr late_schema;
  WindowingStrategy windowing;
  bool changes = false;  // rows have weights
};

/// Whether windows of the input are of a kind that these operators know; else groups in panes do it.
bool CanGiveDistinctRows(const CollectionInfo& in);

/// `keys`: columns of the input. Port 0: the rows; `late`: those that came when their window was over.
StepBinding BindDistinctRows(const std::vector<int>& keys, BindContext& context);

}  // namespace weir
