// RunControl: what ends a run from outside: Ctrl-C, SIGTERM, a time that was asked for.
#pragma once

#include <signal.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "base/duration.h"
#include "engine/run.h"

namespace weir {

/// While it lives, the first SIGINT or SIGTERM drains an unbounded run (its sources end, what they gave goes through)
/// and cancels a bounded one; the second ends the process at once. At most one at a time in a process.
class RunControl {
 public:
  struct Options {
    std::optional<Duration> until;  // drain an unbounded run, cancel nothing, after this time
    bool close_windows = false;     // draining gives windows that are still open
  };
  RunControl(Run* run, Options options);
  ~RunControl();
  RunControl(const RunControl&) = delete;
  RunControl& operator=(const RunControl&) = delete;

  /// The signal that came, 0 for none.
  static int signal();

 private:
  void WaitUntil(Duration span);

  Run* const run_;
  const Options options_;
  struct sigaction old_int_, old_term_;
  std::mutex mutex_;
  std::condition_variable ended_changed_;
  bool ended_ = false;
  std::thread timer_;
};

}  // namespace weir
