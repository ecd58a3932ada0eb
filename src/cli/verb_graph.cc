// weir graph: the pipeline as a drawing for Graphviz or Mermaid.
#include <cstdio>

#include "cli/load.h"
#include "cli/plan_text.h"

namespace weir {

void AddGraphVerb(Command app, CliContext& context) {
  struct Flags {
    PipelineFlags pipeline;
    std::string format = "mermaid";
  };
  auto flags = std::make_shared<Flags>();
  Command verb = app.AddVerb("graph", "Draw a pipeline as dot or mermaid");
  AddPipelineFlags(verb, &flags->pipeline);
  verb.AddOption("-f,--format", &flags->format, "dot or mermaid").OneOf({"dot", "mermaid"});
  verb.SetFooter("Examples:\n  weir graph pipeline.yaml\n  weir graph -f dot pipeline.yaml | dot -Tsvg > pipeline.svg");
  verb.OnRun([flags, &context] {
    Diagnostics diagnostics;
    std::optional<LoadedFile> file = LoadFile(flags->pipeline, context, &diagnostics);
    LoadedPipeline pipeline;
    if (file) pipeline = LoadPipeline(*file, 1, context, &diagnostics, true);
    if (context.exit_code != kExitOk || !Report(diagnostics, false, context)) return;
    const GraphFormat format = flags->format == "dot" ? GraphFormat::kDot : GraphFormat::kMermaid;
    std::fputs(GraphText(pipeline.bound, format).c_str(), stdout);
  });
}

}  // namespace weir
