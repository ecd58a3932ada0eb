// `weir test --fix`: puts what came in place of what was expected, in the file's text.
#pragma once

#include <string>
#include <vector>

#include "cli/test_runner.h"

namespace weir {

/// The text with the `elements` of every failed expectation replaced by the rows that came, sorted; all else, comments
/// too, stays as it is. Expectations of tests that could not run to their end are left alone.
std::string FixedText(const SourceFile& source, const std::vector<TestResult>& tests);

/// Replaces the file by FixedText, by rename. IOError where it cannot be written.
Status FixExpectations(const SourceFile& source, const std::vector<TestResult>& tests, Env& env);

}  // namespace weir
