// Rates are differences of the counters of a second; what is just now is read when it is asked for.
#include "monitor/snapshot.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>

#include "engine/run.h"
#include "env/env.h"
#include "state/memory_budget.h"

namespace weir {
namespace {

constexpr auto kInterval = std::chrono::seconds(1);
/// Below this share of its time no step is called a bottleneck: the sources give no more.
constexpr double kBusyEnough = 0.3;

int64_t ResidentBytes() {
  std::ifstream in("/proc/self/statm");  // allowed: the kernel's view of this process; no test replaces it
  int64_t total = 0, resident = 0;
  return in >> total >> resident ? resident * sysconf(_SC_PAGESIZE) : 0;
}

double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double Share(double part_s, double whole_s) { return whole_s <= 0 ? 0 : std::clamp(part_s / whole_s, 0.0, 1.0); }

StepStatus StatusOf(const StepFacts& now, const StepFacts& before) {
  if (now.ended) return StepStatus::kFinished;
  if (now.rows_in + now.rows_out == 0) return StepStatus::kStarted;
  return now.rows_in + now.rows_out > before.rows_in + before.rows_out ? StepStatus::kRunning : StepStatus::kIdle;
}

void SetRates(const StepFacts& now, const StepFacts& before, double seconds, StepSnapshot* out) {
  auto rate = [&](int64_t a, int64_t b) { return static_cast<double>(a - b) / seconds; };
  out->rows_in_per_s = rate(now.rows_in, before.rows_in);
  out->rows_out_per_s = rate(now.rows_out, before.rows_out);
  out->bytes_in_per_s = rate(now.bytes_in, before.bytes_in);
  out->bytes_out_per_s = rate(now.bytes_out, before.bytes_out);
  const double lanes_s = seconds * std::max(1, now.lanes);
  out->busy = Share(now.busy_s - before.busy_s, lanes_s);
  out->idle = Share(now.idle_s - before.idle_s, lanes_s);
  out->blocked = Share(now.blocked_s - before.blocked_s, lanes_s);
}

void MarkBottleneck(std::vector<StepSnapshot>* steps) {
  auto most = std::max_element(steps->begin(), steps->end(),
                               [](const StepSnapshot& a, const StepSnapshot& b) { return a.busy < b.busy; });
  if (most != steps->end() && most->busy >= kBusyEnough) most->bottleneck = true;
}

}  // namespace

const char* StepStatusName(StepStatus status) {
  switch (status) {
    case StepStatus::kStarted:
      return "started";
    case StepStatus::kRunning:
      return "running";
    case StepStatus::kIdle:
      return "idle";
    case StepStatus::kFinished:
      return "finished";
    case StepStatus::kFailed:
      return "failed";
  }
  return "";
}

RunWatcher::RunWatcher(std::string run_id, std::string file, Run* run, const MemoryBudget* memory, Env* env)
    : run_id_(std::move(run_id)),
      file_(std::move(file)),
      run_(run),
      memory_(memory),
      env_(env),
      started_us_(env->WallTime()),
      started_ns_(env->SteadyTimeNs()) {
  latest_ = before_ = TakeSample();
  thread_ = std::thread([this] { Loop(); });
}

RunWatcher::~RunWatcher() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  stop_.notify_all();
  thread_.join();
}

RunWatcher::Sample RunWatcher::TakeSample() const { return {env_->SteadyTimeNs(), run_->Steps()}; }

void RunWatcher::Loop() {
  SetThreadName("weir-watch");
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, kInterval, [this] { return stopped_; })) {
    lock.unlock();
    Sample sample = TakeSample();
    lock.lock();
    before_ = std::move(latest_);
    latest_ = std::move(sample);
  }
}

void RunWatcher::SetEnded(const Status& status) {
  std::lock_guard lock(mutex_);
  ended_ = true;
  if (!status.ok()) error_ = status.message();
}

RunSnapshot RunWatcher::Now() const {
  RunSnapshot out;
  out.run_id = run_id_;
  out.file = file_;
  out.time_us = env_->WallTime();
  out.started_us = started_us_;
  out.memory_limit_bytes = memory_->limit_bytes();
  out.state_bytes = memory_->state_bytes();
  out.resident_bytes = ResidentBytes();
  out.cpu_s = CpuSeconds();
  const Sample now = TakeSample();
  out.ready = !now.facts.empty();
  std::lock_guard lock(mutex_);
  out.ended = ended_;
  out.error = error_;
  const Sample& before = before_.facts.empty() ? latest_ : before_;
  const double seconds = std::max(
      1e-3, static_cast<double>(now.steady_ns - (before.facts.empty() ? started_ns_ : before.steady_ns)) * 1e-9);
  const std::vector<PhysicalStep>& steps = run_->plan().steps;
  for (size_t i = 0; i < steps.size(); ++i) {
    StepSnapshot step;
    step.name = steps[i].name;
    step.type = steps[i].type;
    step.inputs = steps[i].inputs;
    step.scan = steps[i].scan;
    if (i < now.facts.size()) {
      const StepFacts past = i < before.facts.size() ? before.facts[i] : StepFacts{};
      step.facts = now.facts[i];
      step.status = StatusOf(step.facts, past);
      SetRates(step.facts, past, seconds, &step);
      const bool failed_here = error_.find("step '" + step.name + "'") != std::string::npos;
      if (failed_here) step.status = StepStatus::kFailed;
    }
    out.steps.push_back(std::move(step));
  }
  MarkBottleneck(&out.steps);
  return out;
}

}  // namespace weir
