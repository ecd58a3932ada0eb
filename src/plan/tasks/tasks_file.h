// TaskSpec files: pipelines written as `tasks:`, spouts that bring data in and bolts that work on it, each between two
// places (a folder, a bucket, a topic). A task becomes a chain of the pipeline, so that nothing behind knows tasks.
//
//   tasks:
//   - name: orders
//     type: spout                          # spout: from outside into a store; bolt: from store to store
//     config:
//       inputConfig:  {type: batch, source: https://example.com/orders.csv}
//       outputConfig: {type: batch, destination: s3://my-bucket/orders}
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/diagnostic.h"
#include "config/node.h"

namespace weir {

/// A step that writes what another one of the same file reads, through a store.
struct WrittenBy {
  std::string step;       // its full name
  bool by_files = false;  // what is read is there only when the writer has shown it
};

/// What decides how a task file is read, beside its text.
struct TasksFileOptions {
  std::vector<std::string> only;  // names of the tasks to take; empty: all
  std::function<std::optional<std::string>(const std::string& name)> environment;  // null: nothing is set
};

/// Where state and leases are kept: `stateManager: {type: redis, url: …}`.
struct StateManager {
  std::string url;  // of a store: "memory:", "redis://…", "postgres://…", "dynamodb://…"
  NodePtr node;     // for messages
};

/// One end of a task: what it reads or what it writes.
struct TaskEnd {
  enum class Kind { kNone, kFiles, kKafka, kHttpListen, kHttpPoll, kTcp };
  Kind kind = Kind::kNone;  // kNone: it could not be understood, and was reported
  bool streaming = false;   // as `type:` says, or as the kind is
  std::string place;        // path or prefix, topic, HOST:PORT, URL
  std::string format;       // json csv parquet text; "" where the file does not say and the place does not show it
  NodePtr node;             // the whole mapping
  NodePtr place_node;
  NodePtr endpoint;               // of an S3-compatible store; null where none is given
  std::vector<NodeEntry> config;  // settings of the component that are given; the place is not among them
};

struct TaskSpec {
  std::string name;
  NodePtr name_node, node;
  bool is_spout = false;
  TaskEnd input, output;
  std::vector<NodePtr> steps;  // what is done on the way
  NodePtr extra_transforms;    // null where there are none
  NodePtr interval;            // null where there is none
  std::optional<StateManager> state_manager;
  bool endless = false;    // it reads something that never ends
  bool broken = false;     // it has a mistake, which was reported: only where it reads and writes can be used
  std::vector<int> after;  // tasks whose output it reads, by index
};

/// A task file, understood. Tasks stand in an order in which each comes after those whose output it reads.
struct TasksFile {
  std::vector<TaskSpec> tasks;  // without those that have mistakes, or read what such a one writes
  /// What `pipeline:` would hold: one chain for each task.
  NodePtr pipeline;
  /// By the full name of a step: the step of another task that writes what it reads.
  std::map<std::string, WrittenBy> written_by;
  /// Tasks that run at the same time, phase after phase: those that end, in the order of their data, then all others.
  std::vector<std::vector<std::string>> phases;
  /// The S3-compatible store of all tasks; empty where the environment says it. A process knows one.
  std::string endpoint;
};

/// Reads `tasks:` and the defaults beside it. Says every mistake.
TasksFile ReadTasksFile(const NodePtr& root, const TasksFileOptions& options, Diagnostics* diagnostics);

/// Keys at the top of a file that only task files have.
const std::vector<std::string>& TasksFileKeys();

/// `root` with values put in at "TASK.inputConfig.source" and the like, or at a default ("broker"): KEY=VALUE as on the
/// command line. Keys that are not there yet are added. Mistakes are reported at the top of the file.
NodePtr ApplyTaskSettings(const NodePtr& root, const std::vector<std::pair<std::string, std::string>>& settings,
                          Diagnostics* diagnostics);

}  // namespace weir
