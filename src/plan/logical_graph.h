// LogicalGraph: a pipeline file after its composites, chains, names and references are resolved; types are not known
// yet.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/diagnostic.h"
#include "config/node.h"
#include "plan/tasks/tasks_file.h"
#include "plan/testing/transcript.h"
#include "time/windowing.h"

namespace weir {

/// One output of one step, as referred to from somewhere in the file.
struct OutputRef {
  int step = -1;           // LogicalStep::id
  std::string output;      // as written after the step's name; "" = the step's main output
  bool is_errors = false;  // `output` is the name that the step's error_handling gives, or "errors"
  Span span;               // of the reference
  SourcePtr source;
};

struct StepInput {
  std::string alias;            // "" for the unnamed input
  std::vector<OutputRef> refs;  // several = an implicit Flatten
};

/// `error_handling: {output, threshold}` of a step's config.
struct ErrorHandling {
  std::string output;               // name of the output that failing rows go to
  std::optional<double> threshold;  // share of failing rows, 0 to 1, that fails the run
  NodePtr node;
};

struct LogicalStep {
  int id = -1;       // its index in LogicalGraph::steps
  std::string name;  // unique: "Outer/Inner"; an unnamed step has its type's name, with "@LINE" where that is taken
  std::string type;
  NodePtr node;       // the whole step; of the composite for a step that the composite implies
  NodePtr type_node;  // for messages about the type
  NodePtr config;     // null when there is none
  std::vector<StepInput> inputs;
  bool explicit_no_input = false;  // `input: {}`, or the `source` of a pipeline
  /// Windows the step's inputs; of a step without inputs, its outputs. Written here or inherited from the composite
  /// whose root this is. For WindowInto it is what the step does, wherever it was written.
  std::optional<WindowingStrategy> windowing;
  NodePtr windowing_node;
  std::optional<ErrorHandling> error_handling;
  bool keeps_errors = false;  // failing rows end nothing, even where nothing in this graph reads them
  NodePtr output_schema;   // null when there is none; a ValidateWithSchema step follows, which readers of this one read
  std::vector<int> after;  // steps that must have ended before this one starts
  NodePtr when;            // null when there is none
  NodePtr resource_hints;  // kept and shown, not used
  std::string stage;       // that it runs in; "" where the file says none
  NodePtr state;           // of a table to keep of its output; null when there is none
};

/// One `{name, elements}` of a tests block.
struct TestData {
  std::string name;  // of a top-level step, or step.output
  NodePtr name_node;
  NodePtr elements;  // a sequence
};

/// One entry of `tests:`.
struct TestBlock {
  std::string name;  // "test N" when the file gives none
  NodePtr node;
  std::vector<TestData> mock_outputs;      // instead of running the step
  std::vector<TestData> mock_inputs;       // the step runs on these
  std::vector<TestData> expected_inputs;   // the step does not run
  std::vector<TestData> expected_outputs;  // the step runs
  std::vector<NodePtr> allowed_sources;    // names or types of root steps that may run unmocked; Create always may
  std::optional<Transcript> transcript;    // instead of mocks and expectations
};

struct LogicalGraph {
  std::vector<LogicalStep> steps;               // topological order; among the possible ones, the nearest to the file's
  std::string name, description;                // of the file; empty when not given
  NodePtr options, params;                      // null when not given
  std::map<std::string, WrittenBy> written_by;  // of task files: see TasksFile
};

}  // namespace weir
