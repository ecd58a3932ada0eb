// weir run: runs a pipeline, with progress on a terminal, until it ends or is interrupted.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "cli/engine_flags.h"
#include "cli/load.h"
#include "cli/progress.h"
#include "env/env.h"
#include "plan/planner.h"

namespace weir {
namespace {

std::atomic<Run*> g_run{nullptr};
std::atomic<int> g_signal{0};

void OnSignal(int signal) {
  if (g_signal.exchange(signal) != 0) _exit(128 + signal);  // the second time: at once
  if (Run* run = g_run.load()) run->Cancel();
}

/// Ctrl-C and SIGTERM end the run in order: sinks forget what they have, temporary files go.
class SignalScope {
 public:
  explicit SignalScope(Run* run) {
    g_run = run;
    struct sigaction action = {};
    action.sa_handler = OnSignal;
    sigaction(SIGINT, &action, &old_int_);
    sigaction(SIGTERM, &action, &old_term_);
  }
  ~SignalScope() {
    sigaction(SIGINT, &old_int_, nullptr);
    sigaction(SIGTERM, &old_term_, nullptr);
    g_run = nullptr;
  }

 private:
  struct sigaction old_int_, old_term_;
};

struct RunFlags {
  PipelineFlags pipeline;
  EngineFlags engine;
  bool quiet = false;
};

void RunPipeline(const RunFlags& flags, CliContext& context) {
  Diagnostics diagnostics;
  std::optional<LoadedFile> file = LoadFile(flags.pipeline, context, &diagnostics);
  LoadedPipeline pipeline;
  if (file) pipeline = LoadPipeline(*file, LanesOf(flags.engine), context, &diagnostics);
  if (context.exit_code != kExitOk || !Report(diagnostics, false, context)) return;
  Result<EngineSetup> setup = SetUpEngine(flags.engine);
  if (!setup.ok()) {
    std::fprintf(stderr, "weir: %s\n", setup.status().message().c_str());
    context.exit_code = kExitUsage;
    return;
  }
  Run run(PlanPhysical(pipeline.bound), setup->options, &Env::Real(), setup->memory.get());
  Status status;
  {
    SignalScope signals(&run);
    ProgressLine progress(run, !flags.quiet && isatty(STDERR_FILENO) != 0);
    status = run.Execute();
  }
  if (g_signal != 0) {
    std::fprintf(stderr, "weir: interrupted; nothing was written\n");
    context.exit_code = 128 + g_signal;
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
  verb.AddFlag("-q,--quiet", &flags->quiet, "no progress line");
  verb.SetFooter(
      "Examples:\n"
      "  weir run pipeline.yaml\n"
      "  weir run pipeline.yaml -p day=2026-03-01 --memory 512MiB\n"
      "  cat data.csv | weir run pipeline.yaml          a ReadFromCsv with path: '-' reads it\n"
      "\n"
      "Results go to standard output, progress and errors to standard error. Exit codes: 0 done, 1 the run failed,\n"
      "2 wrong use, 78 the pipeline is invalid, 130 interrupted. A run that fails leaves no output behind.");
  verb.OnRun([flags, &context] { RunPipeline(*flags, context); });
}

}  // namespace weir
