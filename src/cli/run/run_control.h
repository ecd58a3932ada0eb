// RunControl: what ends a run from outside: Ctrl-C, SIGTERM, a time that was asked for.
#pragma once

#include <signal.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/duration.h"
#include "cli/verb.h"
#include "engine/run.h"

namespace weir {

/// Flags of the verbs that run pipelines which may never end.
struct RunControlFlags {
  std::string until;
  int64_t limit = 0;
  bool close_windows = false;
};
void AddRunControlFlags(Command verb, RunControlFlags* flags);

/// While it lives, the first SIGINT or SIGTERM drains unbounded runs (their sources end, what they gave goes through)
/// and cancels bounded ones; the second ends the process at once. At most one at a time in a process.
class RunControl {
 public:
  struct Options {
    std::optional<Duration> until;  // drain an unbounded run, cancel nothing, after this time
    bool close_windows = false;     // draining gives windows that are still open
  };
  RunControl(std::vector<Run*> runs, Options options);
  /// Invalid: what was written for --until is no time.
  static Result<Options> Parse(const RunControlFlags& flags);
  ~RunControl();
  RunControl(const RunControl&) = delete;
  RunControl& operator=(const RunControl&) = delete;

  /// The signal that came, 0 for none.
  static int signal();

 private:
  void WaitUntil(Duration span);

  const std::vector<Run*> runs_;
  const Options options_;
  struct sigaction old_int_, old_term_;
  std::mutex mutex_;
  std::condition_variable ended_changed_;
  bool ended_ = false;
  std::thread timer_;
};

}  // namespace weir
