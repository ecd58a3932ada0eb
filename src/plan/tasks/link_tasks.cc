// Which task reads what which other one writes, and the order that follows.
#include <utility>

#include "plan/pipeline_tree.h"
#include "plan/tasks/task_reader.h"

namespace weir {
namespace {

/// What two tasks must both mean to meet; empty for places that no task can write.
std::string PlaceOf(const TaskEnd& end) {
  if (end.kind == TaskEnd::Kind::kKafka) return "kafka " + end.place;
  if (end.kind != TaskEnd::Kind::kFiles) return "";
  return "files " + (end.place.ends_with('/') ? end.place : end.place + "/");
}

/// Whether what is read is what is written, a file of that folder, or a glob in it.
bool Reads(const std::string& read, const std::string& written) {
  return !written.empty() && read.starts_with(written);
}

class Linker {
 public:
  Linker(std::vector<TaskSpec>* tasks, Diagnostics* diagnostics) : tasks_(*tasks), diagnostics_(diagnostics) {}

  void Run() {
    for (TaskSpec& reader : tasks_) {
      for (size_t i = 0; i < tasks_.size(); ++i) {
        if (&tasks_[i] == &reader) continue;
        if (Reads(PlaceOf(reader.input), PlaceOf(tasks_[i].output))) reader.after.push_back(static_cast<int>(i));
      }
    }
    marks_.assign(tasks_.size(), Mark::kNew);
    for (size_t i = 0; i < tasks_.size(); ++i) {
      if (marks_[i] == Mark::kNew) Visit(i);
    }
    Reorder();
  }

 private:
  enum class Mark : uint8_t { kNew, kOpen, kDone };

  void Visit(size_t task) {
    marks_[task] = Mark::kOpen;
    auto& after = tasks_[task].after;
    for (size_t i = 0; i < after.size();) {
      const auto before = static_cast<size_t>(after[i]);
      if (marks_[before] == Mark::kOpen) {
        // Endless tasks may feed each other in a circle; what they exchange is not known from one another then.
        if (!tasks_[task].endless || !tasks_[before].endless) {
          ErrorAt(tasks_[task].input.place_node,
                  "task '" + tasks_[task].name + "' reads what comes of its own output, by task '" +
                      tasks_[before].name + "'",
                  diagnostics_, "let one of them write to another place");
          tasks_[task].broken = true;
        }
        after.erase(after.begin() + static_cast<std::ptrdiff_t>(i));
        continue;
      }
      if (marks_[before] == Mark::kNew) Visit(before);
      ++i;
    }
    marks_[task] = Mark::kDone;
    order_.push_back(task);
  }

  void Reorder() {
    std::vector<int> place(tasks_.size());
    for (size_t i = 0; i < order_.size(); ++i) place[order_[i]] = static_cast<int>(i);
    std::vector<TaskSpec> ordered;
    for (const size_t task : order_) {
      for (int& before : tasks_[task].after) before = place[static_cast<size_t>(before)];
      ordered.push_back(std::move(tasks_[task]));
    }
    tasks_ = std::move(ordered);
  }

  std::vector<TaskSpec>& tasks_;
  Diagnostics* const diagnostics_;
  std::vector<Mark> marks_;
  std::vector<size_t> order_;
};

}  // namespace

void LinkTasks(std::vector<TaskSpec>* tasks, Diagnostics* diagnostics) { Linker(tasks, diagnostics).Run(); }

}  // namespace weir
