// KeyedRows: one row of state for each key, kept in columns.
//
// The newest state of a key is a row of some batch; an update appends a batch and leaves the old rows behind, which
// are cleared away when they are more than half. So an update of many keys costs a few gathers, whatever the types.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "batch/batch.h"
#include "batch/interleave.h"
#include "state/hash/group_table.h"

namespace weir {

class KeyedRows {
 public:
  /// `initial` has one row: the state of a key that was never updated.
  KeyedRows(std::vector<TypePtr> key_types, Batch initial);

  /// numbers[i] = the number of the key of row i, valid until Sweep. A new key has the initial state.
  Status Lookup(const std::vector<ArrayDataPtr>& keys, int64_t rows, uint32_t* numbers);
  /// The state of keys, one row each, in that order.
  Result<Batch> Get(std::span<const uint32_t> numbers) const;
  /// Row i of `rows` is now the state of numbers[i], which was last touched at `times[i]`. Numbers differ.
  Status Put(std::span<const uint32_t> numbers, std::span<const int64_t> times, Batch rows);
  /// Back to the initial state.
  void Drop(uint32_t number);
  /// Clears away what was dropped and replaced. Numbers change.
  Status Sweep();
  /// Sweep will change the numbers of keys.
  bool will_renumber() const;

  /// Was updated and not dropped since.
  bool live(uint32_t number) const { return cells_[number].live; }
  /// The latest time of its updates, µs.
  int64_t last_us(uint32_t number) const { return cells_[number].last_us; }
  uint32_t num_keys() const { return static_cast<uint32_t>(cells_.size()); }
  int64_t live_keys() const { return live_; }
  /// The keys of `numbers`.
  Result<std::vector<ArrayDataPtr>> KeyColumns(std::span<const uint32_t> numbers) const;
  /// One column of them.
  Result<ArrayDataPtr> KeyColumn(int column, std::span<const uint32_t> numbers) const;
  int64_t size_bytes() const;

 private:
  struct Cell {
    RowRef ref;  // batch 0 is the initial state
    bool live = false;
    int64_t last_us = 0;
  };
  /// Makes one batch of the live rows of batches [first, end).
  Status MergeFrom(size_t first);
  Status ForgetDropped();

  const std::vector<TypePtr> key_types_;
  std::unique_ptr<GroupTable> keys_;
  std::vector<Cell> cells_;
  std::vector<Batch> batches_;
  std::vector<std::vector<uint32_t>> owners_;  // per batch: the key of each row
  int64_t live_ = 0;
  int64_t kept_rows_ = 0;  // of all batches but the first
};

}  // namespace weir
