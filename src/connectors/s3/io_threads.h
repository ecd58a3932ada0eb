// IoThreads: a few threads that wait for the network, so that lanes do not wait for one range or part after the other.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <utility>

namespace weir {

/// Never ends: threads may still wait for an answer while the process ends. Thread-safe.
class IoThreads {
 public:
  explicit IoThreads(int max_threads) : max_threads_(max_threads) {}

  /// Runs `work`, which must not wait for other work of these threads. A thread is begun where all are busy.
  template <class F>
  auto Run(F work) -> std::shared_future<decltype(work())> {
    auto task = std::make_shared<std::packaged_task<decltype(work())()>>(std::move(work));
    Add([task] { (*task)(); });
    return task->get_future().share();
  }

 private:
  void Add(std::function<void()> work);
  void Work();

  const int max_threads_;
  std::mutex mutex_;
  std::condition_variable added_;
  std::deque<std::function<void()>> queue_;
  int threads_ = 0, idle_ = 0;
};

}  // namespace weir
