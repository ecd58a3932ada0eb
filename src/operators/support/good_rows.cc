// Row errors of a batch: see good_rows.h.
#include "operators/support/good_rows.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <cstring>

namespace weir {

void SortRowErrors(std::vector<RowError>* errors) {
  std::stable_sort(errors->begin(), errors->end(), [](const RowError& a, const RowError& b) { return a.row < b.row; });
  auto same = [](const RowError& a, const RowError& b) { return a.row == b.row; };
  errors->erase(std::unique(errors->begin(), errors->end(), same), errors->end());
}

Result<Selection> GoodRows(int64_t num_rows, const std::vector<RowError>& errors) {
  std::vector<int32_t> rows;
  rows.reserve(num_rows);
  size_t bad = 0;
  for (int64_t row = 0; row < num_rows; ++row) {
    if (bad < errors.size() && errors[bad].row == row) {
      ++bad;
    } else {
      rows.push_back(static_cast<int32_t>(row));
    }
  }
  return SelectionOf(rows);
}

Result<Selection> SelectionOf(const std::vector<int32_t>& rows) {
  WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> buffer, arrow::AllocateBuffer(rows.size() * 4));
  if (!rows.empty()) std::memcpy(buffer->mutable_data(), rows.data(), rows.size() * 4);
  return Selection{std::move(buffer), static_cast<int64_t>(rows.size())};
}

}  // namespace weir
