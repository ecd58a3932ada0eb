// PhysicalPlan: what the engine runs. Nodes in topological order, each with its factory, its inputs and how rows get
// there.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "plan/step_binding.h"

namespace weir {

struct PhysicalInput {
  int node = -1;  // producer
  int port = 0;   // of the producer
  Exchange exchange;
};

enum class NodeRole { kSource, kOperator, kSink };

struct PhysicalNode {
  int id = -1;
  int step = -1;  // in PhysicalPlan::steps
  std::string step_name;
  std::string name;  // of the operator: "Combine (partial)"
  NodeRole role = NodeRole::kOperator;
  std::vector<PhysicalInput> inputs;
  /// Per output port; the error port, if somebody reads it, is the last.
  std::vector<SchemaPtr> outputs;
  std::vector<ColumnSet> needed_outputs;
  int error_port = -1;
  int late_port = -1;                              // of rows that came too late
  double error_threshold = 1.0;                    // share of rejected rows above which the run fails
  int max_lanes = 0;                               // 0: any
  bool follows_port_0 = false;                     // see OperatorSpec
  bool repeatable = false;                         // see OperatorSpec and StepBinding
  ScanRequest scan;                                // sources
  bool unbounded = false;                          // a source that ends only when the run is drained
  StateKeeping keeps = StateKeeping::kUndeclared;  // operators
  bool repositions = false;                        // sources: StepBinding::source_repositions
  SinkEpochs sink_epochs = SinkEpochs::kWhole;     // sinks
  std::string sink_guarantee;                      // sinks: see StepBinding
  std::string config_hash;                         // of what the file says of the step
  std::function<Result<std::unique_ptr<Operator>>(const OperatorContext&)> make;
  std::function<std::vector<ColumnSet>(const std::vector<ColumnSet>& outputs)> needs;  // see OperatorSpec
  bool can_project = false;                                                            // sources
  std::function<Result<std::shared_ptr<Source>>(const ScanRequest&)> make_source;
  std::function<Result<std::shared_ptr<Sink>>()> make_sink;
  std::vector<std::string> notes;
};

/// A bound step as the engine knows it.
struct PhysicalStep {
  struct Output {
    std::string name;  // "" = the main output
    int node = -1, port = 0;
  };
  std::string name, type;
  std::string stage;
  bool bounded = true;              // of its first output, or else of its first input
  int scan = -1;                    // the step whose scan applies this one, a filter: it has no operator of its own
  std::vector<Output> outputs;      // of a sink one: the node itself
  Output errors;                    // node -1: nobody reads them
  std::vector<std::string> inputs;  // "Step" or "Step.output"
};

struct PhysicalPlan {
  std::vector<PhysicalNode> nodes;
  std::vector<PhysicalStep> steps;  // by PhysicalNode::step
};

/// {element: <of the rejected row>, msg: string, stack: string}: Beam's shape of an error record.
SchemaPtr ErrorSchema(const TypePtr& element);

}  // namespace weir
