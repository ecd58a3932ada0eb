// Loops that the aggregates share: over the valid rows of a batch, and from states to columns.
#pragma once

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <utility>

#include "state/aggregate/aggregate.h"

namespace weir::kernel {

/// fn(row, group, weight) for every row that is not null; `row` counts as in.values->GetValues does. The common case,
/// no nulls and no weights, is a loop without a branch.
template <class Fn>
void ForEachValid(const AggregateRows& in, Fn fn) {
  const int64_t end = in.begin + in.rows;
  const uint32_t* groups = in.groups - in.begin;
  const bool has_nulls = in.values != nullptr && in.values->MayHaveNulls();
  if (!has_nulls && in.weights == nullptr) {
    for (int64_t i = in.begin; i < end; ++i) fn(i, groups[i], 1);
    return;
  }
  const uint8_t* valid = has_nulls ? in.values->buffers[0]->data() : nullptr;
  for (int64_t i = in.begin; i < end; ++i) {
    if (valid != nullptr && !arrow::bit_util::GetBit(valid, in.values->offset + i)) continue;
    fn(i, groups[i], in.weights == nullptr ? 1 : in.weights[i - in.begin]);
  }
}

inline Status CannotRetract(const char* name) {
  return Status::Invalid(name, " cannot take a row back: its input must be append-only");
}

inline bool AnyNegative(const AggregateRows& in) {
  if (in.weights == nullptr) return false;
  for (int64_t i = 0; i < in.rows; ++i) {
    if (in.weights[i] < 0) return true;
  }
  return false;
}

/// A column of `count` values of T: value(i, &out) says whether there is one.
template <class T, class Value>
Result<ArrayDataPtr> MakeColumn(const TypePtr& type, int64_t count, Value value) {
  WEIR_ASSIGN_OR_RETURN(auto values, arrow::AllocateBuffer(count * static_cast<int64_t>(sizeof(T))));
  WEIR_ASSIGN_OR_RETURN(auto bitmap, arrow::AllocateEmptyBitmap(count));
  auto* out = reinterpret_cast<T*>(values->mutable_data());
  uint8_t* bits = bitmap->mutable_data();
  int64_t valid = 0;
  for (int64_t i = 0; i < count; ++i) {
    T one{};
    const bool set = value(i, &one);
    out[i] = one;
    bits[i >> 3] |= static_cast<uint8_t>(set << (i & 7));
    valid += set;
  }
  BufferPtr validity = valid < count ? BufferPtr(std::move(bitmap)) : nullptr;
  return arrow::ArrayData::Make(type, count, {validity, std::move(values)}, count - valid);
}

/// The same for a column without nulls.
template <class T, class Value>
Result<ArrayDataPtr> MakeDense(const TypePtr& type, int64_t count, Value value) {
  WEIR_ASSIGN_OR_RETURN(auto values, arrow::AllocateBuffer(count * static_cast<int64_t>(sizeof(T))));
  auto* out = reinterpret_cast<T*>(values->mutable_data());
  for (int64_t i = 0; i < count; ++i) out[i] = value(i);
  return arrow::ArrayData::Make(type, count, {nullptr, std::move(values)}, 0);
}

/// The same for booleans.
template <class Value>
Result<ArrayDataPtr> MakeBooleans(int64_t count, Value value) {
  WEIR_ASSIGN_OR_RETURN(auto values, arrow::AllocateEmptyBitmap(count));
  WEIR_ASSIGN_OR_RETURN(auto bitmap, arrow::AllocateEmptyBitmap(count));
  int64_t valid = 0;
  for (int64_t i = 0; i < count; ++i) {
    bool one = false;
    const bool set = value(i, &one);
    arrow::bit_util::SetBitTo(values->mutable_data(), i, set && one);
    arrow::bit_util::SetBitTo(bitmap->mutable_data(), i, set);
    valid += set;
  }
  BufferPtr validity = valid < count ? BufferPtr(std::move(bitmap)) : nullptr;
  return arrow::ArrayData::Make(arrow::boolean(), count, {validity, std::move(values)}, count - valid);
}

}  // namespace weir::kernel
