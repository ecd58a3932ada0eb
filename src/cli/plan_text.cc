// Renders plans.
#include "cli/plan_text.h"

#include <arrow/type.h>

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "batch/types.h"
#include "plan/stages/epoch_plan.h"
#include "plan/stages/stage_split.h"

namespace weir {
namespace {

std::string SchemaText(const arrow::Schema& schema) {
  std::string out = "{";
  for (int i = 0; i < schema.num_fields(); ++i) {
    out += (i ? ", " : "") + schema.field(i)->name() + ": " + TypeName(*schema.field(i)->type());
  }
  return out + "}";
}

/// Whether rows are only added or also taken back, and whether the collection is ever complete.
std::string KindText(const CollectionInfo& info) {
  return std::string(info.changes ? "changes" : "append-only") + (info.bounded ? ", bounded" : ", unbounded");
}

std::string InputName(const BoundGraph& graph, const BoundInput& input) {
  const BoundStep& from = graph.steps[input.step];
  if (input.output == BoundInput::kErrors) return from.name + ".errors";
  const std::string& output = from.binding.outputs[input.output].name;
  return output.empty() ? from.name : from.name + "." + output;
}

std::string ExchangeText(const PhysicalPlan& plan, const PhysicalInput& input) {
  const Exchange& exchange = input.exchange;
  switch (exchange.kind) {
    case ExchangeKind::kForward:
      return "forward";
    case ExchangeKind::kBroadcast:
      return "broadcast";
    case ExchangeKind::kRebalance:
      return "rebalance";
    case ExchangeKind::kGather:
      return "gather";
    case ExchangeKind::kHash: {
      const arrow::Schema& schema = *plan.nodes[input.node].outputs[input.port];
      std::string out = "hash(";
      for (size_t i = 0; i < exchange.keys.size(); ++i) out += (i ? ", " : "") + schema.field(exchange.keys[i])->name();
      return out + ")";
    }
  }
  return "";
}

std::string ScanText(const PhysicalNode& node) {
  if (node.role != NodeRole::kSource) return "";
  const int all = node.outputs[0]->num_fields();
  const std::vector<int> columns = node.scan.columns.ToIndices();
  std::string out = "columns " + std::to_string(columns.size()) + " of " + std::to_string(all);
  if (static_cast<int>(columns.size()) < all) {
    out += " (";
    for (size_t i = 0; i < columns.size(); ++i) out += (i ? ", " : "") + node.outputs[0]->field(columns[i])->name();
    out += ")";
  }
  if (node.scan.filter) out += "; filter pushed down: " + node.scan.filter->ToString();
  return out;
}

std::string BytesText(int64_t bytes) {
  static const char* const kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string StatsText(const NodeStats& s) {
  char text[200];
  std::snprintf(text, sizeof text, "%8.3f s busy  %12lld rows in  %12lld rows out  %8lld batches", s.busy_s,
                static_cast<long long>(s.rows_in), static_cast<long long>(s.rows_out),
                static_cast<long long>(s.batches_in + (s.rows_in == 0 ? s.batches_out : 0)));
  std::string out = text;
  if (s.rejected > 0) out += "  " + std::to_string(s.rejected) + " rejected";
  if (s.spilled_bytes > 0) out += "  spilled " + BytesText(s.spilled_bytes);
  return out;
}

std::map<int, std::vector<const PhysicalNode*>> NodesByTask(const PhysicalView& view) {
  std::map<int, std::vector<const PhysicalNode*>> out;
  for (const PhysicalNode& node : view.plan->nodes) out[(*view.task_of_node)[node.id]].push_back(&node);
  return out;
}

int LanesOfTask(const PhysicalView& view, const std::vector<const PhysicalNode*>& nodes) {
  const int limit = nodes[0]->max_lanes;
  return limit == 0 ? view.lanes : std::min(limit, view.lanes);
}

nlohmann::json SchemaJson(const arrow::Schema& schema) {
  auto out = nlohmann::json::array();
  for (const auto& field : schema.fields())
    out.push_back({{"name", field->name()}, {"type", TypeName(*field->type())}});
  return out;
}

nlohmann::json NodeJson(const PhysicalView& view, const PhysicalNode& node) {
  nlohmann::json out = {{"id", node.id},
                        {"name", node.name},
                        {"step", node.step_name},
                        {"task", (*view.task_of_node)[node.id]},
                        {"inputs", nlohmann::json::array()},
                        {"notes", node.notes}};
  for (const PhysicalInput& input : node.inputs) {
    out["inputs"].push_back(
        {{"node", input.node}, {"port", input.port}, {"exchange", ExchangeText(*view.plan, input)}});
  }
  if (node.role == NodeRole::kSource) {
    auto columns = nlohmann::json::array();
    for (int column : node.scan.columns.ToIndices()) columns.push_back(node.outputs[0]->field(column)->name());
    out["scan"] = {{"columns", columns},
                   {"filter", node.scan.filter ? nlohmann::json(node.scan.filter->ToString()) : nullptr}};
  }
  if (view.stats != nullptr) {
    const NodeStats& s = (*view.stats)[node.id];
    out["stats"] = {{"busy_s", s.busy_s},
                    {"rows_in", s.rows_in},
                    {"rows_out", s.rows_out},
                    {"batches_in", s.batches_in},
                    {"batches_out", s.batches_out},
                    {"rejected", s.rejected},
                    {"spilled_bytes", s.spilled_bytes},
                    {"lanes", s.lanes}};
  }
  return out;
}

}  // namespace

std::string LogicalText(const BoundGraph& graph, const LogicalGraph& logical) {
  std::string out = "Logical plan: " + std::to_string(logical.steps.size()) + " steps\n";
  for (const BoundStep& step : graph.steps) {
    out += "  " + step.name + (step.name == step.type ? "" : " (" + step.type + ")");
    for (size_t i = 0; i < step.inputs.size(); ++i) out += (i ? ", " : " <- ") + InputName(graph, step.inputs[i]);
    out += "\n";
    for (const StepOutput& output : step.binding.outputs) {
      out += "      " + (output.name.empty() ? "" : output.name + ": ") + SchemaText(*output.info.schema);
      if (!output.info.windowing.is_global()) out += "  windows: " + output.info.windowing.ToString();
      out += "  " + KindText(output.info);
      out += "\n";
    }
    for (const std::string& note : step.binding.notes) out += "      " + note + "\n";
  }
  return out;
}

std::string PhysicalText(const PhysicalView& view) {
  const auto by_task = NodesByTask(view);
  std::string out = "Physical plan: " + std::to_string(view.plan->nodes.size()) + " operators in " +
                    std::to_string(by_task.size()) + " tasks\n";
  for (const auto& [task, nodes] : by_task) {
    const int lanes = LanesOfTask(view, nodes);
    out += "  task " + std::to_string(task) + " in " + std::to_string(lanes) + (lanes == 1 ? " lane\n" : " lanes\n");
    for (const PhysicalNode* node : nodes) {
      out += "    [" + std::to_string(node->id) + "] " + node->name;
      if (node->name != node->step_name) out += " '" + node->step_name + "'";
      for (size_t i = 0; i < node->inputs.size(); ++i) {
        const PhysicalInput& input = node->inputs[i];
        out += (i ? ", [" : "  <- [") + std::to_string(input.node) + "]";
        if (input.exchange.kind != ExchangeKind::kForward) out += " " + ExchangeText(*view.plan, input);
      }
      out += "\n";
      if (std::string scan = ScanText(*node); !scan.empty()) out += "          " + scan + "\n";
      for (const std::string& note : node->notes) out += "          " + note + "\n";
      if (view.stats != nullptr) out += "          " + StatsText((*view.stats)[node->id]) + "\n";
    }
  }
  return out;
}

std::string DurableText(const PhysicalPlan& plan) {
  const EpochPlan epochs = PlanEpochs(plan);
  std::string out = "with --state DIR: ";
  if (!epochs.refusal.empty()) return out + "refused: " + epochs.refusal + "\n";
  if (!epochs.many) {
    return out + "after a crash it starts anew, and nothing is shown twice (one epoch: " + epochs.reason + ")\n";
  }
  out += epochs.weaker.empty() ? "every row exactly once, whatever happens\n" : "every row exactly once, but\n";
  for (const std::string& line : epochs.weaker) out += "  " + line + "\n";
  const std::vector<std::string> stages = StagesOf(plan);
  if (stages.size() <= 1) return out;
  const Result<StagedPlan> staged = SplitStages(plan, {});
  if (!staged.ok()) return out + "stages: " + staged.status().message() + "\n";
  for (const StagePlan& stage : staged->stages) {
    out += "  stage '" + stage.name + "'";
    for (int id : stage.in) out += "  <- '" + staged->edges[id].from_stage + "' by '" + staged->edges[id].name + "'";
    out += "\n";
  }
  return out;
}

std::string PlanJson(const BoundGraph& graph, const LogicalGraph& logical, const PhysicalView& view) {
  nlohmann::json out;
  out["steps"] = nlohmann::json::array();
  for (const BoundStep& step : graph.steps) {
    nlohmann::json one = {
        {"name", step.name}, {"type", step.type}, {"implied", step.implied}, {"notes", step.binding.notes}};
    one["inputs"] = nlohmann::json::array();
    for (const BoundInput& input : step.inputs) one["inputs"].push_back(InputName(graph, input));
    one["outputs"] = nlohmann::json::array();
    for (const StepOutput& output : step.binding.outputs) {
      one["outputs"].push_back({{"name", output.name},
                                {"schema", SchemaJson(*output.info.schema)},
                                {"windowing", output.info.windowing.ToString()},
                                {"changes", output.info.changes},
                                {"bounded", output.info.bounded}});
    }
    out["steps"].push_back(std::move(one));
  }
  out["logical_steps"] = logical.steps.size();
  out["operators"] = nlohmann::json::array();
  for (const PhysicalNode& node : view.plan->nodes) out["operators"].push_back(NodeJson(view, node));
  out["lanes"] = view.lanes;
  out["durable"] = DurableText(*view.plan);
  return out.dump(2) + "\n";
}

std::string GraphText(const BoundGraph& graph, GraphFormat format) {
  const bool dot = format == GraphFormat::kDot;
  auto quoted = [dot](const std::string& text) {
    std::string out = "\"";
    for (char c : text) {
      if (c == '"')
        out += dot ? "\\\"" : "#quot;";
      else
        out += c;
    }
    return out + "\"";
  };
  std::string out = dot ? "digraph pipeline {\n  rankdir=LR;\n  node [shape=box];\n" : "flowchart LR\n";
  for (size_t i = 0; i < graph.steps.size(); ++i) {
    const BoundStep& step = graph.steps[i];
    const std::string label = step.name == step.type ? step.name : step.name + (dot ? "\\n" : "<br>") + step.type;
    out += dot ? "  s" + std::to_string(i) + " [label=" + quoted(label) + "];\n"
               : "  s" + std::to_string(i) + "[" + quoted(label) + "]\n";
  }
  for (size_t i = 0; i < graph.steps.size(); ++i) {
    for (const BoundInput& input : graph.steps[i].inputs) {
      const BoundStep& from = graph.steps[input.step];
      const std::string label =
          input.output == BoundInput::kErrors ? "errors" : from.binding.outputs[input.output].name;
      const std::string a = "s" + std::to_string(input.step), b = "s" + std::to_string(i);
      if (dot) {
        out += "  " + a + " -> " + b + (label.empty() ? "" : " [label=" + quoted(label) + "]") + ";\n";
      } else {
        out += "  " + a + (label.empty() ? " --> " : " -- " + quoted(label) + " --> ") + b + "\n";
      }
    }
  }
  return out + (dot ? "}\n" : "");
}

}  // namespace weir
