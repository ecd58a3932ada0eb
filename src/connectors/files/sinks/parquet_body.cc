// Rows into source order, into row groups, through the encoders of all lanes, into one file.
#include "connectors/files/sinks/parquet_body.h"

#include <algorithm>
#include <limits>

namespace weir {
namespace {

/// A lane that encodes takes about as long for a row group as another takes to read two.
constexpr int64_t kMaxHeldRowGroups = 2;
/// Of the memory budget, for the rows of all files of a sink.
constexpr int64_t kShareOfBudget = 4;
/// Smaller row groups than this cost more than the memory is worth.
constexpr int64_t kMinCutBytes = 256 << 10;

}  // namespace

ParquetBodyMemory::ParquetBodyMemory(MemoryBudget* budget)
    : limit_(budget ? budget->limit_bytes() / kShareOfBudget : std::numeric_limits<int64_t>::max()),
      reservation_(budget) {}

void ParquetBodyMemory::Add(int64_t bytes) {
  const int64_t all = bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  std::lock_guard lock(mutex_);
  reservation_.Set(all);
}

bool ParquetBodyMemory::ShouldCut(int64_t bytes) const {
  const int64_t all = bytes_.load(std::memory_order_relaxed);
  if (all <= limit_ || bytes < kMinCutBytes) return false;
  return bytes >= all / std::max<int64_t>(1, bodies_.load(std::memory_order_relaxed));
}

void ParquetBody::Rows::Add(Batch batch) {
  rows += batch.num_rows();
  bytes += batch.size_bytes();
  batches.push_back(std::move(batch));
}

ParquetBody::ParquetBody(std::unique_ptr<ParquetFileWriter> writer, Limits limits,
                         std::shared_ptr<MorselTracker> morsels, std::shared_ptr<ParquetBodyMemory> memory)
    : writer_(std::move(writer)), limits_(limits), memory_(std::move(memory)), gate_(std::move(morsels)) {
  memory_->AddBody();
}

ParquetBody::~ParquetBody() { memory_->RemoveBody(); }

Status ParquetBody::Write(Batch batch) {
  batch = batch.Compact();
  std::unique_lock lock(mutex_);
  Enqueue(std::move(batch));
  PassGate();
  if (memory_->ShouldCut(current_.bytes)) CutCurrent();
  return RunJobs(lock);
}

Status ParquetBody::Finish() {
  std::unique_lock lock(mutex_);
  gate_.PassAll([&](std::shared_ptr<Item>& item) { return Release(*item); });
  CutCurrent();
  WEIR_RETURN_NOT_OK(RunJobs(lock));
  return writer_->Finish();
}

void ParquetBody::Enqueue(Batch batch) {
  const int64_t morsel = batch.morsel();
  const int64_t rows = batch.num_rows(), bytes = batch.size_bytes();
  std::shared_ptr<Item>& open = open_[morsel];
  if (!open) {
    open = std::make_shared<Item>();
    gate_.Push(morsel, open);
  }
  open->rows.Add(std::move(batch));
  held_rows_ += rows;
  held_bytes_ += bytes;
  memory_->Add(bytes);
  // The rows of the earliest piece pass right away and find their row group there.
  if (IsFull(open->rows)) {
    open->sealed = true;
    held_rows_ -= open->rows.rows;
    held_bytes_ -= open->rows.bytes;
    jobs_.push_back({std::move(open->rows), -1, open});
    open_.erase(morsel);
  }
}

void ParquetBody::PassGate() {
  gate_.Pass([&](std::shared_ptr<Item>& item) { return Release(*item); });
  UpdateFull();
}

bool ParquetBody::Release(Item& item) {
  if (item.sealed && !item.encoded) return false;
  if (item.encoded) {
    CutCurrent();
    encoded_[next_place_++] = std::move(item.encoded);
    return true;
  }
  held_rows_ -= item.rows.rows;
  held_bytes_ -= item.rows.bytes;
  for (Batch& batch : item.rows.batches) {
    current_.Add(std::move(batch));
    if (IsFull(current_)) CutCurrent();
  }
  for (auto it = open_.begin(); it != open_.end(); ++it) {
    if (it->second.get() != &item) continue;
    open_.erase(it);
    break;
  }
  return true;
}

void ParquetBody::CutCurrent() {
  if (current_.batches.empty()) return;
  jobs_.push_back({std::move(current_), next_place_++, nullptr});
  current_ = Rows();
}

void ParquetBody::UpdateFull() {
  full_.store(held_rows_ >= kMaxHeldRowGroups * limits_.rows || held_bytes_ >= kMaxHeldRowGroups * limits_.bytes,
              std::memory_order_relaxed);
}

Status ParquetBody::RunJobs(std::unique_lock<std::mutex>& lock) {
  while (failed_.ok() && !jobs_.empty()) {
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    Result<RowGroup> group = writer_->Encode(std::move(job.rows.batches));
    memory_->Add(-job.rows.bytes);
    lock.lock();
    if (!group.ok()) {
      failed_ = group.status();
    } else if (job.item) {
      job.item->encoded = group.MoveValueUnsafe();
      PassGate();
    } else {
      encoded_[job.place] = group.MoveValueUnsafe();
    }
    WEIR_RETURN_NOT_OK(AppendReady(lock));
  }
  return failed_;
}

Status ParquetBody::AppendReady(std::unique_lock<std::mutex>& lock) {
  if (appending_) return failed_;
  appending_ = true;
  while (failed_.ok() && !encoded_.empty() && encoded_.begin()->first == next_append_) {
    RowGroup group = std::move(encoded_.begin()->second);
    encoded_.erase(encoded_.begin());
    ++next_append_;
    lock.unlock();
    Status status = writer_->Append(std::move(group));
    lock.lock();
    if (!status.ok()) failed_ = std::move(status);
  }
  appending_ = false;
  return failed_;
}

}  // namespace weir
