// The log behind a StateTable, and what it adds up to.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "batch/batch.h"
#include "state/hash/group_table.h"

namespace weir {

using Wide = __int128;  // integers, and decimals without their point

/// Rows with the order in which they came.
struct TableLog {
  struct Piece {
    Batch rows;
    std::vector<int64_t> order;  // per row; empty: first, first + 1 …
    int64_t first = 0;
  };
  std::vector<Piece> pieces;
  int64_t rows = 0;
  int64_t next = 0;  // order of the next row

  void Add(Batch batch);
};

/// All rows of a log in one batch.
struct JoinedLog {
  Batch rows;
  std::vector<int64_t> order;
};
Result<JoinedLog> JoinLog(const TableLog& log, const SchemaPtr& schema);

/// Rows whose event time is not after `time`, or (`after`) is.
Result<JoinedLog> RowsUntil(const JoinedLog& log, EventTime time, bool after = false);

/// The row that came last of each key (and window, where rows have one); `keep_removals`: also of keys whose last row
/// removes them.
Result<JoinedLog> LatestRows(const JoinedLog& log, const std::vector<int>& keys, bool keep_removals);
/// Equal rows with the sum of their weights; those with 0 are gone. `only_present`: rows of a table, as often as their
/// weight says, without those below 0.
Result<JoinedLog> NetRows(const JoinedLog& log, bool only_present);
/// One row per key: the sums of the other columns times weight, and the sum of weights. Keys where all of that is 0 are
/// gone.
Result<JoinedLog> SummedRows(const JoinedLog& log, const std::vector<int>& keys);

/// `column` (integers, numbers or decimals) times weight; null counts as 0.
Result<ArrayDataPtr> TimesWeight(const ArrayDataPtr& column, const Int64Column& weight, int64_t rows);
/// A column of timestamps.
ArrayDataPtr TimestampsOf(const Int64Column& times, int64_t rows);

/// Turns rows that replace the row of their key into what they add to it: summed up they are the last row again. Not
/// thread-safe.
class SumDeltas {
 public:
  SumDeltas(const SchemaPtr& schema, std::vector<int> keys);
  /// Weight +1 for the first row of a key, 0 for the others.
  Result<Batch> Convert(const Batch& batch);

 private:
  const std::vector<int> keys_;
  GroupTable groups_;
  std::vector<std::vector<Wide>> last_whole_;  // by column, group: of integers and decimals
  std::vector<std::vector<double>> last_double_;
  std::vector<bool> known_;  // by group
};

}  // namespace weir
