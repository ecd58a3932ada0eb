// weir run: runs a pipeline, with progress on a terminal, until it ends or is interrupted.
#include <unistd.h>

#include <cstdio>

#include "cli/engine_flags.h"
#include "cli/load.h"
#include "cli/run/inside.h"
#include "cli/run/progress.h"
#include "cli/run/run_control.h"
#include "env/env.h"
#include "plan/planner.h"

namespace weir {
namespace {

struct RunFlags {
  PipelineFlags pipeline;
  EngineFlags engine;
  RunControlFlags control;
  InsideFlags inside;
  bool quiet = false;
};

void RunPipeline(const RunFlags& flags, CliContext& context) {
  const Result<RunControl::Options> control_options = RunControl::Parse(flags.control);
  if (!context.Usable(control_options.status())) return;
  Diagnostics diagnostics;
  std::optional<LoadedFile> file = LoadFile(flags.pipeline, context, &diagnostics);
  LoadedPipeline pipeline;
  if (file) pipeline = LoadPipeline(*file, LanesOf(flags.engine), context, &diagnostics);
  if (context.exit_code != kExitOk || !Report(diagnostics, false, context)) return;
  Result<EngineSetup> setup = SetUpEngine(flags.engine);
  if (!context.Usable(setup.status())) return;
  setup->options.source_limit = flags.control.limit;
  setup->options.count_bytes = flags.inside.wanted();
  const Result<Duration> status_every = ParseDuration(flags.inside.status_every);
  if (!status_every.ok() || status_every->us <= 0) {
    std::fprintf(stderr, "weir: --status-every is a time like 1s\n");
    context.exit_code = kExitUsage;
    return;
  }
  setup->options.status_interval_us = status_every->us;
  Run run(PlanPhysical(pipeline.bound), setup->options, &Env::Real(), setup->memory.get());
  std::unique_ptr<RunInside> inside;
  if (flags.inside.wanted()) {
    auto started =
        RunInside::Start(flags.inside, flags.pipeline.file, pipeline.bound, &run, setup->memory.get(), &Env::Real());
    if (!context.Usable(started.status())) return;
    inside = std::move(*started);
  }
  Status status;
  {
    RunControl control(&run, *control_options);
    // Rows that come without an end may be drawn on the terminal: the line would stand among them.
    const bool is_drawn_on = run.unbounded() && isatty(STDOUT_FILENO) != 0;
    ProgressLine progress(run, !flags.quiet && !is_drawn_on && isatty(STDERR_FILENO) != 0);
    status = run.Execute();
  }
  if (inside != nullptr) inside->SetEnded(status);
  if (status.IsCancelled() && RunControl::signal() != 0) {
    std::fprintf(stderr, "weir: interrupted; nothing was written\n");
    context.exit_code = 128 + RunControl::signal();
  } else if (!status.ok()) {
    std::fprintf(stderr, "%s%s: error:%s %s\n", context.color_stderr() ? "\033[31m" : "", flags.pipeline.file.c_str(),
                 context.color_stderr() ? "\033[0m" : "", status.message().c_str());
    context.exit_code = kExitRunFailed;
  }
}

}  // namespace

void AddRunVerb(Command app, CliContext& context) {
  auto flags = std::make_shared<RunFlags>();
  Command verb = app.AddVerb("run", "Run a pipeline");
  AddPipelineFlags(verb, &flags->pipeline);
  AddEngineFlags(verb, &flags->engine);
  AddRunControlFlags(verb, &flags->control);
  AddInsideFlags(verb, &flags->inside);
  verb.AddFlag("-q,--quiet", &flags->quiet, "no progress line");
  verb.SetFooter(
      "Examples:\n"
      "  weir run pipeline.yaml\n"
      "  weir run pipeline.yaml -p day=2026-03-01 --memory 512MiB\n"
      "  cat data.csv | weir run pipeline.yaml          a ReadFromCsv with path: '-' reads it\n"
      "  weir run endless.yaml --until 30s              runs for half a minute, then lets through what is on its way\n"
      "  weir run pipeline.yaml --limit 1000            tries a pipeline on the first rows of its sources\n"
      "  weir run tasks.yaml --task bolt                one of the file's tasks; without --task all, in their order\n"
      "  weir run pipeline.yaml --http :8080            and meanwhile: weir top, weir tap STEP\n"
      "\n"
      "A pipeline with a source that never ends runs until it is stopped: Ctrl-C (or SIGTERM) drains it, a second one\n"
      "stops at once. Windows that are open then are given only with --close-windows.\n"
      "Results go to standard output, progress and errors to standard error. Exit codes: 0 done, 1 the run failed,\n"
      "2 wrong use, 78 the pipeline is invalid, 130 interrupted. A run that fails leaves no output behind.");
  verb.OnRun([flags, &context] {
    for (const PipelineFlags& phase : PhasesOf(flags->pipeline, context)) {
      if (context.exit_code != kExitOk) return;
      flags->pipeline = phase;
      RunPipeline(*flags, context);
    }
  });
}

}  // namespace weir
