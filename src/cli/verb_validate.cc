// weir validate: every check that run does before data flows, and nothing else.
#include <cstdio>

#include "cli/load.h"

namespace weir {

void AddValidateVerb(Command app, CliContext& context) {
  auto flags = std::make_shared<PipelineFlags>();
  Command verb = app.AddVerb("validate", "Check a pipeline without running it; says all mistakes at once");
  AddPipelineFlags(verb, flags.get());
  verb.AddFlag("--json", &flags->json, "diagnostics as a JSON array on standard output");
  verb.SetFooter(
      "Examples:\n"
      "  weir validate pipeline.yaml\n"
      "  weir validate --json pipeline.yaml | jq '.[0].line'\n"
      "\n"
      "Exit codes: 0 valid, 78 invalid, 2 wrong use. Files that a source reads are sampled for their schema.");
  verb.OnRun([flags, &context] {
    Diagnostics diagnostics;
    std::optional<LoadedFile> file = LoadFile(*flags, context, &diagnostics);
    if (file) {
      LoadPipeline(*file, 1, context, &diagnostics, true);
      for (size_t i = 0; i < file->file->tests().size(); ++i) file->file->BuildTest(i, &diagnostics);
    }
    if (context.exit_code != kExitOk) return;
    if (Report(diagnostics, flags->json, context) && !flags->json) std::printf("%s is valid\n", flags->file.c_str());
  });
}

}  // namespace weir
