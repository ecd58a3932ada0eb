// Cuts the plan at inputs that come from another stage.
#include "plan/stages/stage_split.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace weir {
namespace {

class Splitter {
 public:
  Splitter(const PhysicalPlan& plan, const EdgeMaker& maker) : plan_(plan), maker_(maker) {}

  Result<StagedPlan> Split() {
    for (const std::string& name : StagesOf(plan_)) {
      index_[name] = static_cast<int>(out_.stages.size());
      out_.stages.push_back({name, {}, {}, {}});
    }
    for (const PhysicalNode& node : plan_.nodes) {
      for (const PhysicalInput& input : node.inputs) {
        if (StageOf(plan_.nodes[input.node]) != StageOf(node)) AddEdge(input, StageOf(node));
      }
    }
    WEIR_RETURN_NOT_OK(CheckNoCircle());
    for (StagePlan& stage : out_.stages) {
      AddSources(&stage);
      AddNodes(&stage);
      AddSinks(&stage);
    }
    return std::move(out_);
  }

 private:
  const std::string& StageOf(const PhysicalNode& node) const { return plan_.steps[node.step].stage; }

  void AddEdge(const PhysicalInput& input, const std::string& to) {
    auto [found, fresh] = edge_of_.try_emplace({input.node, input.port, to}, static_cast<int>(out_.edges.size()));
    if (!fresh) return;
    const PhysicalNode& from = plan_.nodes[input.node];
    StageEdge edge;
    edge.from_stage = StageOf(from);
    edge.to_stage = to;
    edge.name = OutputName(from, input.port) + " to " + to;
    const bool taken = std::any_of(out_.edges.begin(), out_.edges.end(),
                                   [&](const StageEdge& other) { return other.name == edge.name; });
    if (taken) edge.name += " (" + std::to_string(input.node) + ")";
    edge.schema = from.outputs[input.port];
    edge.columns = from.needed_outputs[input.port];
    edge.unbounded = !plan_.steps[from.step].bounded;
    producer_.push_back(input);
    out_.stages[index_[edge.from_stage]].out.push_back(found->second);
    out_.stages[index_[to]].in.push_back(found->second);
    out_.edges.push_back(std::move(edge));
  }

  std::string OutputName(const PhysicalNode& node, int port) const {
    const PhysicalStep& step = plan_.steps[node.step];
    if (port == node.error_port) return step.name + ".errors";
    for (const PhysicalStep::Output& output : step.outputs) {
      if (output.node == node.id && output.port == port && !output.name.empty()) return step.name + "." + output.name;
    }
    return step.name;
  }

  Status CheckNoCircle() const {
    std::map<std::string, int> feeders;  // stages that have not been reached by taking away those without
    for (const StageEdge& edge : out_.edges) ++feeders[edge.to_stage];
    std::vector<std::string> free;
    for (const StagePlan& stage : out_.stages) {
      if (feeders[stage.name] == 0) free.push_back(stage.name);
    }
    size_t reached = 0;
    while (!free.empty()) {
      const std::string name = std::move(free.back());
      free.pop_back();
      ++reached;
      for (const StageEdge& edge : out_.edges) {
        if (edge.from_stage == name && --feeders[edge.to_stage] == 0) free.push_back(edge.to_stage);
      }
    }
    if (reached == out_.stages.size()) return Status::OK();
    std::string circle;
    for (const auto& [name, count] : feeders) {
      if (count > 0) circle += (circle.empty() ? "'" : ", '") + name + "'";
    }
    return Status::Invalid(
        "stages feed one another in a circle: ", circle,
        "\n  = help: rows may go from one stage to another, not back: give the steps between the same "
        "'stage', or a third");
  }

  /// A step of the stage's plan that stands for an edge.
  int AddStep(StagePlan* stage, const StageEdge& edge, bool is_source) {
    PhysicalStep step;
    step.name = "edge " + edge.name;
    step.type = "Edge";
    step.stage = stage->name;
    step.bounded = !edge.unbounded;
    if (is_source) step.outputs = {{"", static_cast<int>(stage->plan.nodes.size()), 0}};
    stage->plan.steps.push_back(std::move(step));
    return static_cast<int>(stage->plan.steps.size()) - 1;
  }

  PhysicalNode NodeOf(StagePlan* stage, const StageEdge& edge, bool is_source) {
    PhysicalNode node;
    node.id = static_cast<int>(stage->plan.nodes.size());
    node.step = AddStep(stage, edge, is_source);
    node.step_name = stage->plan.steps[node.step].name;
    node.name = "Edge";
    node.max_lanes = is_source ? 1 : 0;
    return node;
  }

  void AddSources(StagePlan* stage) {
    stage->plan.steps = plan_.steps;  // the numbers of steps stay what they are
    for (int id : stage->in) {
      const StageEdge& edge = out_.edges[id];
      PhysicalNode node = NodeOf(stage, edge, true);
      node.role = NodeRole::kSource;
      node.outputs = {edge.schema};
      node.needed_outputs = {edge.columns};
      node.unbounded = edge.unbounded;
      node.repositions = true;
      node.make_source = [make = maker_.source, edge](const ScanRequest&) { return make(edge); };
      place_[{stage->name, producer_[id].node, producer_[id].port}] = {node.id, 0};
      stage->plan.nodes.push_back(std::move(node));
    }
  }

  void AddNodes(StagePlan* stage) {
    for (const PhysicalNode& node : plan_.nodes) {
      if (StageOf(node) != stage->name) continue;
      PhysicalNode copy = node;
      copy.id = static_cast<int>(stage->plan.nodes.size());
      for (PhysicalInput& input : copy.inputs) {
        const auto [id, port] = place_.at({stage->name, input.node, input.port});
        input.node = id;
        input.port = port;
      }
      for (int port = 0; port < static_cast<int>(node.outputs.size()); ++port) {
        place_[{stage->name, node.id, port}] = {copy.id, port};
      }
      stage->plan.nodes.push_back(std::move(copy));
    }
    for (PhysicalStep& step : stage->plan.steps) {
      if (step.type == "Edge") continue;
      for (PhysicalStep::Output& output : step.outputs) Move(*stage, &output);
      Move(*stage, &step.errors);
    }
  }

  void Move(const StagePlan& stage, PhysicalStep::Output* output) const {
    const auto found = place_.find({stage.name, output->node, output->port});
    const bool here = output->node >= 0 && found != place_.end();
    output->node = here ? found->second.first : -1;
    output->port = here ? found->second.second : 0;
  }

  void AddSinks(StagePlan* stage) {
    for (int id : stage->out) {
      const StageEdge& edge = out_.edges[id];
      PhysicalNode node = NodeOf(stage, edge, false);
      node.role = NodeRole::kSink;
      node.sink_epochs = SinkEpochs::kExactlyOnce;
      const auto [from, port] = place_.at({stage->name, producer_[id].node, producer_[id].port});
      node.inputs = {{from, port, Exchange{}}};
      node.make_sink = [make = maker_.sink, edge] { return make(edge); };
      stage->plan.nodes.push_back(std::move(node));
    }
  }

  const PhysicalPlan& plan_;
  const EdgeMaker& maker_;
  StagedPlan out_;
  std::map<std::string, int> index_;                          // of stages
  std::map<std::tuple<int, int, std::string>, int> edge_of_;  // (node, port) of the whole plan, stage that reads it
  std::vector<PhysicalInput> producer_;                       // by edge, in the whole plan
  /// (stage, node and port of the whole plan) → node and port of the stage's plan.
  std::map<std::tuple<std::string, int, int>, std::pair<int, int>> place_;
};

}  // namespace

Result<StagedPlan> SplitStages(const PhysicalPlan& plan, const EdgeMaker& maker) {
  return Splitter(plan, maker).Split();
}

std::vector<std::string> StagesOf(const PhysicalPlan& plan) {
  std::vector<std::string> names;
  for (const PhysicalNode& node : plan.nodes) {
    const std::string& stage = plan.steps[node.step].stage;
    if (std::find(names.begin(), names.end(), stage) == names.end()) names.push_back(stage);
  }
  return names;
}

}  // namespace weir
