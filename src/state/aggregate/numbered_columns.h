// Columns for numbers that are anything but consecutive, out of a function that gives them for ranges.
#pragma once

#include <span>
#include <vector>

#include "batch/batch.h"
#include "batch/gather.h"
#include "batch/gather_rows.h"
#include "batch/row_error.h"

namespace weir {

/// Row i of the columns is that of number numbers[i]. `range` is Result<columns> (begin, end, errors), its errors
/// counted from `begin`; those of the numbers asked for go to `errors` (may be null), counted in `numbers`.
template <class Range>
Result<std::vector<ArrayDataPtr>> ColumnsOfNumbers(std::span<const uint32_t> numbers, std::vector<RowError>* errors,
                                                   Range range) {
  std::vector<std::vector<ArrayDataPtr>> runs;
  std::vector<SourceRow> rows;
  rows.reserve(numbers.size());
  for (size_t begin = 0; begin < numbers.size();) {
    size_t end = begin + 1;
    while (end < numbers.size() && numbers[end] == numbers[begin] + (end - begin)) ++end;
    std::vector<RowError> of_run;
    WEIR_ASSIGN_OR_RETURN(auto columns, range(numbers[begin], numbers[end - 1] + 1, &of_run));
    for (RowError& error : of_run) {
      error.row += static_cast<int64_t>(begin);
      if (errors != nullptr) errors->push_back(std::move(error));
    }
    for (size_t i = begin; i < end; ++i) {
      rows.push_back({static_cast<int32_t>(runs.size()), static_cast<int32_t>(i - begin)});
    }
    runs.push_back(std::move(columns));
    begin = end;
  }
  if (runs.size() == 1) return std::move(runs[0]);
  std::vector<ArrayDataPtr> out;
  for (size_t i = 0; !runs.empty() && i < runs[0].size(); ++i) {
    std::vector<ArrayDataPtr> sources;
    for (const auto& run : runs) sources.push_back(run[i]);
    WEIR_ASSIGN_OR_RETURN(auto column, GatherRows(runs[0][i]->type, sources, rows));
    out.push_back(std::move(column));
  }
  return out;
}

}  // namespace weir
