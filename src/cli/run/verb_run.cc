// weir run: runs a pipeline, with progress on a terminal, until it ends or is interrupted.
#include <unistd.h>

#include <cstdio>

#include "cli/engine_flags.h"
#include "cli/load.h"
#include "cli/run/durable.h"
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
  DurableFlags durable;
  bool quiet = false;
};

void SayFailed(const RunFlags& flags, const Status& status, CliContext& context) {
  std::fprintf(stderr, "%s%s: error:%s %s\n", context.color_stderr() ? "\033[31m" : "", flags.pipeline.file.c_str(),
               context.color_stderr() ? "\033[0m" : "", status.message().c_str());
  context.exit_code = kExitRunFailed;
}

/// What a run that ended says of itself, and the exit code.
void SayEnd(const RunFlags& flags, const Run& run, const Status& status, CliContext& context) {
  const bool durable = !flags.durable.state.empty();
  if (status.IsCancelled() && RunControl::signal() != 0) {
    if (durable) {
      std::fprintf(stderr, "weir: interrupted; 'weir resume %s' goes on\n", flags.durable.state.c_str());
    } else {
      std::fprintf(stderr, "weir: interrupted; nothing was written\n");
    }
    context.exit_code = 128 + RunControl::signal();
  } else if (!status.ok()) {
    SayFailed(flags, status, context);
  } else if (run.was_finished() && !flags.quiet) {
    std::fprintf(stderr, "weir: nothing to do: the run in %s has given everything; 'weir state reset %s' forgets it\n",
                 flags.durable.state.c_str(), flags.durable.state.c_str());
  }
}

bool ReadRunOptions(const RunFlags& flags, RunOptions* options, CliContext& context) {
  options->source_limit = flags.control.limit;
  options->count_bytes = flags.inside.wanted();
  const Result<Duration> status_every = ParseDuration(flags.inside.status_every);
  if (!status_every.ok() || status_every->us <= 0) {
    std::fprintf(stderr, "weir: --status-every is a time like 1s\n");
    context.exit_code = kExitUsage;
    return false;
  }
  options->status_interval_us = status_every->us;
  return true;
}

void RunPipeline(const RunFlags& flags, CliContext& context) {
  const Result<RunControl::Options> control_options = RunControl::Parse(flags.control);
  if (!context.Usable(control_options.status())) return;
  Diagnostics diagnostics;
  std::optional<LoadedFile> file = LoadFile(flags.pipeline, context, &diagnostics);
  LoadedPipeline pipeline;
  if (file) pipeline = LoadPipeline(*file, LanesOf(flags.engine), context, &diagnostics);
  if (context.exit_code != kExitOk || !Report(diagnostics, false, context)) return;
  Result<EngineSetup> setup = SetUpEngine(flags.engine);
  if (!context.Usable(setup.status()) || !ReadRunOptions(flags, &setup->options, context)) return;
  std::unique_ptr<StateFolder> state;
  if (!flags.durable.state.empty()) {
    auto opened = StateFolder::Open(flags.durable, flags.pipeline.file, flags.pipeline.params);
    if (!context.Usable(opened.status())) return;
    state = std::move(*opened);
    if (const Status taken = state->Take("main", &setup->options); !taken.ok()) {
      return SayFailed(flags, taken, context);
    }
  }
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
    RunControl control({&run}, *control_options);
    // Rows that come without an end may be drawn on the terminal: the line would stand among them.
    const bool is_drawn_on = run.unbounded() && isatty(STDOUT_FILENO) != 0;
    ProgressLine progress(run, !flags.quiet && !is_drawn_on && isatty(STDERR_FILENO) != 0);
    status = run.Execute();
  }
  if (inside != nullptr) inside->SetEnded(status);
  SayEnd(flags, run, status, context);
}

void ResumePipeline(RunFlags flags, CliContext& context) {
  const Result<StateFolder::Begun> begun = StateFolder::Read(flags.durable.state);
  if (!context.Usable(begun.status())) return;
  if (begun->file == "-") {
    std::fprintf(stderr, "weir: the pipeline was read from standard input: give it again, 'weir run - --state %s'\n",
                 flags.durable.state.c_str());
    context.exit_code = kExitUsage;
    return;
  }
  flags.pipeline.file = begun->file;
  flags.pipeline.params = begun->params;
  RunPipeline(flags, context);
}

void AddFlagsOfRuns(Command verb, RunFlags* flags) {
  AddEngineFlags(verb, &flags->engine);
  AddRunControlFlags(verb, &flags->control);
  AddInsideFlags(verb, &flags->inside);
  verb.AddFlag("-q,--quiet", &flags->quiet, "no progress line");
}

}  // namespace

void AddRunVerb(Command app, CliContext& context) {
  auto flags = std::make_shared<RunFlags>();
  Command verb = app.AddVerb("run", "Run a pipeline");
  AddPipelineFlags(verb, &flags->pipeline);
  AddFlagsOfRuns(verb, flags.get());
  AddDurableFlags(verb, &flags->durable);
  verb.SetFooter(
      "Examples:\n"
      "  weir run pipeline.yaml\n"
      "  weir run pipeline.yaml -p day=2026-03-01 --memory 512MiB\n"
      "  cat data.csv | weir run pipeline.yaml          a ReadFromCsv with path: '-' reads it\n"
      "  weir run endless.yaml --until 30s              runs for half a minute, then lets through what is on its way\n"
      "  weir run pipeline.yaml --limit 1000            tries a pipeline on the first rows of its sources\n"
      "  weir run tasks.yaml --task bolt                one of the file's tasks; without --task all, in their order\n"
      "  weir run pipeline.yaml --http :8080            and meanwhile: weir top, weir tap STEP\n"
      "  weir run pipeline.yaml --state /var/lib/p      durable: killed at any moment, the same command goes on\n"
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

void AddResumeVerb(Command app, CliContext& context) {
  auto flags = std::make_shared<RunFlags>();
  Command verb = app.AddVerb("resume", "Go on with a durable run");
  verb.AddOption("DIR", &flags->durable.state, "folder that 'weir run --state DIR' was given").Required();
  AddFlagsOfRuns(verb, flags.get());
  verb.SetFooter(
      "Examples:\n"
      "  weir resume /var/lib/p\n"
      "  weir resume /var/lib/p --lanes 8               with another number of lanes\n"
      "\n"
      "The file and its parameters are those that the run was begun with. 'weir run FILE --state DIR' goes on too, "
      "with\n"
      "the file as it is now. Exit codes are those of 'weir run'.");
  verb.OnRun([flags, &context] { ResumePipeline(*flags, context); });
}

}  // namespace weir
