// Vec: one register of a running expression, up to kChunkRows values. Values stand at their row's position in the chunk
// whether or not the other rows are alive, so that columns are used where they lie.
#pragma once

#include <cstdint>
#include <string_view>

#include "batch/batch.h"
#include "batch/types.h"
#include "expr/functions/number_text.h"
#include "expr/run/scratch.h"

namespace weir::expr {

/// How values of a type lie in a register.
enum class Phys : uint8_t {
  kNull,     // no values
  kBool,     // uint8_t, 0 or 1
  kInt,      // int64_t: integer, timestamp, date (days)
  kDouble,   // double
  kString,   // StringRef: string, bytes
  kDecimal,  // Int128
  kNested,   // int32_t: row of Vec::array (list, struct, map)
};

/// A string view without constructor, so that registers of them start undefined.
struct StringRef {
  const char* data;
  size_t size;
  std::string_view view() const { return {data, size}; }
  static StringRef Of(std::string_view s) { return {s.data(), s.size()}; }
};

Phys PhysOf(const arrow::DataType& type);
size_t WidthOf(Phys phys);

/// The rows of a chunk that are alive, ascending: all of [0, count), or those in `index`.
struct Rows {
  const int32_t* index = nullptr;
  int count = 0;
  int chunk = 0;  // rows of the chunk
  bool dense() const { return index == nullptr; }
  int at(int k) const { return index ? index[k] : k; }
};

/// Calls f(row) for each row; the dense loop is one that vectorises.
template <class F>
inline void ForRows(const Rows& rows, F&& f) {
  if (rows.dense()) {
    for (int i = 0; i < rows.count; ++i) f(i);
  } else {
    for (int k = 0; k < rows.count; ++k) f(rows.index[k]);
  }
}

struct Vec {
  Phys phys = Phys::kNull;
  bool constant = false;  // one value, at 0
  const void* values = nullptr;
  const uint8_t* valid = nullptr;           // 1 byte per row, 0 = null; null pointer: no nulls
  const arrow::ArrayData* array = nullptr;  // what kNested rows count in; kept by the Scratch or the batch
  Slab own_values;
  Slab own_valid;

  template <class T>
  const T* data() const {
    return static_cast<const T*>(values);
  }
  bool IsValid(int row) const { return valid == nullptr || valid[constant ? 0 : row] != 0; }
  bool IsConstantNull() const { return constant && valid != nullptr && valid[0] == 0; }
  /// The same values, owned by someone else.
  Vec View() const { return {phys, constant, values, valid, array, {}, {}}; }
};

/// A register of `phys` with undefined values and no nulls.
Vec NewVec(Scratch* scratch, Phys phys);
/// One null for all rows.
Vec NullVec(Phys phys);
/// `vec`'s null bytes, its own to write to: made (all valid) if there are none, copied if they are another's.
uint8_t* MutableValid(Scratch* scratch, Vec* vec, int chunk);

/// The chunk of `column` (a flowing type, or a dictionary of utf8) that begins at row `start`; at least its `alive`
/// rows.
Vec LoadColumn(Scratch* scratch, const arrow::ArrayData& column, int64_t start, const Rows& alive);
/// Row `rows[i]` of `column` for each alive row; -1 and rows where `valid` is 0 give null.
Vec LoadRows(Scratch* scratch, const arrow::ArrayData& column, const int32_t* rows, const uint8_t* valid,
             const Rows& alive);
/// The only row of `column` for all rows.
Vec LoadConstant(Scratch* scratch, const arrow::ArrayData& column);

/// Bits [offset, offset + length) as bytes 0 and 1. True when all are 1.
bool ExpandBits(const uint8_t* bits, int64_t offset, int length, uint8_t* out);
/// Bytes 0 and 1 as bits from bit 0 of `out`; whole bytes are written. Returns how many are 1.
int64_t PackBits(const uint8_t* bytes, int length, uint8_t* out);
/// Rows of `alive` where bytes[row] is not 0 (and valid[row], unless null), into `out`; returns how many.
int SelectRows(const uint8_t* bytes, const uint8_t* valid, const Rows& alive, int32_t* out);

}  // namespace weir::expr
