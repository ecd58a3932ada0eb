// `--set TASK.inputConfig.source=VALUE`: values that are put into a task file before it is read.
#include <algorithm>
#include <utility>

#include "plan/pipeline_tree.h"
#include "plan/tasks/tasks_file.h"

namespace weir {
namespace {

/// A copy of `map` with `value` at the path of `keys` from `at` on. Keys that are not there are added.
NodePtr With(const NodePtr& map, const std::vector<std::string>& keys, size_t at, const std::string& value) {
  const bool is_last = at + 1 == keys.size();
  const auto fresh = [&](const NodePtr& old) {
    return is_last ? MakeScalarNode(value, old, ScalarStyle::kPlain)
                   : With(old->is_map() ? old : MakeMapNode({}, old), keys, at + 1, value);
  };
  std::vector<NodeEntry> entries = map->entries();
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const NodeEntry& entry) { return entry.key->text() == keys[at]; });
  if (found != entries.end()) {
    found->value = fresh(found->value);
  } else {
    entries.push_back({MakeScalarNode(keys[at], map), fresh(MakeMapNode({}, map))});
  }
  return MakeMapNode(std::move(entries), map);
}

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> parts = {""};
  for (const char c : text) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// The setting of a task: `rest` as "config.inputConfig.source", where `config.` may be left out.
NodePtr WithTaskSetting(const NodePtr& task, const std::string& rest, const std::string& value) {
  std::vector<std::string> keys = Split(rest);
  const bool in_task = task->Find(keys[0]) != nullptr || keys[0] == "type" || keys[0] == "name";
  if (!in_task) keys.insert(keys.begin(), "config");
  return With(task, keys, 0, value);
}

class Setter {
 public:
  Setter(const NodePtr& root, Diagnostics* diagnostics) : root_(root), diagnostics_(diagnostics) {}

  void Set(const std::string& key, const std::string& value) {
    const auto& defaults = TasksFileKeys();
    const bool is_default = key != "tasks" && std::find(defaults.begin(), defaults.end(), key) != defaults.end();
    if (is_default || key.starts_with("stateManager.")) {
      root_ = With(root_, Split(key), 0, value);
      return;
    }
    const NodePtr tasks = root_->Find("tasks");
    std::vector<NodePtr> items = tasks->items();
    NodePtr* best = nullptr;
    size_t length = 0;
    std::vector<std::string> names;
    for (NodePtr& item : items) {
      NodePtr name = item->is_map() ? item->Find("name") : nullptr;
      if (!name || !name->is_scalar()) continue;
      names.push_back(name->text());
      if (key.starts_with(name->text() + ".") && name->text().size() > length) {  // names may contain dots
        best = &item;
        length = name->text().size();
      }
    }
    if (best == nullptr || key.size() == length + 1) {
      const std::string close = ClosestMatch(key.substr(0, key.find('.')), names);
      ErrorAt(root_->FindEntry("tasks")->key, "'--set " + key + "' names no setting of a task", diagnostics_,
              close.empty() ? "write TASK.inputConfig.source=VALUE, or a default like broker=HOST:PORT"
                            : "did you mean '" + close + "'?");
      return;
    }
    *best = WithTaskSetting(*best, key.substr(length + 1), value);
    std::vector<NodeEntry> entries = root_->entries();
    for (NodeEntry& entry : entries) {
      if (entry.key->text() == "tasks") entry.value = MakeSequenceNode(items, tasks);
    }
    root_ = MakeMapNode(std::move(entries), root_);
  }

  NodePtr root() const { return root_; }

 private:
  NodePtr root_;
  Diagnostics* const diagnostics_;
};

}  // namespace

NodePtr ApplyTaskSettings(const NodePtr& root, const std::vector<std::pair<std::string, std::string>>& settings,
                          Diagnostics* diagnostics) {
  if (settings.empty()) return root;
  NodePtr tasks = root->is_map() ? root->Find("tasks") : nullptr;
  if (!tasks || !tasks->is_sequence()) {
    ErrorAt(root, "--set is for files with 'tasks'", diagnostics, "a pipeline has 'params:', set with -p NAME=VALUE");
    return root;
  }
  Setter setter(root, diagnostics);
  for (const auto& [key, value] : settings) setter.Set(key, value);
  return setter.root();
}

}  // namespace weir
