// A queue and the threads that empty it.
#include "connectors/s3/io_threads.h"

#include <thread>

#include "env/env.h"

namespace weir {

void IoThreads::Add(std::function<void()> work) {
  std::lock_guard lock(mutex_);
  queue_.push_back(std::move(work));
  if (static_cast<int>(queue_.size()) > idle_ && threads_ < max_threads_) {
    ++threads_;
    std::thread([this] { Work(); }).detach();
  } else {
    added_.notify_one();
  }
}

void IoThreads::Work() {
  SetThreadName("object-io");
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    added_.wait(lock, [&] { return !queue_.empty(); });
    --idle_;
    std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
  }
}

}  // namespace weir
