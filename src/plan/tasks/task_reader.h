// The parts of reading a task file. Internal to plan/tasks.
#pragma once

#include <string>
#include <vector>

#include "plan/tasks/tasks_file.h"

namespace weir {

/// `broker`, `endpoint` and `bucket` for tasks that do not say their own: at the top of the file, else in the
/// environment (WEIR_BROKER, WEIR_ENDPOINT, WEIR_BUCKET). Null where neither gives one.
struct TaskDefaults {
  NodePtr broker, endpoint, bucket;
};

/// Reads an inputConfig or an outputConfig. The kind is kNone after an error.
TaskEnd ReadTaskInput(const NodePtr& node, const TaskSpec& task, const TaskDefaults& defaults,
                      Diagnostics* diagnostics);
TaskEnd ReadTaskOutput(const NodePtr& node, const TaskSpec& task, const TaskDefaults& defaults,
                       Diagnostics* diagnostics);

/// Reads `stateManager:`; nullopt after an error.
std::optional<StateManager> ReadStateManager(const NodePtr& node, Diagnostics* diagnostics);

/// Fills `after`, orders the tasks, finds circles.
void LinkTasks(std::vector<TaskSpec>* tasks, Diagnostics* diagnostics);

/// Names of the steps at both ends of a task's chain.
inline constexpr const char kTaskReader[] = "read";
inline constexpr const char kTaskWriter[] = "write";

/// The formats that the ends of a task have. `written`: that of the task that writes its input; empty where none does.
std::string InputFormat(const TaskSpec& task, const std::string& written);
std::string OutputFormat(const TaskSpec& task, const std::string& input_format);
/// The chain of steps that a task is. `is_written`: another task of the file writes what it reads.
NodePtr ChainOfTask(const TaskSpec& task, bool is_written, const std::string& input_format,
                    const std::string& output_format);

}  // namespace weir
