// Rows that go out as they come: a thread takes deliveries from a bounded queue.
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "connectors/support/delivery_desk.h"
#include "env/env.h"

namespace weir {
namespace {

constexpr size_t kMaxWaiting = 3;  // complete deliveries that wait for the thread; enough that it never waits for rows

class QueuedDelivery final : public DeliveryDesk {
 public:
  QueuedDelivery(const TargetSinkOptions& options, Courier* courier)
      : batch_(options.batch), courier_(courier), thread_([this] { Work(); }) {}
  ~QueuedDelivery() override {
    courier_->Stop();
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  Status Write(Batch batch) override;
  Status Finish() override;
  bool full() const override {
    std::lock_guard lock(mutex_);
    return waiting_.size() >= kMaxWaiting && status_.ok();
  }
  std::vector<RejectedRows> TakeRejected() override {
    std::lock_guard lock(mutex_);
    return std::exchange(rejected_, {});
  }
  bool busy() const override {
    std::lock_guard lock(mutex_);
    return !idle() || !rejected_.empty() || !status_.ok();
  }
  Status status() const override {
    std::lock_guard lock(mutex_);
    return status_;
  }
  // A run that is not durable has nothing to recover; its rows have gone out when it has finished.
  Status Recover(int64_t, const std::string&) override { return Status::OK(); }
  Result<std::string> Prepare(int64_t) override { return std::string(); }
  Status Commit(const std::string&) override { return status(); }
  Status Abort(int64_t) override { return Status::OK(); }

 private:
  using Clock = std::chrono::steady_clock;

  bool idle() const { return waiting_.empty() && gathered_rows_ == 0 && !sending_; }
  void CloseDelivery();
  void Work();
  /// The next delivery; false when there will be none.
  bool Next(std::unique_lock<std::mutex>& lock, Delivery* delivery);

  const BatchConfig batch_;
  Courier* const courier_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Delivery gathered_;
  int64_t gathered_rows_ = 0, gathered_bytes_ = 0;
  Clock::time_point gathered_since_;
  std::deque<Delivery> waiting_;
  std::vector<RejectedRows> rejected_;
  int64_t next_number_ = 1;
  bool sending_ = false, stopping_ = false;
  Status status_;
  std::thread thread_;  // last: it uses the rest
};

void QueuedDelivery::CloseDelivery() {
  gathered_.number = next_number_++;
  waiting_.push_back(std::move(gathered_));
  gathered_ = {};
  gathered_rows_ = gathered_bytes_ = 0;
  changed_.notify_all();
}

Status QueuedDelivery::Write(Batch batch) {
  const int64_t rows = batch.num_rows();
  const int64_t row_bytes = batch.size_bytes() / rows + 1;
  std::lock_guard lock(mutex_);
  for (int64_t at = 0; at < rows && status_.ok();) {
    const int64_t room = std::max<int64_t>((batch_.max_bytes.bytes - gathered_bytes_) / row_bytes, 1);
    const int64_t take = std::min({rows - at, batch_.max_records - gathered_rows_, room});
    if (gathered_rows_ == 0) {
      gathered_since_ = Clock::now();
      changed_.notify_all();  // the thread looks at the clock from now on
    }
    gathered_.rows.push_back(at == 0 && take == rows ? batch : batch.Slice(at, take));
    gathered_rows_ += take;
    gathered_bytes_ += take * row_bytes;
    at += take;
    if (gathered_rows_ >= batch_.max_records || gathered_bytes_ >= batch_.max_bytes.bytes) CloseDelivery();
  }
  return status_;
}

Status QueuedDelivery::Finish() {
  std::unique_lock lock(mutex_);
  if (gathered_rows_ > 0) CloseDelivery();
  changed_.wait(lock, [&] { return idle() || !status_.ok(); });
  return status_;
}

bool QueuedDelivery::Next(std::unique_lock<std::mutex>& lock, Delivery* delivery) {
  for (;;) {
    if (stopping_ || !status_.ok()) return false;
    if (waiting_.empty() && gathered_rows_ > 0) {
      const auto due = gathered_since_ + std::chrono::microseconds(batch_.max_wait.us);
      if (Clock::now() >= due)
        CloseDelivery();
      else
        changed_.wait_until(lock, due);
    } else if (waiting_.empty()) {
      changed_.wait(lock);
    }
    if (waiting_.empty()) continue;
    *delivery = std::move(waiting_.front());
    waiting_.pop_front();
    return true;
  }
}

void QueuedDelivery::Work() {
  SetThreadName("delivery");
  std::unique_lock lock(mutex_);
  for (Delivery delivery; Next(lock, &delivery);) {
    sending_ = true;
    lock.unlock();
    std::vector<RefusedRows> refused;
    const Status status = courier_->Deliver(delivery, &refused);
    lock.lock();
    sending_ = false;
    if (!status.ok()) status_ = status;
    for (RejectedRows& rows : ToRejected(delivery.rows, std::move(refused))) rejected_.push_back(std::move(rows));
    changed_.notify_all();
  }
  changed_.notify_all();
}

}  // namespace

Result<std::unique_ptr<DeliveryDesk>> MakeQueuedDelivery(const TargetSinkOptions& options, Courier* courier) {
  return std::make_unique<QueuedDelivery>(options, courier);
}

}  // namespace weir
