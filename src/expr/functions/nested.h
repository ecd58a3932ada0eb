// Reading and building list, struct and map values in kernels.
#pragma once

#include <arrow/array/data.h>

#include <cstring>
#include <vector>

#include "expr/run/frame.h"
#include "expr/run/writer.h"

namespace weir::expr {

/// Items [begin, end) of a list or map value, as row numbers of array.child_data[0].
struct ItemRange {
  int32_t begin;
  int32_t end;
};

inline ItemRange ItemsOf(NestedRef value) {
  const auto* offsets = value.array->GetValues<int32_t>(1);
  return {offsets[value.row], offsets[value.row + 1]};
}

inline const arrow::ArrayData& ItemsArray(NestedRef value) { return *value.array->child_data[0]; }
/// Keys and values of a map; rows count from the map's ItemsOf plus the offset of its entries.
inline const arrow::ArrayData& KeysOf(const arrow::ArrayData& map) { return *map.child_data[0]->child_data[0]; }
inline const arrow::ArrayData& ValuesOf(const arrow::ArrayData& map) { return *map.child_data[0]->child_data[1]; }

/// Values of a column of plain strings or fixed width, by row.
template <class T>
class ColumnValues {
 public:
  explicit ColumnValues(const arrow::ArrayData& column) : column_(column) {
    if constexpr (std::is_same_v<T, StringRef>) {
      offsets_ = column.buffers[1] ? column.GetValues<int32_t>(1) : nullptr;
      bytes_ = column.buffers[2] ? reinterpret_cast<const char*>(column.buffers[2]->data()) : "";
    }
    days_ = column.type->id() == arrow::Type::DATE32;
    nulls_ = column.GetNullCount() != 0;
  }
  bool IsNull(int64_t row) const { return nulls_ && column_.IsNull(row); }
  T At(int64_t row) const {
    if constexpr (std::is_same_v<T, StringRef>) {
      return {bytes_ + offsets_[row], static_cast<size_t>(offsets_[row + 1] - offsets_[row])};
    } else if constexpr (std::is_same_v<T, uint8_t>) {
      int64_t bit = column_.offset + row;
      return column_.buffers[1]->data()[bit / 8] >> (bit % 8) & 1;
    } else if constexpr (std::is_same_v<T, Int128>) {
      T value;
      std::memcpy(&value, column_.buffers[1]->data() + (column_.offset + row) * 16, 16);
      return value;
    } else {
      if (days_) return static_cast<T>(column_.GetValues<int32_t>(1)[row]);
      return column_.GetValues<T>(1)[row];
    }
  }

 private:
  const arrow::ArrayData& column_;
  const int32_t* offsets_ = nullptr;
  const char* bytes_ = nullptr;
  bool days_ = false;
  bool nulls_ = false;
};

/// The alive rows of `vec`, one behind the other, as a column.
Result<ArrayDataPtr> AliveColumn(Scratch* scratch, const Vec& vec, const TypePtr& type, const Rows& rows);

/// Makes frame.out the lists whose items are rows of `items`: row k of frame.rows has rows[offsets[k]] … rows[offsets[k
/// + 1] - 1].
Status SetLists(Frame* frame, const ArrayDataPtr& items, const std::vector<int32_t>& offsets,
                const std::vector<int32_t>& rows);
/// Makes frame.out refer to rows 0, 1, … of `array`, one for each of frame.rows.
void SetNested(Frame* frame, ArrayDataPtr array);

/// The kernel of split(text, separator): the parts between separators; an empty separator gives the characters.
void Split(Frame& frame);

/// Makes `vec`, of the same type and rows, the result.
void ReplaceOut(Frame* frame, Vec vec);

/// Appends a value as JSON: int64 exact, doubles shortest round trip, times RFC 3339, nested as objects and arrays.
void AppendJson(const arrow::ArrayData& column, int64_t row, std::string* out);
void AppendJsonString(std::string_view s, std::string* out);

}  // namespace weir::expr
