// Binder: logical graph + registry → bound steps, each with its schemas and operators. All mistakes at once.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "plan/binding.h"
#include "plan/logical_graph.h"

namespace weir {

/// Output of a bound step. `output` counts StepBinding::outputs; kErrors is the step's error output.
struct BoundInput {
  static constexpr int kErrors = -1;
  int step = -1;  // index in BoundGraph::steps
  int output = 0;
};

struct BoundStep {
  std::string name;
  std::string type;
  int logical = -1;  // index in LogicalGraph::steps; implied steps (Flatten of a list, windowing) carry their owner's
  bool implied = false;
  NodePtr node;
  std::string stage;  // that it runs in; never empty
  StepBinding binding;
  std::vector<BoundInput> inputs;
  CollectionInfo errors;     // of the error output
  bool observed = false;     // somebody reads how it is: its filter stays where it is
  bool errors_read = false;  // somebody consumes it, in this graph or in the whole of which this is a part
  double error_threshold = 1.0;
};

/// In topological order.
struct BoundGraph {
  std::vector<BoundStep> steps;
  /// Where each logical step's outputs are: (bound step, output) by logical id; -1 when it could not be bound.
  std::vector<int> bound_of_logical;
};

struct BindOptions {
  Env* env = nullptr;
  int lanes = 1;
  std::string base_dir;
  bool as_stream = false;  // tests: every source is taken for one that never ends, though it does
  std::map<std::string, SchemaPtr> known_schemas;  // by step name: see BindContext::known_schema
  /// Only what the pipeline is like is asked for: a task that reads what another one has yet to write is given the
  /// schema of what it will write, and the graph cannot run.
  bool describe_only = false;
};

/// The graph is complete only if `diagnostics` has no errors afterwards.
BoundGraph Bind(const LogicalGraph& graph, const Registry& registry, const BindOptions& options,
                Diagnostics* diagnostics);

}  // namespace weir
