// LogWriter: what happens in a run, as lines of JSON on standard error:
//   {"time": "2026-11-21T18:45:00.123Z", "level": "info", "run": "…", "step": "Orders", "message": "finished", …}
// `step` is missing where the run as a whole speaks. A status of a step that changes, its messages, and every 10 s the
// figures of each step (message "figures") are logged.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "monitor/snapshot.h"

namespace weir {

class LogWriter {
 public:
  /// Writes from a thread of its own. `watcher` outlives it.
  LogWriter(RunWatcher* watcher, Env* env);
  ~LogWriter();
  /// The run is over: the last line.
  void SetEnded(const Status& status);

 private:
  void Loop();
  void WriteNews(bool with_figures);
  void WriteLine(const char* level, const std::string& step, const std::string& message, int64_t time_us,
                 const StepSnapshot* figures = nullptr) const;

  RunWatcher* const watcher_;
  Env* const env_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopped_ = false;
  bool ready_ = false;
  int64_t next_message_ = 0;
  std::vector<StepStatus> known_;  // by step
  std::thread thread_;
};

}  // namespace weir
