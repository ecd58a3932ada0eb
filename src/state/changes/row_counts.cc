// Rows are found by a GroupTable over all their columns; it cannot forget, so it is made anew when most are gone.
#include "state/changes/row_counts.h"

#include <arrow/array/data.h>
#include <arrow/type.h>

namespace weir {

Status RowCounts::Number(const std::vector<ArrayDataPtr>& columns, int64_t rows, uint32_t* numbers) {
  WEIR_RETURN_NOT_OK(table_.Lookup(columns, rows, numbers));
  const size_t now = table_.num_groups();
  gone_ += static_cast<int64_t>(now - counts_.size());
  counts_.resize(now, 0);
  return Status::OK();
}

Result<std::vector<uint32_t>> RowCounts::Compact() {
  std::vector<uint32_t> moved(counts_.size(), kNone), kept, numbers;
  std::vector<int64_t> counts;
  for (uint32_t number = 0; number < size(); ++number) {
    if (counts_[number] == 0) continue;
    kept.push_back(number);
    counts.push_back(counts_[number]);
  }
  std::vector<ArrayDataPtr> columns;
  for (int i = 0; i < num_columns(); ++i) {
    WEIR_ASSIGN_OR_RETURN(ArrayDataPtr column, Column(i, kept));
    columns.push_back(std::move(column));
  }
  Clear();
  numbers.resize(kept.size());
  if (kept.empty()) return moved;
  WEIR_RETURN_NOT_OK(Number(columns, static_cast<int64_t>(kept.size()), numbers.data()));
  for (size_t i = 0; i < kept.size(); ++i) {
    Add(numbers[i], counts[i]);
    moved[kept[i]] = numbers[i];
  }
  return moved;
}

void RowCounts::Clear() {
  table_.Clear();
  counts_.clear();
  gone_ = 0;
}

}  // namespace weir
