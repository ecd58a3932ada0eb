// What the joins of streams share: which rows meet, rows side by side as a batch, rows that came too late.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/operator.h"
#include "operators/join/hash_join.h"
#include "operators/support/late_rows.h"
#include "state/join/stream_table.h"

namespace weir {

/// A join of two inputs that go on, or whose rows may be taken back.
struct StreamJoinOptions {
  HashJoinOptions join;  // schemas, keys, who is kept, windows, output
  bool changes[2] = {false, false};
  /// Rows without a partner come out at once and are taken back; else they wait until no partner can come any more.
  bool retracts = false;
  bool changes_out = false;  // rows that come out carry weights
  SchemaPtr late_schema;     // of late_rows.h; its element is an object with a field for each input of the step
  int aliases[2] = {-1,
                    -1};  // the field of the late element that rows of a side stand in; below 0: they are never late
};

/// The pairs of a batch with the rows kept of the other side, in pieces.
class PairCursor {
 public:
  /// Partners of a row of time t have times in [t - before_us, t + after_us]; without bounds: any.
  struct Bounds {
    int64_t before_us = 0, after_us = 0;
  };
  /// `groups`: of the batch's rows, may hold kNoGroup. `others` and `bounds` (or null) live until the last Next.
  void Start(const ChainedRows* others, const Int64Column& times, const Bounds* bounds, std::vector<uint32_t> groups);
  /// The next pairs, `limit` at most: rows of the batch, ascending, and row numbers of the other side. False: no more.
  bool Next(size_t limit, std::vector<int32_t>* rows, std::vector<uint32_t>* others);

 private:
  template <bool kBounded>
  void Take(size_t limit, std::vector<int32_t>* rows, std::vector<uint32_t>* others);

  const ChainedRows* others_ = nullptr;
  Int64Column times_;
  const Bounds* bounds_ = nullptr;
  std::vector<uint32_t> groups_;
  size_t row_ = 0;
  uint32_t at_ = ChainedRows::kEnd;  // where the chain of row_ goes on
  bool inside_ = false;
};

/// Takes pairs out whose other row has been taken back.
void DropWeightless(const ChainedRows& others, std::vector<int32_t>* rows, std::vector<uint32_t>* ids);

/// Makes batches of options.output; one per lane.
class JoinedRows {
 public:
  JoinedRows(const StreamJoinOptions& options, const OperatorContext& lane);

  /// Rows `chosen` of `batch`, which is of `side`, beside rows `ids` of `others`. Times: the later of both, the earlier
  /// where the windows' output time is that; weights, where any come out, multiply; no window.
  Result<Batch> Pairs(int side, const Batch& batch, std::vector<int32_t> chosen, const ChainedRows& others,
                      std::span<const uint32_t> ids) const;
  /// Rows of `side` beside nulls, with their times and weights × `sign`; no window.
  Result<Batch> Alone(int side, const Batch& batch, int64_t sign) const;

  /// `rows` of `batch`, which is of `side` and as it came, go to the late output. `window`: the one that is over.
  Status EmitLate(int side, const Batch& batch, const std::vector<int32_t>& rows, const Window& window,
                  EventTime watermark, Emitter& out) const;

 private:
  Result<Batch> Beside(int side, const Batch& rows, const ChainedRows* others, std::span<const uint32_t> ids) const;

  const StreamJoinOptions& options_;
  const ColumnSet needed_;
  const bool earliest_;
  const LateRows late_;
  const bool late_wanted_;
};

}  // namespace weir
