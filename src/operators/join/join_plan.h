// From what a Join step asks for to its operators: which inputs are joined first, which side of a pair is the table.
#pragma once

#include <string>
#include <vector>

#include "plan/binding.h"

namespace weir {

struct JoinEquality {  // one pair of fields
  int inputs[2];       // ascending
  int columns[2];
};

struct JoinField {
  std::string name;
  int input = 0, column = 0;
};

/// A checked Join step over context.inputs(), each connected with one before it.
struct JoinShape {
  std::vector<JoinEquality> equalities;
  std::vector<JoinField> fields;
  /// By input, from 1 on: whether unmatched rows of what is joined before it, and of it, come out.
  std::vector<bool> keep_before, keep_input;
};

StepBinding PlanJoin(const JoinShape& shape, const BindContext& context);

}  // namespace weir
