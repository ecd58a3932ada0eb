// Bound steps → physical nodes: chains of operators, pruned columns, filters moved into scans.
#include "plan/physical.h"

#include <arrow/type.h>
#include <xxhash.h>

#include <algorithm>
#include <cstdio>

#include "plan/planner.h"

namespace weir {
namespace {

void AppendText(const NodePtr& node, std::string* out) {
  if (node == nullptr) return;
  if (node->is_scalar()) {
    // A password that has changed changes nothing of what a step keeps.
    *out += node->is_secret() ? "*" : node->text();
    *out += '\x1f';
    return;
  }
  *out += node->is_map() ? '{' : '[';
  for (const NodeEntry& entry : node->entries()) {
    AppendText(entry.key, out);
    AppendText(entry.value, out);
  }
  for (const NodePtr& item : node->items()) AppendText(item, out);
  *out += '}';
}

/// Of what decides what an operator's state means. Sources and sinks check what they kept themselves: that they write
/// or ask in another way is no reason to refuse.
std::string ConfigHash(const BoundStep& step, NodeRole role) {
  std::string text = step.type + '\x1f';
  if (role == NodeRole::kOperator && step.node != nullptr) {
    for (const char* key : {"config", "windowing", "input"}) AppendText(step.node->Find(key), &text);
  }
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(XXH3_64bits(text.data(), text.size())));
  return hex;
}

class Planner {
 public:
  explicit Planner(const BoundGraph& graph) : graph_(graph) {}

  PhysicalPlan Run() {
    PushFilters();
    for (size_t i = 0; i < graph_.steps.size(); ++i) AddStep(static_cast<int>(i));
    DescribeSteps();
    PruneColumns();
    return std::move(plan_);
  }

 private:
  struct Place {  // where a bound step's output or error output comes out
    int node = -1, port = 0;
  };

  void PushFilters();
  void AddStep(int index);
  void AddOperators(int index, const std::vector<PhysicalInput>& step_inputs);
  void AddErrorPort(const BoundStep& step, PhysicalNode* node);
  /// One place where the errors of a step come out that come out in several.
  Place JoinErrors(int index, const std::vector<Place>& places);
  /// Of bound step `index`; the node's id.
  int AddNode(int index, PhysicalNode node);
  void DescribeSteps();
  void PruneColumns();
  std::vector<bool> MadeOf(int source) const;
  int ScanOf(int node) const;
  int Repeat(int node);
  void RepeatScan(std::vector<PhysicalInput>* inputs);
  Place PlaceOf(const BoundInput& input) const {
    // A filter that moved into its scan is the scan.
    const int step = moved_into_[input.step] >= 0 ? moved_into_[input.step] : input.step;
    if (input.output == BoundInput::kErrors) return errors_[step];
    return outputs_[step][input.output];
  }

  const BoundGraph& graph_;
  PhysicalPlan plan_;
  std::vector<std::vector<Place>> outputs_;
  std::vector<Place> errors_;
  std::vector<int> moved_into_;  // bound filter step → the source that applies it, or -1
  std::vector<std::shared_ptr<const CompiledExpr>> scan_filter_;
};

void Planner::PushFilters() {
  const size_t n = graph_.steps.size();
  moved_into_.assign(n, -1);
  scan_filter_.resize(n);
  outputs_.resize(n);
  errors_.resize(n);
  std::vector<int> readers(n, 0);  // of the main output
  for (const BoundStep& step : graph_.steps) {
    for (const BoundInput& input : step.inputs) {
      if (input.output == 0) ++readers[input.step];
    }
  }
  for (size_t i = 0; i < n; ++i) {
    const BoundStep& step = graph_.steps[i];
    const auto& filter = step.binding.filter;
    if (filter == nullptr || step.inputs.size() != 1 || step.inputs[0].output != 0) continue;
    const int from = step.inputs[0].step;
    const BoundStep& source = graph_.steps[from];
    // A predicate that can fail, or a source whose bad rows somebody wants to see, keeps its place: the scan would
    // decide which rows are looked at, and with that which errors there are.
    if (step.observed || source.observed) continue;
    if (!source.binding.source || !source.binding.can_filter || readers[from] != 1 || source.errors_read) continue;
    if (step.errors_read || filter->can_fail() || filter->uses_time() || !source.binding.can_filter(*filter)) continue;
    moved_into_[i] = from;
    scan_filter_[from] = filter;
  }
}

void Planner::AddErrorPort(const BoundStep& step, PhysicalNode* node) {
  if (!step.errors_read) return;
  node->error_port = static_cast<int>(node->outputs.size());
  node->error_threshold = step.error_threshold;
  node->outputs.push_back(step.errors.schema);
}

std::vector<bool> Planner::MadeOf(int source) const {
  std::vector<bool> made(plan_.nodes.size(), false);
  made[source] = true;
  for (const PhysicalNode& node : plan_.nodes) {  // producers come first
    for (const PhysicalInput& input : node.inputs) made[node.id] = made[node.id] || made[input.node];
  }
  return made;
}

/// The scan that `id` is, perhaps with cheap steps behind it; -1: it is something else.
int Planner::ScanOf(int id) const {
  for (;;) {
    const PhysicalNode& node = plan_.nodes[id];
    if (!node.repeatable || node.error_port >= 0 || node.outputs.size() != 1) return -1;
    if (node.role == NodeRole::kSource) return id;
    if (node.inputs.size() != 1 || node.inputs[0].exchange.kind != ExchangeKind::kForward) return -1;
    id = node.inputs[0].node;
  }
}

int Planner::Repeat(int id) {
  PhysicalNode copy = plan_.nodes[id];
  for (PhysicalInput& input : copy.inputs) input.node = Repeat(input.node);
  copy.id = static_cast<int>(plan_.nodes.size());
  if (copy.role == NodeRole::kSource) copy.notes.push_back("read again, so that a join need not keep its rows");
  plan_.nodes.push_back(std::move(copy));
  return plan_.nodes.back().id;
}

// A join whose one input is made of the other (bids, and the highest of these bids) must keep all of the latter until
// the former has ended. Where both begin with a scan, that input gets a scan of its own instead, which waits.
void Planner::RepeatScan(std::vector<PhysicalInput>* inputs) {
  for (PhysicalInput& input : *inputs) {
    const int scan = ScanOf(input.node);
    if (scan < 0) continue;
    const std::vector<bool> made = MadeOf(scan);
    const bool made_of_it = std::any_of(inputs->begin(), inputs->end(), [&](const PhysicalInput& other) {
      return other.node != input.node && made[other.node];
    });
    if (made_of_it) input.node = Repeat(input.node);
  }
}

void Planner::AddStep(int index) {
  const BoundStep& step = graph_.steps[index];
  if (moved_into_[index] >= 0) return;
  std::vector<PhysicalInput> step_inputs;
  for (const BoundInput& input : step.inputs) {
    const Place place = PlaceOf(input);
    step_inputs.push_back({place.node, place.port, {}});
  }
  if (step.binding.source || step.binding.sink) {
    PhysicalNode node;
    node.name = step.type;
    node.inputs = step_inputs;
    node.notes = step.binding.notes;
    if (step.binding.source) {
      node.role = NodeRole::kSource;
      node.make_source = step.binding.source;
      node.unbounded = !step.binding.outputs.empty() && !step.binding.outputs[0].info.bounded;
      node.max_lanes = step.binding.source_max_lanes;
      node.can_project = step.binding.can_project;
      node.repeatable = step.binding.repeatable && !node.unbounded;
      node.repositions = step.binding.source_repositions;
      node.scan.filter = scan_filter_[index];
      node.outputs = {step.binding.outputs[0].info.schema};
      AddErrorPort(step, &node);
    } else {
      node.role = NodeRole::kSink;
      node.make_sink = step.binding.sink;
      node.max_lanes = step.binding.sink_max_lanes;
      node.sink_epochs = step.binding.sink_epochs;
      node.sink_guarantee = step.binding.sink_guarantee;
      AddErrorPort(step, &node);
    }
    const int error_port = node.error_port;
    const int id = AddNode(index, std::move(node));
    outputs_[index] = {{id, 0}};
    errors_[index] = {id, error_port};
    return;
  }
  AddOperators(index, step_inputs);
}

void Planner::AddOperators(int index, const std::vector<PhysicalInput>& step_inputs) {
  const BoundStep& step = graph_.steps[index];
  std::vector<Place> error_places;
  std::vector<int> ids;  // of the step's operators
  for (size_t i = 0; i < step.binding.operators.size(); ++i) {
    const OperatorSpec& op = step.binding.operators[i];
    PhysicalNode node;
    node.name = op.name;
    node.max_lanes = op.max_lanes;
    node.follows_port_0 = op.follows_port_0;
    node.repeatable = op.repeatable;
    node.keeps = op.keeps;
    node.make = op.make;
    node.needs = op.needs;
    node.outputs = op.outputs;
    node.notes = op.notes;
    if (i == 0 || op.can_reject) AddErrorPort(step, &node);
    std::vector<PhysicalInput> inputs;
    for (const OperatorInput& from : op.from) {
      inputs.push_back(from.step_input >= 0 ? step_inputs[from.step_input]
                                            : PhysicalInput{ids[from.op], from.port, {}});
    }
    if (op.from.empty() && i == 0) inputs = step_inputs;
    if (op.from.empty() && i > 0) inputs.push_back({ids.back(), 0, {}});
    for (size_t port = 0; port < op.inputs.size() && port < inputs.size(); ++port) {
      inputs[port].exchange = op.inputs[port];
    }
    if (op.takes_turns) RepeatScan(&inputs);
    node.inputs = std::move(inputs);
    const int error_port = node.error_port;
    const int id = AddNode(index, std::move(node));
    ids.push_back(id);
    if (error_port >= 0) error_places.push_back({id, error_port});
    outputs_[index].clear();
    for (size_t port = 0; port < op.outputs.size(); ++port) outputs_[index].push_back({id, static_cast<int>(port)});
  }
  if (error_places.size() > 1) error_places = {JoinErrors(index, error_places)};
  if (!error_places.empty()) errors_[index] = error_places[0];
}

Planner::Place Planner::JoinErrors(int index, const std::vector<Place>& places) {
  const BoundStep& step = graph_.steps[index];
  PhysicalNode node;
  node.name = step.name + " (errors)";
  node.make = step.binding.join_errors;
  node.keeps = StateKeeping::kNothing;
  node.outputs = {step.errors.schema};
  for (const Place& place : places) node.inputs.push_back({place.node, place.port, Exchange{}});
  return {AddNode(index, std::move(node)), 0};
}

int Planner::AddNode(int index, PhysicalNode node) {
  node.id = static_cast<int>(plan_.nodes.size());
  node.step = index;
  node.step_name = graph_.steps[index].name;
  node.config_hash = ConfigHash(graph_.steps[index], node.role);
  plan_.nodes.push_back(std::move(node));
  return plan_.nodes.back().id;
}

void Planner::DescribeSteps() {
  for (size_t i = 0; i < graph_.steps.size(); ++i) {
    const BoundStep& step = graph_.steps[i];
    PhysicalStep& out = plan_.steps.emplace_back();
    out.name = step.name;
    out.type = step.type;
    out.stage = step.stage;
    out.scan = moved_into_[i];
    for (const BoundInput& input : step.inputs) {
      const BoundStep& from = graph_.steps[input.step];
      const bool errors = input.output == BoundInput::kErrors;
      const std::string output = errors ? "errors" : from.binding.outputs[input.output].name;
      out.inputs.push_back(output.empty() ? from.name : from.name + "." + output);
      if (errors ? !from.errors.bounded : !from.binding.outputs[input.output].info.bounded) out.bounded = false;
    }
    const auto& outputs = step.binding.outputs;
    if (!outputs.empty()) out.bounded = outputs[0].info.bounded;
    for (size_t port = 0; port < outputs_[i].size(); ++port) {
      const std::string name = port < outputs.size() ? outputs[port].name : "";
      out.outputs.push_back({name, outputs_[i][port].node, outputs_[i][port].port});
      if (name == "late") plan_.nodes[outputs_[i][port].node].late_port = outputs_[i][port].port;
    }
    if (errors_[i].port >= 0) out.errors = {"errors", errors_[i].node, errors_[i].port};
  }
}

void Planner::PruneColumns() {
  for (PhysicalNode& node : plan_.nodes) {
    for (const SchemaPtr& schema : node.outputs) node.needed_outputs.push_back(ColumnSet::None(schema->num_fields()));
  }
  for (size_t i = plan_.nodes.size(); i-- > 0;) {
    PhysicalNode& node = plan_.nodes[i];
    if (node.role == NodeRole::kSource) {
      node.scan.columns = node.can_project && node.error_port < 0 ? node.needed_outputs[0]
                                                                  : ColumnSet::All(node.outputs[0]->num_fields());
      node.needed_outputs[0] = node.scan.columns;
      continue;
    }
    std::vector<ColumnSet> needs;
    // Rejected rows are shown whole, so where somebody reads them every column is needed.
    if (node.needs && node.error_port < 0) needs = node.needs(node.needed_outputs);
    for (size_t port = 0; port < node.inputs.size(); ++port) {
      const PhysicalInput& input = node.inputs[port];
      ColumnSet& wanted = plan_.nodes[input.node].needed_outputs[input.port];
      wanted.AddAll(port < needs.size() ? needs[port] : ColumnSet::All(wanted.num_columns()));
      wanted.AddAll(input.exchange.keys);
    }
  }
}

}  // namespace

PhysicalPlan PlanPhysical(const BoundGraph& graph) { return Planner(graph).Run(); }

}  // namespace weir
