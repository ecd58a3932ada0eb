// Leases of 30 s, renewed by a thread every 10 s.
#include "cli/run/task_leases.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "env/env.h"

namespace weir {
namespace {

constexpr int64_t kLeaseUs = 30'000'000;
constexpr auto kRenewEvery = std::chrono::seconds(10);

std::string OwnerName() {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return std::string(host) + " pid " + std::to_string(::getpid());
}

}  // namespace

Result<std::unique_ptr<TaskLeases>> TaskLeases::Take(const std::string& pipeline, const std::vector<TaskSpec>& tasks) {
  auto out = std::make_unique<TaskLeases>();
  for (const TaskSpec& task : tasks) {
    if (!task.state_manager) continue;
    Held held;
    held.key = "weir/" + pipeline + "/" + task.name + "/";
    WEIR_ASSIGN_OR_RETURN(held.store, KeyValueStore::Open(task.state_manager->url, Env::Real()));
    WEIR_ASSIGN_OR_RETURN(LeaseAttempt attempt, StoreLease::Acquire(held.store.get(), held.key + "lease", OwnerName(),
                                                                    kLeaseUs, Env::Real()));
    if (!attempt.lease) {
      const int64_t left_s = (attempt.holder.expires_us - Env::Real().WallTime()) / 1'000'000 + 1;
      return Status::IOError("task '", task.name, "' runs already: ", attempt.holder.owner, " has its lease in ",
                             held.store->name(), ", for ", left_s, " s unless it is renewed");
    }
    held.lease = std::move(attempt.lease);
    Say(held, "running", "");
    out->held_.push_back(std::move(held));
  }
  return out;
}

TaskLeases::~TaskLeases() {
  Stop();
  for (const Held& held : held_) (void)held.lease->Release();  // what cannot be released expires
}

void TaskLeases::Watch(std::vector<Run*> runs) {
  if (held_.empty()) return;
  runs_ = std::move(runs);
  keeper_ = std::thread([this] { KeepOn(); });
}

void TaskLeases::KeepOn() {
  SetThreadName("task-leases");
  std::unique_lock lock(mutex_);
  while (!ended_.wait_for(lock, kRenewEvery, [this] { return is_ended_; })) {
    for (const Held& held : held_) {
      const Status renewed = held.lease->Renew();
      // A store that is away for a while: the lease lasts for some more tries.
      const bool may_pass = renewed.IsIOError() && held.lease->expires_us() > Env::Real().WallTime();
      if (renewed.ok() || may_pass) continue;
      lost_ = Status::IOError(renewed.message(), "; the run stops, so that the task does not run twice");
      for (Run* run : runs_) run->Cancel();
      return;
    }
  }
}

void TaskLeases::Stop() {
  {
    std::lock_guard lock(mutex_);
    is_ended_ = true;
  }
  ended_.notify_all();
  if (keeper_.joinable()) keeper_.join();
}

Status TaskLeases::End(const Status& status) {
  Stop();
  if (!lost_.ok()) return lost_;
  for (const Held& held : held_) {
    Say(held,
        status.ok()            ? "succeeded"
        : status.IsCancelled() ? "stopped"
                               : "failed",
        status.ok() || status.IsCancelled() ? "" : status.message());
  }
  return status;
}

void TaskLeases::Say(const Held& held, const std::string& status, const std::string& error) {
  const nlohmann::json record = {{"status", status},
                                 {"owner", OwnerName()},
                                 {"token", held.lease->token()},
                                 {"since_us", Env::Real().WallTime()},
                                 {"error", error}};
  const Status written = FencedPut(held.store.get(), held.key + "status", held.lease->token(),
                                   record.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  if (!written.ok()) std::fprintf(stderr, "weir: %s\n", written.message().c_str());
}

}  // namespace weir
