// Compares whole rows, column by column.
#include "state/top/row_compare.h"

#include <arrow/array/data.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <cmath>
#include <cstring>
#include <string_view>

namespace weir {
namespace {

template <typename T>
int Compare3(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

bool IsNull(const arrow::ArrayData& column, int64_t row) {
  return column.buffers[0] != nullptr && !arrow::bit_util::GetBit(column.buffers[0]->data(), column.offset + row);
}

std::string_view Text(const arrow::ArrayData& column, int64_t row) {
  const arrow::ArrayData* values = &column;
  if (column.type->id() == arrow::Type::DICTIONARY) {
    row = column.GetValues<int32_t>(1)[row];
    values = column.dictionary.get();
  }
  const auto* offsets = values->GetValues<int32_t>(1);
  const auto* bytes = reinterpret_cast<const char*>(values->buffers[2] ? values->buffers[2]->data() : nullptr);
  return {bytes + offsets[row], static_cast<size_t>(offsets[row + 1] - offsets[row])};
}

template <typename T>
int CompareAs(const arrow::ArrayData& a, int64_t i, const arrow::ArrayData& b, int64_t j) {
  return Compare3(a.GetValues<T>(1)[i], b.GetValues<T>(1)[j]);
}

int CompareDoubles(double x, double y) {
  if (std::isnan(x) || std::isnan(y)) return Compare3(std::isnan(x), std::isnan(y));
  return Compare3(x, y);
}

int CompareDecimals(const arrow::ArrayData& a, int64_t i, const arrow::ArrayData& b, int64_t j) {
  const auto* x = a.GetValues<uint64_t>(1, 2 * a.offset) + 2 * i;
  const auto* y = b.GetValues<uint64_t>(1, 2 * b.offset) + 2 * j;
  if (x[1] != y[1]) return Compare3(static_cast<int64_t>(x[1]), static_cast<int64_t>(y[1]));
  return Compare3(x[0], y[0]);
}

int CompareValues(const arrow::ArrayData& a, int64_t i, const arrow::ArrayData& b, int64_t j) {
  const bool a_null = IsNull(a, i), b_null = IsNull(b, j);
  if (a_null || b_null) return Compare3(a_null, b_null);
  switch (a.type->id()) {
    case arrow::Type::BOOL:
      return Compare3(arrow::bit_util::GetBit(a.buffers[1]->data(), a.offset + i),
                      arrow::bit_util::GetBit(b.buffers[1]->data(), b.offset + j));
    case arrow::Type::INT64:
    case arrow::Type::TIMESTAMP:
      return CompareAs<int64_t>(a, i, b, j);
    case arrow::Type::DATE32:
      return CompareAs<int32_t>(a, i, b, j);
    case arrow::Type::DOUBLE:
      return CompareDoubles(a.GetValues<double>(1)[i], b.GetValues<double>(1)[j]);
    case arrow::Type::DECIMAL128:
      return CompareDecimals(a, i, b, j);
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
    case arrow::Type::DICTIONARY:
      return Text(a, i).compare(Text(b, j));
    default:
      return 0;
  }
}

}  // namespace

int CompareRows(const Batch& a, int64_t i, const Batch& b, int64_t j) {
  for (int column = 0; column < a.num_columns(); ++column) {
    if (a.is_pruned(column) || b.is_pruned(column)) continue;
    const int order = CompareValues(*a.column(column), i, *b.column(column), j);
    if (order != 0) return order;
  }
  return 0;
}

}  // namespace weir
