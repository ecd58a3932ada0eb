// The handlers do only what a signal handler may: they store into atomics.
#include "cli/run/run_control.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>

namespace weir {
namespace {

std::atomic<const std::vector<Run*>*> g_runs{nullptr};
std::atomic<bool> g_close_windows{false};
std::atomic<int> g_signal{0};

void OnSignal(int signal) {
  if (g_signal.exchange(signal) != 0) _exit(128 + signal);  // the second time: at once
  const std::vector<Run*>* runs = g_runs.load();
  if (runs == nullptr) return;
  bool drains = false;
  for (Run* run : *runs) {
    drains = drains || run->unbounded();
    if (run->unbounded()) {
      run->Drain(g_close_windows);
    } else {
      run->Cancel();
    }
  }
  if (!drains) return;
  static constexpr char kText[] = "\nweir: draining: sources end, what they gave goes through; again to stop at once\n";
  // Where standard error is gone there is nobody to tell.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kText, sizeof kText - 1);
}

}  // namespace

void AddRunControlFlags(Command verb, RunControlFlags* flags) {
  verb.AddOption("--until", &flags->until, "drain a pipeline that never ends after this time, as 30s");
  verb.AddOption("--limit", &flags->limit, "rows that each source gives at most").Range(1, int64_t{1} << 60);
  verb.AddFlag("--close-windows", &flags->close_windows, "give windows that are still open when the run is drained");
}

Result<RunControl::Options> RunControl::Parse(const RunControlFlags& flags) {
  Options options;
  options.close_windows = flags.close_windows;
  if (flags.until.empty()) return options;
  const Result<Duration> until = ParseDuration(flags.until);
  if (!until.ok()) return Status::Invalid("--until: ", until.status().message());
  if (until->us <= 0) return Status::Invalid("--until: the time must be positive");
  options.until = *until;
  return options;
}

RunControl::RunControl(std::vector<Run*> runs, Options options) : runs_(std::move(runs)), options_(options) {
  g_close_windows = options.close_windows;
  g_runs = &runs_;
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  sigaction(SIGINT, &action, &old_int_);
  sigaction(SIGTERM, &action, &old_term_);
  const bool unbounded = std::any_of(runs_.begin(), runs_.end(), [](const Run* run) { return run->unbounded(); });
  if (options.until && unbounded) timer_ = std::thread([this] { WaitUntil(*options_.until); });
}

RunControl::~RunControl() {
  if (timer_.joinable()) {
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
    }
    ended_changed_.notify_all();
    timer_.join();
  }
  sigaction(SIGINT, &old_int_, nullptr);
  sigaction(SIGTERM, &old_term_, nullptr);
  g_runs = nullptr;
}

int RunControl::signal() { return g_signal; }

void RunControl::WaitUntil(Duration span) {
  std::unique_lock lock(mutex_);
  const bool ended = ended_changed_.wait_for(lock, std::chrono::microseconds(span.us), [this] { return ended_; });
  for (Run* run : runs_) {
    if (!ended && run->unbounded()) run->Drain(options_.close_windows);
  }
}

}  // namespace weir
