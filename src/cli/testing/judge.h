// What came against what was expected, as multisets.
#pragma once

#include <string>
#include <vector>

#include "cli/testing/arrivals.h"
#include "config/node.h"
#include "plan/testing/transcript.h"

namespace weir {

/// What reached one expectation. Rows are canonical JSON: keys sorted, nulls left out, 1.0 written as 1; those of a
/// transcript are {"row": …, "at": …, "window": …, "pane": …, "weight": …}, as far as its expectations speak of these.
struct ExpectationResult {
  std::string step;                     // as the test names it
  bool of_input = false;                // its inputs rather than its outputs
  NodePtr place;                        // in the file, to point at
  NodePtr rows;                         // the list in the file, which is replaced where the test is to be fixed
  std::vector<std::string> missing;     // expected, but not there
  std::vector<std::string> unexpected;  // there, but not expected
  std::vector<std::string> actual;      // all rows, as written by the step's types
  bool passed() const { return missing.empty() && unexpected.empty(); }
};

/// `actual` as JSON texts; `expected`, a list of rows, or of x for {element: x}. Fills all but `step` and `of_input`.
ExpectationResult JudgeRows(const NodePtr& expected, std::vector<std::string> actual);

/// `arrivals`: all that reached the collection that transcript.items[item], an expect, is about. Those after the last
/// expect of the same collection count.
ExpectationResult JudgeExpect(const Transcript& transcript, size_t item, const std::vector<Arrival>& arrivals);

}  // namespace weir
