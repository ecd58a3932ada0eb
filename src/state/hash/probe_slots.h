// ProbeSlots: the slots of a table with linear probing, in the order of their hashes, so that growing reads and writes
// them front to back. Not thread-safe.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>

#include "base/check.h"
#include "state/hash/huge_buffer.h"

namespace weir {

/// Slot has `number_plus_1` (0: free) and `hash()`, 32 bits whose top bits are the first slot to try.
template <class Slot>
class ProbeSlots {
 public:
  /// Room for `size` entries below a load of 0.7.
  void Reserve(uint64_t size) {
    if (size * 10 > count_ * 7) Grow(std::max(count_ * 2, size * 10 / 7));
  }
  /// What Reserve(size) would add in one piece, but for the first.
  int64_t growth_bytes(uint64_t size) const {
    return count_ > 0 && size * 10 > count_ * 7 ? static_cast<int64_t>(count_ * 2 * sizeof(Slot)) : 0;
  }
  void Clear() { *this = ProbeSlots(); }

  Slot* data() { return slots_.data(); }
  const Slot* data() const { return slots_.data(); }
  bool empty() const { return count_ == 0; }
  uint64_t mask() const { return count_ - 1; }
  /// The first slot of a hash is hash >> shift().
  int shift() const { return shift_; }
  int64_t size_bytes() const { return static_cast<int64_t>(slots_.size_bytes()); }

 private:
  void Grow(uint64_t min_count) {
    const uint64_t count = std::max<uint64_t>(std::bit_ceil(min_count), 256);
    WEIR_CHECK(count <= (uint64_t{1} << 32), "more than 2^31 groups in one table");
    HugeArray<Slot> fresh;
    fresh.Reserve(count);
    const int shift = 32 - std::countr_zero(count);
    for (uint64_t i = 0; i < count_; ++i) {
      if (slots_[i].number_plus_1 == 0) continue;
      uint64_t at = slots_[i].hash() >> shift;
      while (fresh[at].number_plus_1 != 0) at = (at + 1) & (count - 1);
      fresh[at] = slots_[i];
    }
    slots_ = std::move(fresh);
    count_ = count;
    shift_ = shift;
  }

  HugeArray<Slot> slots_;
  uint64_t count_ = 0;
  int shift_ = 32;
};

}  // namespace weir
