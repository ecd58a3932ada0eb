// RunInside: what lets others look into a run while it lasts: the HTTP endpoint and the log.
#pragma once

#include <memory>
#include <string>

#include "cli/verb.h"
#include "engine/run.h"
#include "monitor/log_writer.h"
#include "monitor/monitor_server.h"
#include "monitor/otlp.h"
#include "monitor/run_files.h"
#include "monitor/snapshot.h"
#include "plan/binder.h"

namespace weir {

class Env;
class MemoryBudget;

struct InsideFlags {
  std::string http;  // empty: no endpoint
  std::string log_format = "text";
  std::string status_every = "1s";
  /// Something is asked for, here or by the environment.
  bool wanted() const;
};
void AddInsideFlags(Command verb, InsideFlags* flags);

class RunInside {
 public:
  /// Watches `run`, which outlives it, and serves as `flags` say. Errors: Invalid for an address, IOError when it
  /// cannot be listened to.
  static Result<std::unique_ptr<RunInside>> Start(const InsideFlags& flags, const std::string& file,
                                                  const BoundGraph& graph, Run* run, const MemoryBudget* memory,
                                                  Env* env);
  /// The run is over.
  void SetEnded(const Status& status);

 private:
  RunInside() = default;
  std::unique_ptr<RunWatcher> watcher_;
  std::unique_ptr<LogWriter> log_;
  std::unique_ptr<OtlpExporter> otlp_;
  std::unique_ptr<MonitorServer> server_;
  std::unique_ptr<RunFile> file_;
};

}  // namespace weir
