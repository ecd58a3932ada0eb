// Windows as key columns: how the grouping steps (Combine, Join) tell rows of different windows apart, and how they
// turn those columns into windows again. Times in µs, columns int64.
#pragma once

#include <memory>
#include <vector>

#include "batch/batch.h"
#include "state/aggregate/spilling_aggregator.h"
#include "time/windowing.h"

namespace weir {

/// How the rows of a collection are told apart by time.
class WindowKeys {
 public:
  WindowKeys() = default;
  /// `has_window`: rows carry the windows that an earlier grouping step gave them.
  WindowKeys(const WindowingStrategy& windowing, bool has_window);

  /// Key columns: none (global) · window start (fixed; sliding windows that rows carry already) · slice start (sliding)
  /// · start and end (sessions).
  int num_columns() const;
  Result<std::vector<ArrayDataPtr>> Columns(const Batch& batch) const;
  /// Windows are made of several keys: slices, or sessions that overlap. Then Regroup() must see all groups of a key.
  bool needs_regroup() const { return sliced_ || windowing_.kind == WindowKind::kSessions; }
  /// The first `num_keys` key columns are the user's, the others those of Columns(). Gives groups whose windows are
  /// final: start (and end, for sessions) instead. Windows of slices come in order, few at a time, so that the groups
  /// of all windows are never in memory together.
  Result<std::unique_ptr<Regrouping>> Regroup(const GroupAggregator& groups, size_t num_keys,
                                              const std::vector<AggregateCall>& calls) const;
  /// Gives `batch` the windows of final key columns, and the event time that output of these windows has.
  void SetWindows(const std::vector<ArrayDataPtr>& columns, Batch* batch) const;

  const WindowingStrategy& windowing() const { return windowing_; }

 private:
  Status MergeSessions(const GroupAggregator& groups, size_t num_keys, GroupAggregator* out) const;

  WindowingStrategy windowing_;
  bool has_window_ = false;
  bool sliced_ = false;
};

}  // namespace weir
