// The shape of a task file: its tasks, their keys, the defaults beside them.
#include <algorithm>
#include <set>
#include <utility>

#include "plan/pipeline_tree.h"
#include "plan/tasks/task_reader.h"

namespace weir {
namespace {

/// What may stand in a task or in its `config`.
const std::vector<std::string>& CommonKeys() {
  static const std::vector<std::string> keys = {"inputConfig",      "outputConfig", "transform", "steps",
                                                "extra_transforms", "stateManager", "interval",  "input_config",
                                                "output_config",    "state_manager"};
  return keys;
}

class TasksReader {
 public:
  TasksReader(const NodePtr& root, const TasksFileOptions& options, Diagnostics* diagnostics)
      : root_(root), options_(options), diagnostics_(diagnostics) {}

  std::vector<TaskSpec> Read() {
    ReadDefaults();
    const NodePtr list = root_->Find("tasks");
    if (!list->is_sequence()) {
      ErrorAt(list, "'tasks' is a list of tasks; this is " + list->Describe(), diagnostics_,
              list->is_map() ? "begin each task with '- name: …'" : "");
      return {};
    }
    if (list->items().empty()) ErrorAt(root_->FindEntry("tasks")->key, "there are no tasks", diagnostics_);
    Diagnostics* const said = diagnostics_;
    for (const NodePtr& node : list->items()) {
      // A task that runs alone needs no others that are right.
      Diagnostics unsaid;
      const NodePtr name = node->is_map() ? node->Find("name") : nullptr;
      const auto& only = options_.only;
      const bool is_wanted = only.empty() || !name || std::find(only.begin(), only.end(), name->text()) != only.end();
      diagnostics_ = is_wanted ? said : &unsaid;
      ReadTask(node);
    }
    diagnostics_ = said;
    return std::move(tasks_);
  }

 private:
  void Error(const NodePtr& node, std::string message, std::string hint = "") {
    ErrorAt(node, std::move(message), diagnostics_, std::move(hint));
  }

  NodePtr Default(const char* key, const char* variable) {
    if (root_->Find(key)) return FindText(root_, key, diagnostics_);
    if (!options_.environment) return nullptr;
    const std::optional<std::string> value = options_.environment(variable);
    return value && !value->empty() ? MakeScalarNode(*value, root_->FindEntry("tasks")->key) : nullptr;
  }

  void ReadDefaults() {
    defaults_.broker = Default("broker", "WEIR_BROKER");
    defaults_.endpoint = Default("endpoint", "WEIR_ENDPOINT");
    defaults_.bucket = Default("bucket", "WEIR_BUCKET");
    for (const char* key : {"stateManager", "state_manager"}) {
      if (NodePtr node = root_->Find(key)) state_manager_ = ReadStateManager(node, diagnostics_);
    }
  }

  /// The value of one of the spellings of a key, in the task or in its `config`, and not in both.
  NodePtr Find(const NodePtr& task, const NodePtr& config, std::initializer_list<const char*> spellings) {
    NodePtr found;
    for (const NodePtr& place : {task, config}) {
      for (const char* key : spellings) {
        const NodeEntry* entry = place ? place->FindEntry(key) : nullptr;
        if (entry == nullptr) continue;
        if (found) Error(entry->key, "'" + std::string(key) + "' is given twice in this task");
        found = entry->value;
      }
    }
    return found;
  }

  void ReadTask(const NodePtr& node) {
    if (!node->is_map()) {
      return Error(node, "a task is a mapping with 'name', 'type' and 'config'; this is " + node->Describe());
    }
    TaskSpec task;
    task.node = node;
    const int errors = diagnostics_->error_count();
    KeySet keys{{"name", "type", "config", "description"}, {"schedule", "resources", "replicas", "deploy"}};
    keys.known.insert(keys.known.end(), CommonKeys().begin(), CommonKeys().end());
    CheckKeys(node, keys, "a task", diagnostics_);
    const NodePtr& place = node->entries().empty() ? node : node->entries()[0].key;
    task.name_node = FindText(node, "name", diagnostics_);
    if (task.name_node) task.name = task.name_node->text();
    if (!node->Find("name")) Error(place, "a task needs a 'name'");
    if (!names_.insert(task.name).second && task.name_node) {
      Error(task.name_node, "the name '" + task.name + "' is given twice");
    }
    if (NodePtr type = FindText(node, "type", diagnostics_)) {
      task.is_spout = type->text() == "spout";
      if (!task.is_spout && type->text() != "bolt") {
        const std::string close = ClosestMatch(type->text(), {"spout", "bolt"});
        Error(type, "the type of a task is spout or bolt; this is '" + type->text() + "'",
              close.empty() ? "a spout brings data in from outside, a bolt works on data in a store"
                            : "did you mean '" + close + "'?");
      }
    } else if (!node->Find("type")) {
      Error(place, "a task needs a 'type', spout or bolt");
    }
    ReadConfig(node, &task);
    task.broken = diagnostics_->error_count() != errors;
    tasks_.push_back(std::move(task));
  }

  void ReadConfig(const NodePtr& node, TaskSpec* task) {
    NodePtr config = node->Find("config");
    if (config && !config->is_map()) {
      Error(config, "'config' of a task is a mapping with inputConfig and outputConfig; this is " + config->Describe());
      config = nullptr;
    }
    if (config) CheckKeys(config, {CommonKeys(), {}}, "the config of a task", diagnostics_);
    const NodePtr input = Find(node, config, {"inputConfig", "input_config"});
    const NodePtr output = Find(node, config, {"outputConfig", "output_config"});
    task->interval = Find(node, config, {"interval"});
    if (task->interval && !task->interval->is_scalar()) {
      Error(task->interval, "'interval' is a time like 5m; this is " + task->interval->Describe());
      task->interval = nullptr;
    }
    for (const auto& [key, value] : {std::pair{"inputConfig", input}, std::pair{"outputConfig", output}}) {
      if (!value) {
        Error(task->name_node ? task->name_node : node, "task '" + task->name + "' has no '" + key + "'",
              std::string(key) == "inputConfig" ? "say what it reads: {type: batch, source: PATH-OR-URL}"
                                                : "say where it writes: {type: batch, destination: PATH}");
      } else if (!value->is_map()) {
        Error(value, std::string("'") + key + "' is a mapping; this is " + value->Describe());
      }
    }
    if (input && input->is_map()) task->input = ReadTaskInput(input, *task, defaults_, diagnostics_);
    if (output && output->is_map()) task->output = ReadTaskOutput(output, *task, defaults_, diagnostics_);
    task->extra_transforms = Find(node, config, {"extra_transforms"});
    ReadSteps(Find(node, config, {"transform"}), Find(node, config, {"steps"}), task);
    task->state_manager = state_manager_;
    if (NodePtr manager = Find(node, config, {"stateManager", "state_manager"})) {
      task->state_manager = ReadStateManager(manager, diagnostics_);
    }
    task->endless = task->input.streaming || task->interval;
  }

  void ReadSteps(const NodePtr& transform, const NodePtr& steps, TaskSpec* task) {
    if (transform && steps) Error(steps, "'transform' and 'steps' are the same; give one of them");
    const NodePtr& given = steps ? steps : transform;
    if (!given || (given->is_scalar() && given->IsNull())) return;
    if (given->is_map()) {
      task->steps = {given};
    } else if (given->is_sequence()) {
      task->steps = given->items();
    } else {
      Error(given,
            std::string(steps ? "'steps'" : "'transform'") +
                " is a transform or a list of transforms, as in a pipeline; this is " + given->Describe(),
            "for example {type: Filter, config: {language: sql, keep: \"amount > 10\"}}");
    }
  }

  const NodePtr root_;
  const TasksFileOptions& options_;
  Diagnostics* diagnostics_;
  TaskDefaults defaults_;
  std::optional<StateManager> state_manager_;
  std::set<std::string> names_;
  std::vector<TaskSpec> tasks_;
};

/// Those that `wanted` takes, with what is known of their order among themselves.
std::vector<TaskSpec> Keep(std::vector<TaskSpec> tasks, const std::function<bool(const TaskSpec&)>& wanted) {
  std::vector<TaskSpec> kept;
  std::map<int, int> index;  // old to new
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (!wanted(tasks[i])) continue;
    std::vector<int> after;
    for (const int before : tasks[i].after) {
      if (index.count(before) != 0) after.push_back(index[before]);
    }
    tasks[i].after = std::move(after);
    index[static_cast<int>(i)] = static_cast<int>(kept.size());
    kept.push_back(std::move(tasks[i]));
  }
  return kept;
}

/// Without those that have mistakes, and without their readers: what is wrong with these follows from the mistakes.
std::vector<TaskSpec> Unbroken(std::vector<TaskSpec> tasks) {
  for (TaskSpec& task : tasks) {
    for (const int before : task.after) task.broken = task.broken || tasks[static_cast<size_t>(before)].broken;
  }
  return Keep(std::move(tasks), [](const TaskSpec& task) { return !task.broken; });
}

/// Keeps the tasks that were asked for.
void Choose(const std::vector<std::string>& chosen, const NodePtr& root, std::vector<TaskSpec>* tasks,
            Diagnostics* diagnostics) {
  std::vector<std::string> names;
  for (const TaskSpec& task : *tasks) names.push_back(task.name);
  for (const std::string& name : chosen) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const std::string close = ClosestMatch(name, names);
    std::string list;
    for (const std::string& known : names) list += (list.empty() ? "" : ", ") + known;
    if (diagnostics->has_errors()) continue;  // perhaps it is one of those that could not be read
    ErrorAt(root->FindEntry("tasks")->key, "there is no task '" + name + "'", diagnostics,
            close.empty() ? "the tasks are " + list : "did you mean '" + close + "'?");
  }
  *tasks = Keep(std::move(*tasks), [&](const TaskSpec& task) {
    return std::find(chosen.begin(), chosen.end(), task.name) != chosen.end();
  });
}

/// Phases: those that end, each as early as its data allows; the others all together after them.
std::vector<std::vector<std::string>> PhasesOf(const std::vector<TaskSpec>& tasks, Diagnostics* diagnostics) {
  std::vector<int> level(tasks.size(), 0);
  std::vector<std::vector<std::string>> phases;
  std::vector<std::string> endless;
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i].endless) {
      endless.push_back(tasks[i].name);
      continue;
    }
    for (const int before : tasks[i].after) {
      const TaskSpec& writer = tasks[static_cast<size_t>(before)];
      if (writer.endless) {
        ErrorAt(tasks[i].input.place_node,
                "task '" + tasks[i].name + "' reads to the end what task '" + writer.name + "' writes without an end",
                diagnostics, "give it an 'interval', so that it takes what is new again and again");
      }
      level[i] = std::max(level[i], level[static_cast<size_t>(before)] + 1);
    }
    phases.resize(std::max(phases.size(), static_cast<size_t>(level[i]) + 1));
    phases[static_cast<size_t>(level[i])].push_back(tasks[i].name);
  }
  if (!endless.empty()) phases.push_back(std::move(endless));
  return phases;
}

std::string EndpointOf(const std::vector<TaskSpec>& tasks, Diagnostics* diagnostics) {
  NodePtr first;
  for (const TaskSpec& task : tasks) {
    for (const NodePtr& endpoint : {task.input.endpoint, task.output.endpoint}) {
      if (!endpoint) continue;
      if (!first) first = endpoint;
      if (endpoint->text() == first->text()) continue;
      ErrorAt(endpoint, "tasks that run together have one 'endpoint', and another one names '" + first->text() + "'",
              diagnostics, "run them one by one, with --task");
    }
  }
  return first ? first->text() : "";
}

}  // namespace

const std::vector<std::string>& TasksFileKeys() {
  static const std::vector<std::string> keys = {"tasks",  "broker",       "endpoint",
                                                "bucket", "stateManager", "state_manager"};
  return keys;
}

TasksFile ReadTasksFile(const NodePtr& root, const TasksFileOptions& options, Diagnostics* diagnostics) {
  TasksFile file;
  file.tasks = TasksReader(root, options, diagnostics).Read();
  LinkTasks(&file.tasks, diagnostics);
  struct Formats {
    std::string input, output;
    bool is_written = false;
  };
  std::map<std::string, Formats> formats;
  for (const TaskSpec& task : file.tasks) {
    std::string written;
    for (const int before : task.after) {
      const std::string& writer = file.tasks[static_cast<size_t>(before)].name;
      written = formats[writer].output;
    }
    Formats& of_task = formats[task.name];
    of_task.is_written = !task.after.empty();
    of_task.input = InputFormat(task, written);
    of_task.output = OutputFormat(task, of_task.input);
  }
  if (!options.only.empty()) Choose(options.only, root, &file.tasks, diagnostics);
  file.tasks = Unbroken(std::move(file.tasks));
  std::vector<NodePtr> chains;
  for (const TaskSpec& task : file.tasks) {
    for (const int before : task.after) {
      const std::string& writer = file.tasks[static_cast<size_t>(before)].name;
      file.written_by[task.name + "/" + kTaskReader] = {writer + "/" + kTaskWriter,
                                                        task.input.kind == TaskEnd::Kind::kFiles};
    }
    chains.push_back(
        ChainOfTask(task, formats[task.name].is_written, formats[task.name].input, formats[task.name].output));
  }
  if (!chains.empty()) file.pipeline = MakeSequenceNode(std::move(chains), root->Find("tasks"));
  file.phases = PhasesOf(file.tasks, diagnostics);
  file.endpoint = EndpointOf(file.tasks, diagnostics);
  return file;
}

}  // namespace weir
