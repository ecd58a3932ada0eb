// The worker pool: takes the runnable lane nearest to a sink, runs a slice, settles what it said.
#include "engine/scheduler.h"

#include <pthread.h>

#include <thread>

#include "base/check.h"

namespace weir {
namespace {

constexpr std::chrono::milliseconds kIdlePause{2};
constexpr int kIdleRoundsBeforeStuck = 50;

}  // namespace

void Scheduler::Add(Actor* actor, int priority) {
  actor->priority_ = priority;
  actors_.push_back(actor);
}

void Scheduler::Enqueue(Actor* actor) {
  actor->state_ = Actor::kQueued;
  queue_[actor->priority_].push_back(actor);
  ++queued_;
  ready_.notify_one();
}

void Scheduler::Wake(Actor* actor) {
  int state = actor->state_;
  for (;;) {
    if (state == Actor::kQueued || state == Actor::kRunningWoken || state == Actor::kEndedState) return;
    if (state == Actor::kRunning) {
      if (actor->state_.compare_exchange_weak(state, Actor::kRunningWoken)) return;
      continue;
    }
    std::lock_guard lock(mutex_);
    if (actor->state_ == Actor::kParkedState) {
      Enqueue(actor);
      return;
    }
    state = actor->state_;
  }
}

void Scheduler::EnqueueIdle() {
  std::vector<Actor*> due;
  due.swap(idle_);
  ask_idle_at_ = std::chrono::steady_clock::now() + kIdlePause;
  for (Actor* actor : due) {
    if (actor->state_ == Actor::kParkedState) Enqueue(actor);
  }
}

bool Scheduler::FreeSomebody(std::unique_lock<std::mutex>& lock) {
  ++running_;  // the other workers wait meanwhile: one alone decides
  freeing_ = true;
  lock.unlock();
  const bool freed = on_stuck_();
  const bool told = !freed && on_quiet_ && on_quiet_();
  lock.lock();
  --running_;
  freeing_ = false;
  ready_.notify_all();
  if (told) EnqueueIdle();
  return freed || told;
}

void Scheduler::RequestRest() {
  std::lock_guard lock(mutex_);
  rest_wanted_ = true;
  ready_.notify_all();
}

void Scheduler::Rest(std::unique_lock<std::mutex>& lock) {
  ++running_;
  freeing_ = true;
  rest_wanted_ = false;  // before the call: who is answered may ask again before this thread goes on
  lock.unlock();
  Result<AtRest> said = on_rest_();
  lock.lock();
  --running_;
  freeing_ = false;
  if (!said.ok() && status_.ok()) status_ = said.status();
  if (!said.ok() || *said == AtRest::kStop) stop_ = true;
  if (!stop_ && *said == AtRest::kNotYet) {
    rest_wanted_ = true;
  } else {
    EnqueueIdle();
  }
  ready_.notify_all();
}

Actor* Scheduler::Take(std::unique_lock<std::mutex>& lock) {
  for (;;) {
    if (stop_ || ended_ == actors_.size()) return nullptr;
    if (freeing_) {
      ready_.wait(lock);
      continue;
    }
    if (rest_wanted_ && queued_ == 0 && running_ == 0) {
      Rest(lock);
      if (!rest_wanted_) continue;
      // Not yet: idle lanes are asked, after their pause.
      if (ready_.wait_until(lock, ask_idle_at_) == std::cv_status::timeout) EnqueueIdle();
      if (queued_ == 0) continue;
    }
    // Idle lanes are asked in time also where there is always something else to do.
    if (!idle_.empty() && !on_quiet_ && std::chrono::steady_clock::now() >= ask_idle_at_) EnqueueIdle();
    if (queued_ > 0) break;
    const bool quiet = running_ == 0 && (idle_.empty() || on_quiet_);
    if (quiet && FreeSomebody(lock)) continue;
    if (queued_ > 0) break;
    // With a script, idle lanes are asked only after it went on: one that was asked while it does would be taken for
    // one that has seen the new item.
    if (!idle_.empty() && (quiet || !on_quiet_)) {
      // Every slice that ends wakes the waiting workers: who is woken early waits on, or two would ask in turn, at
      // once.
      if (ready_.wait_until(lock, ask_idle_at_) != std::cv_status::timeout) continue;
      // Idle lanes alone free nobody of those that wait for one another.
      const bool alone = !on_quiet_ && running_ == 0 && queued_ == 0;
      if (alone && ++idle_rounds_ % kIdleRoundsBeforeStuck == 0) FreeSomebody(lock);
      EnqueueIdle();
      continue;
    }
    WEIR_CHECK(!quiet || running_ > 0 || stop_ || ended_ == actors_.size(), "no lane can run and none has ended");
    if (!quiet) ready_.wait(lock);
  }
  auto best = queue_.begin();
  while (best->second.empty()) best = queue_.erase(best);
  std::vector<Actor*>& level = best->second;
  // First in, first out within a level; levels are short (lanes of tasks at one depth).
  Actor* actor = level.front();
  level.erase(level.begin());
  --queued_;
  return actor;
}

void Scheduler::Settle(Actor* actor, SliceResult result) {
  if (result == SliceResult::kEnded) {
    actor->state_ = Actor::kEndedState;
    ++ended_;
    return;
  }
  if (result != SliceResult::kIdle) idle_rounds_ = 0;
  int expected = Actor::kRunning;
  if (result == SliceResult::kMore || !actor->state_.compare_exchange_strong(expected, Actor::kParkedState)) {
    Enqueue(actor);
  } else if (result == SliceResult::kIdle) {
    if (idle_.empty()) ask_idle_at_ = std::chrono::steady_clock::now() + kIdlePause;
    idle_.push_back(actor);
  }
}

void Scheduler::Work(int worker) {
  std::mt19937_64 jitter(jitter_seed_ + static_cast<uint64_t>(worker));
  std::unique_lock lock(mutex_);
  while (Actor* actor = Take(lock)) {
    actor->state_ = Actor::kRunning;
    ++running_;
    lock.unlock();
    // allowed: jitter is a mode of tests, which shifts real threads against one another
    if (jitter_seed_ != 0 && jitter() % 4 == 0) std::this_thread::sleep_for(std::chrono::microseconds(jitter() % 200));
    Result<SliceResult> result = actor->RunSlice();
    lock.lock();
    --running_;
    if (!result.ok()) {
      if (status_.ok()) status_ = result.status();
      stop_ = true;
      actor->state_ = Actor::kEndedState;
      ++ended_;
    } else {
      Settle(actor, *result);
    }
    if (stop_ || ended_ == actors_.size() || (queued_ == 0 && running_ == 0)) ready_.notify_all();
  }
  ready_.notify_all();
}

Status Scheduler::Run(std::function<bool()> on_stuck, std::function<bool()> on_quiet) {
  on_stuck_ = std::move(on_stuck);
  on_quiet_ = std::move(on_quiet);
  {
    std::lock_guard lock(mutex_);
    // A source may have woken its reader already: who is queued twice would run in two workers at once.
    for (Actor* actor : actors_) {
      if (actor->state_ == Actor::kParkedState) Enqueue(actor);
    }
  }
  std::vector<std::thread> threads;
  for (int i = 1; i < workers_; ++i) {
    threads.emplace_back([this, i] {
      pthread_setname_np(pthread_self(), ("weir-" + std::to_string(i)).c_str());
      Work(i);
    });
  }
  Work(0);
  for (auto& thread : threads) thread.join();
  std::lock_guard lock(mutex_);
  return status_;
}

void Scheduler::Cancel(Status reason) {
  std::lock_guard lock(mutex_);
  if (status_.ok()) status_ = std::move(reason);
  stop_ = true;
  ready_.notify_all();
}

}  // namespace weir
