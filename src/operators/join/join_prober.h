// JoinProber: batches of one side of a join → joined batches, with the other side in a table.
#pragma once

#include <optional>
#include <vector>

#include "operators/join/hash_join.h"
#include "state/join/join_table.h"

namespace weir {

/// For one lane; not thread-safe. The table may be shared.
class JoinProber {
 public:
  /// `context` gives the size of batches and the columns of options.output that are needed.
  JoinProber(const HashJoinOptions& options, const OperatorContext& context) : options_(options), context_(context) {}

  /// The next batch of the probing side. `table` (finished, of the other side) lives until Next gives nothing.
  Status Start(const JoinTable* table, Side build, Batch batch);
  /// A joined batch; nullopt when the batch is through. `matched`, unless empty: by position, set where it was met.
  Result<std::optional<Batch>> Next(std::vector<bool>* matched);
  bool busy() const { return table_ != nullptr; }

 private:
  /// Fills probe_rows_ and positions_ with the next pairs.
  void TakePairs();
  void TakeUniquePairs();
  Result<Batch> Join(const Batch& probe_rows, bool matched);

  const HashJoinOptions& options_;
  const OperatorContext& context_;
  const JoinTable* table_ = nullptr;
  int build_ = kRight;
  Batch current_;
  GroupTable::Scratch scratch_;
  std::vector<uint32_t> groups_;
  int64_t row_ = 0;      // next probe row
  uint32_t offset_ = 0;  // within its group
  std::vector<int32_t> probe_rows_;
  std::vector<uint32_t> positions_;
};

}  // namespace weir
