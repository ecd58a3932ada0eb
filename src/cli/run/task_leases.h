// What runs of tasks do with their `stateManager`: a lease for each task, so that it runs once at a time wherever it is
// started, and a record of how it is.
//
//   weir/PIPELINE/TASK/lease     stores/store_lease.h
//   weir/PIPELINE/TASK/status    JSON {status, owner, token, since_us, error}; under the lease's token
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/run.h"
#include "plan/tasks/tasks_file.h"
#include "stores/store_lease.h"

namespace weir {

class TaskLeases {
 public:
  /// Takes the leases of all tasks that have a state manager. Errors: IOError where another process runs one of them,
  /// or a store cannot be reached.
  static Result<std::unique_ptr<TaskLeases>> Take(const std::string& pipeline, const std::vector<TaskSpec>& tasks);
  /// Gives them up, with what came of the run as of End.
  ~TaskLeases();
  /// Keeps the leases while these run, and stops them when one is lost.
  void Watch(std::vector<Run*> runs);
  /// Writes what came of it. The error of a lease that was lost, else `status`.
  Status End(const Status& status);

 private:
  struct Held {
    std::string key;
    std::unique_ptr<KeyValueStore> store;
    std::unique_ptr<StoreLease> lease;
  };
  void KeepOn();
  void Stop();
  static void Say(const Held& held, const std::string& status, const std::string& error);

  std::vector<Held> held_;
  std::vector<Run*> runs_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool is_ended_ = false;
  Status lost_;
  std::thread keeper_;
};

}  // namespace weir
