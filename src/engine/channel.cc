// The bounded queue between two tasks.
#include "engine/channel.h"

namespace weir {

void Channel::Push(Message message) {
  bool was_empty;
  {
    std::lock_guard lock(mutex_);
    if (message.kind == MessageKind::kBatch) {
      if (closed_) return;
      message.bytes = message.batch.size_bytes();
      bytes_ += message.bytes;
      ++batches_;
      full_ = OverLimit();
    }
    was_empty = queue_.empty();
    queue_.push_back(std::move(message));
  }
  if (was_empty) wake_consumer_();
}

bool Channel::Pop(Message* out) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (queue_.empty()) return false;
    *out = std::move(queue_.front());
    queue_.pop_front();
    if (out->kind == MessageKind::kBatch) {
      bytes_ -= out->bytes;
      --batches_;
      full_ = OverLimit();
      // Half empty before producers start again: fewer, longer slices.
      if (notify_ && bytes_ <= limits_.bytes / 2 && batches_ <= limits_.batches / 2) {
        notify_ = false;
        wake = true;
      }
    }
  }
  if (wake) wake_producers_();
  return true;
}

bool Channel::empty() const {
  std::lock_guard lock(mutex_);
  return queue_.empty();
}

bool Channel::FullOrNotify() {
  if (!full()) return false;
  std::lock_guard lock(mutex_);
  if (!OverLimit()) return false;
  notify_ = true;
  return true;
}

void Channel::Close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    std::deque<Message> kept;
    for (auto& message : queue_) {
      if (message.kind != MessageKind::kBatch) kept.push_back(std::move(message));
    }
    queue_ = std::move(kept);
    bytes_ = 0;
    batches_ = 0;
    full_ = false;
    notify_ = false;
  }
  wake_producers_();
}

}  // namespace weir
