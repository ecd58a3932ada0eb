// A deque under a mutex: an item is a request or a stretch of a connection, never a row.
#include "connectors/support/arrival_queue.h"

#include "batch/interleave.h"

namespace weir {

bool ArrivalQueue::Reserve(int64_t bytes) {
  std::lock_guard lock(mutex_);
  if (held_bytes_ > 0 && held_bytes_ + bytes > max_bytes_) return false;
  held_bytes_ += bytes;
  return true;
}

bool ArrivalQueue::WaitAndReserve(int64_t bytes) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return closed_ || held_bytes_ == 0 || held_bytes_ + bytes <= max_bytes_; });
  if (closed_) return false;
  held_bytes_ += bytes;
  return true;
}

void ArrivalQueue::Release(int64_t bytes) {
  std::lock_guard lock(mutex_);
  held_bytes_ -= bytes;
  room_.notify_all();
}

bool ArrivalQueue::Push(Arrival arrival) {
  std::lock_guard lock(mutex_);
  if (closed_) {
    held_bytes_ -= arrival.bytes;
    return false;
  }
  arrivals_.push_back(std::move(arrival));
  if (arrivals_.size() == 1 && wake_) wake_();
  return true;
}

void ArrivalQueue::Close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  room_.notify_all();
  if (wake_) wake_();  // the reader finds out that nothing more comes
}

void ArrivalQueue::SetWake(std::function<void()> wake) {
  std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

bool ArrivalQueue::Pop(Arrival* arrival) {
  std::lock_guard lock(mutex_);
  if (arrivals_.empty()) return false;
  *arrival = std::move(arrivals_.front());
  arrivals_.pop_front();
  held_bytes_ -= arrival->bytes;
  room_.notify_all();
  return true;
}

bool ArrivalQueue::empty() const {
  std::lock_guard lock(mutex_);
  return arrivals_.empty();
}

Result<Batch> JoinBatches(std::vector<Batch> batches) {
  if (batches.size() == 1) return std::move(batches[0]);
  std::vector<RowRef> rows;
  for (size_t i = 0; i < batches.size(); ++i) {
    for (int64_t row = 0; row < batches[i].num_rows(); ++row) {
      rows.push_back({static_cast<uint32_t>(i), static_cast<uint32_t>(row)});
    }
  }
  return InterleaveRows(batches, rows);
}

}  // namespace weir
