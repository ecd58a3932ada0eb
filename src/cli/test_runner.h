// Runs the `tests:` of a pipeline file: each on a graph of its own, with the rows that reach its expectations kept in
// memory.
#pragma once

#include <string>
#include <vector>

#include "cli/testing/judge.h"
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
  bool as_stream = false;    // see BindOptions
  int64_t renew_calls = 0;   // see RenewOperators; 0: off
  int64_t restart_rows = 0;  // the run is ended, and begun again with other lanes, after so many rows; 0: off
};

struct TestResult {
  std::string name;
  std::string error;  // why the test could not run to its end; empty otherwise
  std::vector<ExpectationResult> expectations;
  bool passed() const;
};

/// Adds the components that stand for expectations and scripts; their types cannot be written in a file.
void RegisterTestSteps(Registry& registry);

/// Runs tests()[index]. What is wrong with the test itself goes to `diagnostics`, and `error` says so.
TestResult RunTest(const PipelineFile& file, size_t index, const Registry& registry, const TestRunOptions& options,
                   Diagnostics* diagnostics);

}  // namespace weir
