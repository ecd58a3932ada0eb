// StateTable: a collection kept as a table that can be asked while it changes: what is true now, or was as of an event
// time.
//
// It is a log of rows in the order in which they came. What is asked is made of the log then; what is older than the
// history is folded into one row per key (or per row, of changes), so that the log stays within a few times the size of
// the table and its history.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "state/table/table_log.h"

namespace weir {

class StateCells;

/// How rows become a table.
enum class TableForm {
  kLatest,   // the last row of each key, and window where rows have one; a row of negative weight removes it
  kChanges,  // weights: rows are added and taken back
  kSums,  // rows of a running sum, added and taken back: as of a time, each key has the sum of its changes up to then
  kLatestSums,  // rows of a running sum, each in place of the one before it
};

struct StateTableOptions {
  std::string name;
  SchemaPtr schema;
  std::vector<int> keys;  // columns; not empty
  TableForm form = TableForm::kLatest;
  bool has_window = false;
  int64_t history_us = 0;            // event times that far before the watermark can be asked for
  int64_t min_fold_rows = 64 << 10;  // a log of fewer rows is not worth folding
};

/// Thread-safe: lanes append, others read.
class StateTable {
 public:
  /// Of the sums, all columns that are no keys must be integers, numbers or decimals.
  explicit StateTable(StateTableOptions options);
  ~StateTable();

  const std::string& name() const { return options_.name; }
  /// Of what Read gives: the columns, then `window_start` and `window_end` where rows have windows.
  const SchemaPtr& schema() const { return result_schema_; }

  /// Rows of one lane; rows of one key always come from the same lane.
  Status Append(const Batch& batch);
  /// The least watermark of all lanes; decides what is old enough to be folded.
  void SetWatermark(EventTime watermark);

  struct Snapshot {
    Batch rows;
    EventTime watermark = kMinEventTime;
  };
  /// What the table holds now, or as of event time `as_of`: made of the rows that are not younger. Errors: Invalid when
  /// `as_of` is older than the history.
  Result<Snapshot> Read(std::optional<EventTime> as_of) const;
  /// Puts what has come since the last call, from the first on; after a fold everything. Cells of no key group.
  Status PutChanges(StateCells* out);
  /// Goes on with what another put, and forgets what was there.
  Status Restore(const StateCells& cells);
  /// About; of the log.
  int64_t size_bytes() const;

 private:
  Status FoldIfDue();

  const StateTableOptions options_;
  SchemaPtr result_schema_;
  mutable std::mutex mutex_;
  TableLog log_;
  std::unique_ptr<SumDeltas> deltas_;  // kLatestSums
  EventTime watermark_ = kMinEventTime;
  EventTime folded_until_ = kMinEventTime;
  int64_t rows_after_fold_ = 0;
  // Cells of rows are numbered; those in [first_cell_, next_cell_) are there, of the first put_pieces_ of the log.
  int64_t first_cell_ = 0, next_cell_ = 0;
  size_t put_pieces_ = 0;
};

}  // namespace weir
