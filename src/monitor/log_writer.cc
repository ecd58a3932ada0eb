// Follows the run by comparing snapshots, twice a second.
#include "monitor/log_writer.h"

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "batch/print.h"
#include "engine/run.h"
#include "env/env.h"

namespace weir {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(500);
constexpr int kLooksPerFigures = 20;

}  // namespace

LogWriter::LogWriter(RunWatcher* watcher, Env* env) : watcher_(watcher), env_(env) {
  WriteLine("info", "", "started", env->WallTime());
  thread_ = std::thread([this] { Loop(); });
}

LogWriter::~LogWriter() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  stop_.notify_all();
  thread_.join();
}

void LogWriter::Loop() {
  SetThreadName("weir-log");
  std::unique_lock lock(mutex_);
  for (int look = 1; !stop_.wait_for(lock, kLookEvery, [this] { return stopped_; }); ++look) {
    WriteNews(look % kLooksPerFigures == 0);
  }
}

void LogWriter::WriteNews(bool with_figures) {
  for (const StepMessage& message : watcher_->run()->messages().Since(next_message_)) {
    next_message_ = message.number + 1;
    WriteLine(MessageLevelName(message.level), watcher_->run()->plan().steps[message.step].name, message.text,
              message.time_us);
  }
  const RunSnapshot now = watcher_->Now();
  if (now.ready && !ready_) WriteLine("info", "", "running", now.time_us);
  ready_ = now.ready;
  known_.resize(now.steps.size(), StepStatus::kStarted);
  for (size_t i = 0; i < now.steps.size(); ++i) {
    const StepSnapshot& step = now.steps[i];
    if (step.scan >= 0) continue;
    const bool flow = step.status == StepStatus::kRunning || step.status == StepStatus::kIdle;
    const bool flowed = known_[i] == StepStatus::kRunning || known_[i] == StepStatus::kIdle;
    // A slow source changes between running and idle all the time.
    if (step.status != known_[i] && !(flow && flowed))
      WriteLine("info", step.name, StepStatusName(step.status), now.time_us, &step);
    known_[i] = step.status;
    if (with_figures) WriteLine("info", step.name, "figures", now.time_us, &step);
  }
}

void LogWriter::SetEnded(const Status& status) {
  std::lock_guard lock(mutex_);
  WriteNews(false);
  WriteLine(status.ok() ? "info" : "error", "", status.ok() ? "finished" : "failed: " + status.message(),
            env_->WallTime());
}

void LogWriter::WriteLine(const char* level, const std::string& step, const std::string& message, int64_t time_us,
                          const StepSnapshot* figures) const {
  nlohmann::ordered_json line = {{"time", FormatTimestamp(time_us)}, {"level", level}, {"run", watcher_->run_id()}};
  if (!step.empty()) line["step"] = step;
  line["message"] = message;
  if (figures != nullptr) {
    line["rows_in"] = figures->facts.rows_in;
    line["rows_out"] = figures->facts.rows_out;
    line["errors"] = figures->facts.errors;
    line["late"] = figures->facts.late_rows;
  }
  const std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  std::fputs(text.c_str(), stderr);
}

}  // namespace weir
