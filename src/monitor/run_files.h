// How `weir top` and its like find the runs of this user on this machine: each run that serves HTTP keeps a small file
// `PID.json` in $XDG_RUNTIME_DIR/weir/runs, or, without that variable, in weir-UID/runs below $TMPDIR or /tmp.
//
//   {"pid": 4711, "http": "127.0.0.1:8080", "file": "orders.yaml", "run": "20261121T184500-1f2e"}
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

namespace weir {

class Env;

struct RunEntry {
  int64_t pid = 0;
  std::string http;  // "127.0.0.1:8080"
  std::string file, run_id;
};

/// The file of this process, gone when the object is.
class RunFile {
 public:
  static Result<std::unique_ptr<RunFile>> Write(Env& env, const RunEntry& entry);
  ~RunFile();

 private:
  RunFile(Env& env, std::string path) : env_(env), path_(std::move(path)) {}
  Env& env_;
  const std::string path_;
};

/// Runs whose process is alive, by process number. What a dead one left is removed.
Result<std::vector<RunEntry>> FindRuns(Env& env);

}  // namespace weir
