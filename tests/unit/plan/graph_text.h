// Pipeline files as test input and logical graphs as text, for tests that compare the two.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/node.h"
#include "plan/pipeline_text.h"

namespace weir {

/// "line:column message [hint]" of every diagnostic.
inline std::vector<std::string> Said(const Diagnostics& diagnostics) {
  std::vector<std::string> said;
  for (const Diagnostic& d : diagnostics.Sorted()) {
    const Position at = d.source->PositionOf(d.span.begin);
    said.push_back(std::to_string(at.line) + ":" + std::to_string(at.column) + " " + d.message +
                   (d.hint.empty() ? "" : " [" + d.hint + "]"));
  }
  return said;
}

/// "A" or "A.out", "!" after an error output.
inline std::string RefText(const LogicalGraph& graph, const OutputRef& ref) {
  return graph.steps[ref.step].name + (ref.output.empty() ? "" : "." + ref.output) + (ref.is_errors ? "!" : "");
}

/// "name:type" and the inputs: " < A+B" for the unnamed one, " < alias=A" for others; " ~kind" for windowing.
inline std::string StepText(const LogicalGraph& graph, const LogicalStep& step) {
  std::string text = step.name == step.type ? step.type : step.name + ":" + step.type;
  for (const StepInput& input : step.inputs) {
    text += " < " + (input.alias.empty() ? "" : input.alias + "=");
    for (size_t i = 0; i < input.refs.size(); ++i) text += (i ? "+" : "") + RefText(graph, input.refs[i]);
  }
  if (step.windowing) text += " ~" + step.windowing->ToString();
  for (int id : step.after) text += " after " + graph.steps[id].name;
  return text;
}

inline std::vector<std::string> GraphText(const LogicalGraph& graph) {
  std::vector<std::string> lines;
  for (const LogicalStep& step : graph.steps) lines.push_back(StepText(graph, step));
  return lines;
}

struct ReadFile {
  std::unique_ptr<Diagnostics> diagnostics = std::make_unique<Diagnostics>();
  PipelineFile file;
  LogicalGraph graph;
};

inline ReadFile Read(const std::string& text) {
  ReadFile read;
  auto source = std::make_shared<SourceFile>("p.yaml", text);
  if (!CheckNoTemplates(source, read.diagnostics.get())) return read;
  YamlLimits limits;
  limits.max_bytes = 64 << 20;
  NodePtr root = LoadYaml(source, limits, read.diagnostics.get());
  if (!root) return read;
  read.file = PipelineFile::Parse(root, read.diagnostics.get());
  read.graph = read.file.Build(read.diagnostics.get());
  return read;
}

}  // namespace weir
