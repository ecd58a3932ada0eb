// WaitingCells: rows that wait for the watermark, as cells. The operator holds them in its own way; this only sees them
// come.
#pragma once

#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "batch/batch.h"
#include "state/snapshot/state_cells.h"

namespace weir {

/// Rows leave when the watermark is beyond their event time, all of them: so nobody need say which. Until the next Put
/// the batches that came are kept; for each row that is put and waits, a few integers. Not thread-safe.
class WaitingCells {
 public:
  /// `keys`: the columns that the exchange before the operator hashes.
  WaitingCells(int table, SchemaPtr schema, std::vector<int> keys)
      : table_(table), schema_(std::move(schema)), keys_(std::move(keys)) {}
  /// Rows are seen from now on.
  void TurnOn() { on_ = true; }
  void Add(const Batch& rows) {
    if (on_) fresh_.push_back(rows);
  }
  /// Puts the rows that have come since the last call and are not older than `watermark`; deletes those that are.
  Status Put(EventTime watermark, StateCells* out);
  /// The rows in the cells of this table, in the order in which they came; none: no cells. Once, before any Add.
  Result<std::vector<Batch>> Restore(const StateCells& cells);

 private:
  struct Stored {
    EventTime time;
    int64_t number;  // counted by lane: numbers of one key group differ
    int group;
    bool operator>(const Stored& other) const { return time > other.time; }
  };
  static std::string KeyOf(int64_t number);

  const int table_;
  const SchemaPtr schema_;
  const std::vector<int> keys_;
  bool on_ = false;
  std::vector<Batch> fresh_;
  std::priority_queue<Stored, std::vector<Stored>, std::greater<>> stored_;
  int64_t next_number_ = 0;
};

}  // namespace weir
