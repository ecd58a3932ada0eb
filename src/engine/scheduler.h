// Scheduler: a fixed pool of workers that runs task lanes cooperatively.
//
// A task lane is an actor: it runs a slice on one worker, then is queued again, or parks until one of its channels
// wakes it. Lanes nearer to the sinks run first, so that what is in flight drains before more is read. No lane ever
// blocks a worker; when nobody can run and somebody has not ended, the stage is stuck in a cycle of refusals and
// OnStuck is asked.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <vector>

#include "base/status.h"

namespace weir {

enum class SliceResult { kMore, kParked, kIdle, kEnded };

class Actor {
 public:
  virtual ~Actor() = default;
  /// Works for a while. kMore: queue me again; kParked: a wake will come; kIdle: ask again in a few ms; kEnded: never
  /// again.
  virtual Result<SliceResult> RunSlice() = 0;

 private:
  friend class Scheduler;
  enum State { kParkedState, kQueued, kRunning, kRunningWoken, kEndedState };
  std::atomic<int> state_{kParkedState};
  int priority_ = 0;
};

class Scheduler {
 public:
  /// `jitter_seed` ≠ 0: order and pace are disturbed at random, for tests.
  Scheduler(int workers, uint64_t jitter_seed) : workers_(workers), jitter_seed_(jitter_seed) {}

  /// Before Run. Higher priority runs first.
  void Add(Actor* actor, int priority);
  /// Makes a parked actor runnable. From any thread.
  void Wake(Actor* actor);
  /// What is called at a moment when nothing runs or waits to run; others rest meanwhile. kNotYet: idle actors still
  /// have something to do, call me again; kDone: go on; kStop: Run returns OK, though actors have not ended.
  enum class AtRest { kNotYet, kDone, kStop };
  /// Before Run.
  void OnRest(std::function<Result<AtRest>()> on_rest) { on_rest_ = std::move(on_rest); }
  /// The next such moment is wanted: on_rest is called until it says that it is done. From any thread.
  void RequestRest();
  /// Until every actor has ended, one fails, or Cancel. `on_stuck` returns whether it could free somebody. `on_quiet`,
  /// where there is one, is asked when nothing runs, waits to run or could be freed, and idle actors have nothing to
  /// do; it returns whether they have now, and they are asked at once. Both are called by one worker, without a lock,
  /// while the others rest.
  Status Run(std::function<bool()> on_stuck, std::function<bool()> on_quiet = nullptr);
  /// Ends Run with `reason` as soon as the running slices return. From any thread.
  void Cancel(Status reason);

 private:
  void Work(int worker);
  Actor* Take(std::unique_lock<std::mutex>& lock);
  void Enqueue(Actor* actor);  // lock held
  void EnqueueIdle();          // lock held
  bool FreeSomebody(std::unique_lock<std::mutex>& lock);
  void Rest(std::unique_lock<std::mutex>& lock);
  void Settle(Actor* actor, SliceResult result);

  const int workers_;
  const uint64_t jitter_seed_;
  std::function<bool()> on_stuck_, on_quiet_;
  std::function<Result<AtRest>()> on_rest_;
  bool rest_wanted_ = false;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::map<int, std::vector<Actor*>, std::greater<>> queue_;  // by priority; FIFO by head index would gain nothing here
  std::vector<Actor*> idle_;
  std::chrono::steady_clock::time_point ask_idle_at_;  // though others are busy all the time
  std::vector<Actor*> actors_;
  size_t queued_ = 0;
  int running_ = 0;
  int idle_rounds_ = 0;   // since anybody but idle lanes had something to do
  bool freeing_ = false;  // somebody decides whom to free: the others rest
  size_t ended_ = 0;
  bool stop_ = false;
  Status status_;
};

}  // namespace weir
