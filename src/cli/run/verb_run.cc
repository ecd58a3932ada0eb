// weir run: runs a pipeline, with progress on a terminal, until it ends or is interrupted.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <thread>

#include "cli/engine_flags.h"
#include "cli/load.h"
#include "cli/run/durable.h"
#include "cli/run/inside.h"
#include "cli/run/progress.h"
#include "cli/run/run_control.h"
#include "cli/run/task_leases.h"
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

/// What runs that ended say of themselves, and the exit code.
void SayEnd(const RunFlags& flags, const std::vector<std::unique_ptr<Run>>& runs, const Status& status,
            CliContext& context) {
  const bool finished =
      std::all_of(runs.begin(), runs.end(), [](const std::unique_ptr<Run>& run) { return run->was_finished(); });
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
  } else if (finished && !flags.quiet) {
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

struct PlannedStage {
  PhysicalPlan plan;
  RunOptions options;
};

/// One, or where rows are kept between stages, all of them; or the one that was asked for.
Result<std::vector<PlannedStage>> PlanStages(const RunFlags& flags, PhysicalPlan plan, const EngineSetup& setup,
                                             StateFolder* state) {
  std::vector<PlannedStage> out;
  const std::string& only = flags.durable.stage;
  const std::vector<std::string> names = StagesOf(plan);
  if (!only.empty()) {
    if (state == nullptr) return Status::Invalid("--stage needs --state DIR: the edges between stages are there");
    if (std::find(names.begin(), names.end(), only) == names.end()) {
      std::string known;
      for (const std::string& name : names) known += (known.empty() ? "" : ", ") + name;
      return Status::Invalid("there is no stage '", only, "'; the file has: ", known);
    }
  }
  // Runs of a file with tasks follow one another; each has a state of its own.
  std::string prefix;
  const PipelineFlags& asked = flags.pipeline;
  for (const std::string& task : asked.phase.empty() ? asked.tasks : asked.phase) prefix += task + "/";
  if (state == nullptr || names.size() <= 1) {
    out.push_back({std::move(plan), setup.options});
    if (state != nullptr)
      WEIR_RETURN_NOT_OK(state->Take(prefix + (names.empty() ? "main" : names[0]), &out[0].options));
    return out;
  }
  WEIR_ASSIGN_OR_RETURN(StagedPlan staged, SplitStages(plan, state->Edges()));
  for (StagePlan& stage : staged.stages) {
    if (!only.empty() && stage.name != only) continue;
    out.push_back({std::move(stage.plan), setup.options});
    WEIR_RETURN_NOT_OK(state->Take(prefix + stage.name, &out.back().options));
  }
  return out;
}

/// All at the same time. The first error ends the others.
Status ExecuteAll(const std::vector<Run*>& runs) {
  if (runs.size() == 1) return runs[0]->Execute();
  std::mutex mutex;
  Status first;
  std::vector<std::thread> threads;
  for (Run* run : runs) {
    threads.emplace_back([&, run] {
      Status status = run->Execute();
      std::lock_guard lock(mutex);
      if (status.ok() || !first.ok()) return;
      first = std::move(status);
      for (Run* other : runs) other->Cancel();
    });
  }
  for (std::thread& thread : threads) thread.join();
  return first;
}

void RunPipeline(const RunFlags& flags, CliContext& context) {
  const Result<RunControl::Options> control_options = RunControl::Parse(flags.control);
  if (!context.Usable(control_options.status())) return;
  Diagnostics diagnostics;
  std::optional<LoadedFile> file = LoadFile(flags.pipeline, context, &diagnostics);
  LoadedPipeline pipeline;
  if (file) pipeline = LoadPipeline(*file, LanesOf(flags.engine), context, &diagnostics);
  if (context.exit_code != kExitOk || !Report(diagnostics, false, context)) return;
  const std::string pipeline_name =
      file->file->name().empty() ? std::filesystem::path(flags.pipeline.file).stem().string() : file->file->name();
  Result<std::unique_ptr<TaskLeases>> leases = TaskLeases::Take(pipeline_name, file->file->tasks().tasks);
  if (!leases.ok()) return SayFailed(flags, leases.status(), context);
  Result<EngineSetup> setup = SetUpEngine(flags.engine);
  if (!context.Usable(setup.status()) || !ReadRunOptions(flags, &setup->options, context)) return;
  std::unique_ptr<StateFolder> state;
  if (!flags.durable.state.empty()) {
    const PipelineFlags& asked = flags.pipeline;
    auto opened = StateFolder::Open(flags.durable, {"", asked.file, asked.params, asked.set, asked.tasks});
    if (!context.Usable(opened.status())) return;
    state = std::move(*opened);
  }
  Result<std::vector<PlannedStage>> stages = PlanStages(flags, PlanPhysical(pipeline.bound), *setup, state.get());
  if (!stages.ok()) return SayFailed(flags, stages.status(), context);
  std::vector<std::unique_ptr<Run>> runs;
  for (PlannedStage& stage : *stages) {
    runs.push_back(std::make_unique<Run>(std::move(stage.plan), stage.options, &Env::Real(), setup->memory.get()));
  }
  std::unique_ptr<RunInside> inside;
  if (flags.inside.wanted()) {
    if (runs.size() > 1) {
      std::fprintf(stderr,
                   "weir: a look inside shows one stage: run each by itself, with --stage and its own --http\n");
      context.exit_code = kExitUsage;
      return;
    }
    auto started = RunInside::Start(flags.inside, flags.pipeline.file, pipeline.bound, runs[0].get(),
                                    setup->memory.get(), &Env::Real());
    if (!context.Usable(started.status())) return;
    inside = std::move(*started);
  }
  Status status;
  {
    std::vector<Run*> controlled;
    for (const auto& run : runs) controlled.push_back(run.get());
    RunControl control(controlled, *control_options);
    // Rows that come without an end may be drawn on the terminal: the line would stand among them.
    const bool is_drawn_on = runs[0]->unbounded() && isatty(STDOUT_FILENO) != 0;
    ProgressLine progress(*runs[0], !flags.quiet && !is_drawn_on && isatty(STDERR_FILENO) != 0);
    (*leases)->Watch(controlled);
    status = (*leases)->End(ExecuteAll(controlled));
  }
  if (inside != nullptr) inside->SetEnded(status);
  SayEnd(flags, runs, status, context);
}

void RunPhases(RunFlags flags, CliContext& context) {
  for (const PipelineFlags& phase : PhasesOf(flags.pipeline, context)) {
    if (context.exit_code != kExitOk) return;
    flags.pipeline = phase;
    RunPipeline(flags, context);
  }
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
  flags.pipeline.set = begun->set;
  flags.pipeline.tasks = begun->tasks;
  RunPhases(flags, context);
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
  verb.OnRun([flags, &context] { RunPhases(*flags, context); });
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
