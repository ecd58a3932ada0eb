// weir graph: the pipeline as a drawing for Graphviz or Mermaid.
#include <cstdio>

#include "cli/load.h"
#include "cli/plan_text.h"

namespace weir {

void AddGraphVerb(CLI::App& app, CliContext& context) {
  struct Flags {
    PipelineFlags pipeline;
    std::string format = "mermaid";
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = app.add_subcommand("graph", "Draw a pipeline as dot or mermaid");
  AddPipelineFlags(*verb, &flags->pipeline);
  verb->add_option("-f,--format", flags->format, "dot or mermaid")->check(CLI::IsMember({"dot", "mermaid"}));
  verb->footer("Examples:\n  weir graph pipeline.yaml\n  weir graph -f dot pipeline.yaml | dot -Tsvg > pipeline.svg");
  verb->callback([flags, &context] {
    Diagnostics diagnostics;
    std::optional<LoadedFile> file = LoadFile(flags->pipeline, context, &diagnostics);
    LoadedPipeline pipeline;
    if (file) pipeline = LoadPipeline(*file, 1, context, &diagnostics);
    if (context.exit_code != kExitOk || !Report(diagnostics, false, context)) return;
    const GraphFormat format = flags->format == "dot" ? GraphFormat::kDot : GraphFormat::kMermaid;
    std::fputs(GraphText(pipeline.bound, format).c_str(), stdout);
  });
}

}  // namespace weir
