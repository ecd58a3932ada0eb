// RowMultiset: how often each row was there in the last reading of something, and how that differs from this one.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "batch/batch.h"
#include "state/hash/group_table.h"

namespace weir {

/// Rows are equal when the columns that are compared are; null equals null. One thread at a time.
class RowMultiset {
 public:
  /// `columns` of `schema` are compared, and given; the others are pruned.
  RowMultiset(SchemaPtr schema, std::vector<int> columns);

  /// Rows of the reading at hand, each once. At most 2^31 different ones.
  Status Add(const Batch& batch);
  /// The reading at hand counts for nothing.
  void Discard();
  /// The reading is complete: TakeChanges gives what it changes, then it is the last one.
  void Complete();
  /// The next at most `rows` rows that have changed, with weights: first those that are gone, then those that are new.
  /// Nothing when there are no more.
  Result<std::optional<Batch>> TakeChanges(int64_t rows);

  /// The rows of the last reading with how often each was there, at most `rows` from number `*next` on, which is moved;
  /// nothing at the end. Of the compared columns.
  Result<std::optional<Batch>> LastRows(int64_t rows, uint32_t* next) const;
  /// Rows of the last reading of an earlier run, and how often each was there. Before the first Add.
  Status SetLast(const Batch& rows, const int64_t* counts);

  /// Different rows that are kept, those that are gone included.
  int64_t num_rows() const { return table_->num_groups(); }
  int64_t size_bytes() const;

 private:
  Result<Batch> RowsOf(const std::vector<uint32_t>& groups, const std::vector<int64_t>& weights) const;
  /// Forgets rows that are gone, when they are the larger part.
  Status Compact();
  std::unique_ptr<GroupTable> NewTable() const;

  const SchemaPtr schema_;
  const std::vector<int> columns_;
  std::unique_ptr<GroupTable> table_;
  std::vector<int64_t> last_, now_;  // by group: how often
  std::vector<uint32_t> groups_;     // scratch
  bool giving_new_ = false;          // what is gone has been given
  uint32_t next_ = 0;                // group to look at
};

}  // namespace weir
