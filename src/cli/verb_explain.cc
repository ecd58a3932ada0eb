// weir explain: how a pipeline would be run; with --analyze, how it was.
#include <cstdio>
#include <fstream>

#include "cli/engine_flags.h"
#include "cli/load.h"
#include "cli/plan_text.h"
#include "cli/run/run_control.h"
#include "env/env.h"
#include "plan/planner.h"

namespace weir {
namespace {

struct ExplainFlags {
  PipelineFlags pipeline;
  EngineFlags engine;
  RunControlFlags control;
  bool analyze = false;
};

void Explain(const ExplainFlags& flags, CliContext& context) {
  const Result<RunControl::Options> control_options = RunControl::Parse(flags.control);
  if (!context.Usable(control_options.status())) return;
  Diagnostics diagnostics;
  std::optional<LoadedFile> file = LoadFile(flags.pipeline, context, &diagnostics);
  LoadedPipeline pipeline;
  if (file) pipeline = LoadPipeline(*file, LanesOf(flags.engine), context, &diagnostics, !flags.analyze);
  if (context.exit_code != kExitOk || !Report(diagnostics, false, context)) return;
  if (flags.analyze && file->file->tasks().phases.size() > 1) {
    std::fprintf(stderr, "weir: the tasks of '%s' run one after the other: name one of them with --task\n",
                 flags.pipeline.file.c_str());
    context.exit_code = kExitUsage;
    return;
  }
  const PhysicalPlan plan = PlanPhysical(pipeline.bound);
  Result<EngineSetup> setup = SetUpEngine(flags.engine);
  if (!context.Usable(setup.status())) return;
  setup->options.source_limit = flags.control.limit;
  Run run(plan, setup->options, &Env::Real(), setup->memory.get());
  PhysicalView view{&plan, &run.task_of_node(), setup->options.lanes, nullptr};
  std::vector<NodeStats> stats;
  if (flags.analyze) {
    RunControl control({&run}, *control_options);
    if (Status status = run.Execute(); !status.ok()) {
      std::fprintf(stderr, "%s: error: %s\n", flags.pipeline.file.c_str(), status.message().c_str());
      context.exit_code = kExitRunFailed;
    }
    stats = run.stats();
    view.stats = &stats;
  }
  // After --analyze the pipeline's own results are on standard output as well; the plan comes last, in one piece.
  if (flags.pipeline.json) {
    std::fputs(PlanJson(pipeline.bound, pipeline.logical, view).c_str(), stdout);
  } else {
    std::fputs(
        (LogicalText(pipeline.bound, pipeline.logical) + "\n" + PhysicalText(view) + "\n" + DurableText(plan)).c_str(),
        stdout);
  }
}

}  // namespace

void AddExplainVerb(Command app, CliContext& context) {
  auto flags = std::make_shared<ExplainFlags>();
  Command verb = app.AddVerb("explain", "Show how a pipeline is run: schemas, operators, exchanges, push-down");
  AddPipelineFlags(verb, &flags->pipeline);
  AddEngineFlags(verb, &flags->engine);
  AddRunControlFlags(verb, &flags->control);
  verb.AddFlag("--analyze", &flags->analyze, "run it, and show time, rows and spilled bytes per operator");
  verb.AddFlag("--json", &flags->pipeline.json, "as one JSON object");
  verb.SetFooter(
      "Examples:\n"
      "  weir explain pipeline.yaml\n"
      "  weir explain --analyze --memory 512MiB pipeline.yaml");
  verb.OnRun([flags, &context] { Explain(*flags, context); });
}

}  // namespace weir
