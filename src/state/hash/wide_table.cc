// Salted slots over an array of keys, probed 1,024 rows at a time behind a prefetch.
#include "state/hash/wide_table.h"

#include <algorithm>

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

void WideTable::Lookup(const uint64_t* keys, int64_t count, uint32_t* numbers) {
  uint32_t hashes[kChunk];
  for (int64_t begin = 0; begin < count; begin += kChunk) {
    const int64_t chunk = std::min(kChunk, count - begin);
    const uint64_t* rows = keys + begin * words_;
    keys_.Reserve((size_t{size_} + chunk) * words_);
    slots_.Reserve(size_ + static_cast<uint64_t>(chunk));
    Slot* slots = slots_.data();
    const uint64_t mask = slots_.mask();
    const int shift = slots_.shift();
    for (int64_t i = 0; i < chunk; ++i) {
      hashes[i] = Hash(rows + i * words_);
      __builtin_prefetch(&slots[hashes[i] >> shift], 1);
    }
    for (int64_t i = 0; i < chunk; ++i) {
      const uint64_t* row = rows + i * words_;
      uint64_t at = hashes[i] >> shift;
      for (;; at = (at + 1) & mask) {
        Slot& slot = slots[at];
        if (slot.number_plus_1 == 0) {
          std::copy_n(row, words_, keys_.data() + size_t{size_} * words_);
          slot = {hashes[i], ++size_};
          break;
        }
        if (slot.hash_bits == hashes[i] && Equal(key(slot.number_plus_1 - 1), row)) break;
      }
      numbers[begin + i] = slots[at].number_plus_1 - 1;
    }
  }
}

void WideTable::Find(const uint64_t* keys, int64_t count, uint32_t* numbers) const {
  if (slots_.empty()) {
    std::fill_n(numbers, count, kNoGroup);
    return;
  }
  const Slot* slots = slots_.data();
  const uint64_t mask = slots_.mask();
  const int shift = slots_.shift();
  uint32_t hashes[kChunk];
  for (int64_t begin = 0; begin < count; begin += kChunk) {
    const int64_t chunk = std::min(kChunk, count - begin);
    const uint64_t* rows = keys + begin * words_;
    for (int64_t i = 0; i < chunk; ++i) {
      hashes[i] = Hash(rows + i * words_);
      __builtin_prefetch(&slots[hashes[i] >> shift], 0);
    }
    for (int64_t i = 0; i < chunk; ++i) {
      const uint64_t* row = rows + i * words_;
      uint64_t at = hashes[i] >> shift;
      while (slots[at].number_plus_1 != 0 &&
             !(slots[at].hash_bits == hashes[i] && Equal(key(slots[at].number_plus_1 - 1), row))) {
        at = (at + 1) & mask;
      }
      numbers[begin + i] = slots[at].number_plus_1 - 1;
    }
  }
}

}  // namespace weir
