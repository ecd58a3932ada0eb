// ParquetBody: the rows of one Parquet file while several lanes write it.
//
//   Write → gate (the order of the source) → the row group that grows → rows to encode → encoded → appended
//
// A row group is encoded by whichever lane comes next, and appended when those before it are. What waits is bounded: a
// lane that is ahead of the order is full() until the lane that holds the others up has come along.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "connectors/files/sinks/file_sink.h"
#include "connectors/files/sinks/ordered_gate.h"
#include "formats/parquet/parquet_writer.h"
#include "state/memory_budget.h"

namespace weir {

/// What the bodies of one sink hold together, accounted to the run's budget. Thread-safe.
class ParquetBodyMemory {
 public:
  /// `budget` may be null: then nothing is ever too much.
  explicit ParquetBodyMemory(MemoryBudget* budget);
  void AddBody() { bodies_.fetch_add(1, std::memory_order_relaxed); }
  void RemoveBody() { bodies_.fetch_sub(1, std::memory_order_relaxed); }
  void Add(int64_t bytes);
  /// All bodies hold more than they should and one that holds `bytes` has its share of it or more.
  bool ShouldCut(int64_t bytes) const;

 private:
  const int64_t limit_;
  std::atomic<int64_t> bytes_{0};
  std::atomic<int64_t> bodies_{0};
  std::mutex mutex_;
  MemoryReservation reservation_;
};

class ParquetBody final : public FileBody {
 public:
  /// Of a row group; whichever is reached first.
  struct Limits {
    int64_t rows = 262144;
    int64_t bytes = 64 << 20;
  };

  ParquetBody(std::unique_ptr<ParquetFileWriter> writer, Limits limits, std::shared_ptr<MorselTracker> morsels,
              std::shared_ptr<ParquetBodyMemory> memory);
  ~ParquetBody() override;

  Status Write(Batch batch) override;
  Status Finish() override;
  bool full() const override { return full_.load(std::memory_order_relaxed); }

 private:
  using RowGroup = std::unique_ptr<ParquetFileWriter::RowGroup>;

  struct Rows {
    std::vector<Batch> batches;
    int64_t rows = 0;
    int64_t bytes = 0;
    void Add(Batch batch);
  };
  /// What waits in the gate: rows of one piece, growing; or a row group of it, which some lane may still be encoding.
  struct Item {
    Rows rows;
    bool sealed = false;  // its rows are being encoded, or are
    RowGroup encoded;
  };
  /// Rows to encode, outside of the lock: for a place in the file, or back into the gate.
  struct Job {
    Rows rows;
    int64_t place = -1;
    std::shared_ptr<Item> item;
  };

  bool IsFull(const Rows& rows) const { return rows.rows >= limits_.rows || rows.bytes >= limits_.bytes; }
  // With the lock held:
  void Enqueue(Batch batch);
  void PassGate();
  /// The gate says that it is the turn of `item`. False: it is still being encoded.
  bool Release(Item& item);
  void CutCurrent();
  void UpdateFull();
  /// Encodes until nothing waits for it. Gives up `lock` meanwhile, but for moments.
  Status RunJobs(std::unique_lock<std::mutex>& lock);
  /// Appends the row groups whose turn has come, unless another lane is at it.
  Status AppendReady(std::unique_lock<std::mutex>& lock);

  const std::unique_ptr<ParquetFileWriter> writer_;
  const Limits limits_;
  const std::shared_ptr<ParquetBodyMemory> memory_;
  std::atomic<bool> full_{false};
  std::mutex mutex_;
  OrderedGate<std::shared_ptr<Item>> gate_;
  std::map<int64_t, std::shared_ptr<Item>> open_;  // by piece: the item that takes its next rows
  int64_t held_rows_ = 0, held_bytes_ = 0;         // in the gate, not sealed
  Rows current_;                                   // in order, not yet a row group
  std::deque<Job> jobs_;
  int64_t next_place_ = 0;
  std::map<int64_t, RowGroup> encoded_;  // by place in the file
  int64_t next_append_ = 0;
  bool appending_ = false;
  Status failed_;
};

}  // namespace weir
