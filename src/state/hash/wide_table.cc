// Salted slots over an array of keys, probed 1,024 rows at a time behind a prefetch.
#include "state/hash/wide_table.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "state/hash/hash.h"

namespace weir {

namespace {

constexpr int64_t kChunk = 1024;

}  // namespace

uint32_t WideTable::Hash(const uint64_t* key) const {
  uint64_t h = 0;
  for (int i = 0; i < words_; ++i) h = hash::Fold(h ^ 0x9E3779B97F4A7C15ull, key[i] ^ 0x8ebc6af09c88c6e3ull);
  return static_cast<uint32_t>(h >> 32);
}

bool WideTable::Equal(const uint64_t* a, const uint64_t* b) const {
  uint64_t difference = 0;
  for (int i = 0; i < words_; ++i) difference |= a[i] ^ b[i];
  return difference == 0;
}

void WideTable::GrowSlots(uint64_t min_slots) {
  const uint64_t slots = std::max<uint64_t>(std::bit_ceil(min_slots), 256);
  WEIR_CHECK(slots <= (uint64_t{1} << 32), "more than 2^31 groups in one table");
  HugeArray<Slot> fresh;
  fresh.Reserve(slots);
  const int shift = 32 - std::countr_zero(slots);
  for (uint64_t i = 0; i < num_slots_; ++i) {
    if (slots_[i].number_plus_1 == 0) continue;
    uint64_t at = slots_[i].hash >> shift;
    while (fresh[at].number_plus_1 != 0) at = (at + 1) & (slots - 1);
    fresh[at] = slots_[i];
  }
  slots_ = std::move(fresh);
  num_slots_ = slots;
  shift_ = shift;
}

void WideTable::Lookup(const uint64_t* keys, int64_t count, uint32_t* numbers) {
  uint32_t hashes[kChunk];
  for (int64_t begin = 0; begin < count; begin += kChunk) {
    const int64_t chunk = std::min(kChunk, count - begin);
    const uint64_t* rows = keys + begin * words_;
    keys_.Reserve((size_t{size_} + chunk) * words_);
    if ((size_ + static_cast<uint64_t>(chunk)) * 10 > num_slots_ * 7) {
      GrowSlots(std::max(num_slots_ * 2, (size_ + static_cast<uint64_t>(chunk)) * 10 / 7));
    }
    for (int64_t i = 0; i < chunk; ++i) {
      hashes[i] = Hash(rows + i * words_);
      __builtin_prefetch(&slots_[hashes[i] >> shift_], 1);
    }
    for (int64_t i = 0; i < chunk; ++i) {
      const uint64_t* row = rows + i * words_;
      uint64_t at = hashes[i] >> shift_;
      for (;; at = (at + 1) & (num_slots_ - 1)) {
        Slot& slot = slots_[at];
        if (slot.number_plus_1 == 0) {
          std::copy_n(row, words_, keys_.data() + size_t{size_} * words_);
          slot = {hashes[i], ++size_};
          break;
        }
        if (slot.hash == hashes[i] && Equal(key(slot.number_plus_1 - 1), row)) break;
      }
      numbers[begin + i] = slots_[at].number_plus_1 - 1;
    }
  }
}

void WideTable::Find(const uint64_t* keys, int64_t count, uint32_t* numbers) const {
  if (num_slots_ == 0) {
    std::fill_n(numbers, count, kNoGroup);
    return;
  }
  uint32_t hashes[kChunk];
  for (int64_t begin = 0; begin < count; begin += kChunk) {
    const int64_t chunk = std::min(kChunk, count - begin);
    const uint64_t* rows = keys + begin * words_;
    for (int64_t i = 0; i < chunk; ++i) {
      hashes[i] = Hash(rows + i * words_);
      __builtin_prefetch(&slots_[hashes[i] >> shift_], 0);
    }
    for (int64_t i = 0; i < chunk; ++i) {
      const uint64_t* row = rows + i * words_;
      uint64_t at = hashes[i] >> shift_;
      while (slots_[at].number_plus_1 != 0 &&
             !(slots_[at].hash == hashes[i] && Equal(key(slots_[at].number_plus_1 - 1), row))) {
        at = (at + 1) & (num_slots_ - 1);
      }
      numbers[begin + i] = slots_[at].number_plus_1 - 1;
    }
  }
}

}  // namespace weir
