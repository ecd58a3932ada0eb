// RowCounts: a multiset of rows. Each different row has a number and a count, which may fall below zero for a while,
// when a row is taken back before it came. Not thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "batch/batch.h"
#include "state/hash/group_table.h"

namespace weir {

class RowCounts {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  /// `types`: flowing types of the columns.
  explicit RowCounts(std::vector<TypePtr> types) : table_(std::move(types)) {}

  /// numbers[i] = that of row i of `columns`. A row that is new gets a number and the count 0.
  Status Number(const std::vector<ArrayDataPtr>& columns, int64_t rows, uint32_t* numbers);
  /// Changes the count of a row; gives what it was.
  int64_t Add(uint32_t number, int64_t weight) {
    int64_t& count = counts_[number];
    const int64_t before = count;
    count += weight;
    gone_ += static_cast<int64_t>(count == 0) - static_cast<int64_t>(before == 0);
    return before;
  }
  int64_t count(uint32_t number) const { return counts_[number]; }
  uint32_t size() const { return static_cast<uint32_t>(counts_.size()); }
  /// Column `column` of some rows, plain.
  Result<ArrayDataPtr> Column(int column, std::span<const uint32_t> numbers) const {
    return table_.KeyColumn(column, numbers.data(), static_cast<uint32_t>(numbers.size()));
  }
  /// All columns of some rows.
  Result<std::vector<ArrayDataPtr>> Columns(std::span<const uint32_t> numbers) const {
    std::vector<ArrayDataPtr> columns;
    for (int i = 0; i < num_columns(); ++i) {
      WEIR_ASSIGN_OR_RETURN(ArrayDataPtr column, Column(i, numbers));
      columns.push_back(std::move(column));
    }
    return columns;
  }
  int num_columns() const { return static_cast<int>(table_.key_types().size()); }

  /// Most rows have the count 0.
  bool wants_compaction() const { return gone_ > 4096 && gone_ * 2 > static_cast<int64_t>(counts_.size()); }
  /// Forgets rows whose count is 0. The others get new numbers: result[old], kNone for those that are gone.
  Result<std::vector<uint32_t>> Compact();

  int64_t size_bytes() const { return table_.size_bytes() + static_cast<int64_t>(counts_.capacity() * 8); }
  void Clear();

 private:
  GroupTable table_;
  std::vector<int64_t> counts_;
  int64_t gone_ = 0;  // rows of count 0
};

}  // namespace weir
