// ChainedRows: rows that come in batches and are found again by the group of their key, newest first.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "batch/batch.h"
#include "batch/interleave.h"

namespace weir {

/// Columns of whole batches, and for each row a few integers: no allocation per row. A row's number counts the rows in
/// the order in which they were added. Not thread-safe.
class ChainedRows {
 public:
  static constexpr uint32_t kEnd = UINT32_MAX;

  /// `weights`: rows may carry weights, else all are 1.
  ChainedRows(SchemaPtr schema, bool weights) : schema_(std::move(schema)), weighted_(weights) {}

  /// `groups`: of each row. Columns that are pruned stay so.
  Status Add(const Batch& batch, std::span<const uint32_t> groups);

  uint32_t num_rows() const { return static_cast<uint32_t>(next_.size()); }
  /// The newest row of a group, then the one before `row`; kEnd: none.
  uint32_t head(uint32_t group) const { return group < heads_.size() ? heads_[group] : kEnd; }
  uint32_t next(uint32_t row) const { return next_[row]; }
  EventTime time(uint32_t row) const { return times_[row]; }
  int64_t weight(uint32_t row) const { return weighted_ ? weights_[row] : 1; }
  /// The same row came again, or was taken back. One whose weight is 0 stays in its chain.
  void AddWeight(uint32_t row, int64_t weight) { weights_[row] += weight; }
  /// Puts the rows of a group into another order: `rows` are all of its rows.
  void Relink(uint32_t group, std::span<const uint32_t> rows);

  Result<ArrayDataPtr> Gather(int column, std::span<const uint32_t> rows) const;
  /// Whole rows with their times, and where they carry them their weights as they are now.
  Result<Batch> GatherRows(std::span<const uint32_t> rows) const;

  const SchemaPtr& schema() const { return schema_; }
  bool weighted() const { return weighted_; }
  int64_t size_bytes() const;
  void Clear();

 private:
  Status MergeTail();
  std::vector<RowRef> Refs(std::span<const uint32_t> rows) const;

  const SchemaPtr schema_;
  const bool weighted_;
  std::vector<Batch> batches_;
  std::vector<uint32_t> first_rows_;  // by batch
  std::vector<RowRef> refs_;          // by row
  std::vector<uint32_t> next_;
  std::vector<EventTime> times_;
  std::vector<int64_t> weights_;  // where weighted
  std::vector<uint32_t> heads_;   // by group
  int64_t batch_bytes_ = 0;
};

}  // namespace weir
