// From what a Join step asks for to its operators: which inputs are joined first, which side of a pair is the table.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plan/binding.h"

namespace weir {

struct JoinEquality {  // one pair of fields
  int inputs[2];       // ascending
  int columns[2];
  int number = -1;  // 0, 1: this one is a number and the other an integer; -1: they are of one type
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
  /// Of two inputs: the times of the second one's rows, around those of the first, that they are joined in.
  struct Within {
    int64_t before_us = 0, after_us = 0;
  };
  std::optional<Within> within;
  int as_of = -1;  // of two inputs: the one whose rows are versions; -1: none
};

StepBinding PlanJoin(const JoinShape& shape, const BindContext& context);

}  // namespace weir
