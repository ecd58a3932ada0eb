// Runs the `tests:` of a pipeline file: each on a graph of its own, with the rows that reach its expectations kept in
// memory.
#pragma once

#include <string>
#include <vector>

#include "config/diagnostic.h"
#include "engine/run.h"
#include "plan/pipeline_text.h"

namespace weir {

class MemoryBudget;
class Registry;

struct TestRunOptions {
  RunOptions run;
  Env* env = nullptr;
  MemoryBudget* memory = nullptr;
  std::string base_dir;
};

/// What reached one expectation. Rows are canonical JSON: keys sorted, nulls left out, 1.0 written as 1.
struct ExpectationResult {
  const TestData* data = nullptr;  // in the tests of the file, which must outlive this
  bool of_input = false;
  std::vector<std::string> missing;     // expected, but not there
  std::vector<std::string> unexpected;  // there, but not expected
  std::vector<std::string> actual;      // all rows, as written by the step's types
  bool passed() const { return missing.empty() && unexpected.empty(); }
};

struct TestResult {
  std::string name;
  std::string error;  // why the test could not run to its end; empty otherwise
  std::vector<ExpectationResult> expectations;
  bool passed() const;
};

/// Adds the component that stands for expectations; its type cannot be written in a file.
void RegisterExpectation(Registry& registry);

/// Runs tests()[index]. What is wrong with the test itself goes to `diagnostics`, and `error` says so.
TestResult RunTest(const PipelineFile& file, size_t index, const Registry& registry, const TestRunOptions& options,
                   Diagnostics* diagnostics);

/// `weir test`: `args` are the words behind the verb; the exit status is returned.
int RunTestVerb(const std::vector<std::string>& args);

}  // namespace weir
