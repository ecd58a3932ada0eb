// IntTable: 64-bit keys → dense numbers 0, 1, 2 … in order of first appearance.
//
// While the keys lie in a range not much wider than their count, a number is found by indexing an array by the key;
// else by linear probing. It changes over by itself, numbers stay. Not thread-safe.
#pragma once

#include <cstdint>

#include "state/hash/huge_buffer.h"

namespace weir {

inline constexpr uint32_t kNoGroup = UINT32_MAX;

class IntTable {
 public:
  /// numbers[i] = the number of keys[i]; a new key gets the next one. At most 2^31 numbers.
  void Lookup(const int64_t* keys, int64_t count, uint32_t* numbers);
  /// The same for keys that must be there already, kNoGroup for the others. Does not change the table: several threads
  /// may call it at once.
  void Find(const int64_t* keys, int64_t count, uint32_t* numbers) const;
  /// No Lookup comes any more: prepares for many Find.
  void Freeze();
  /// A number that no key has (for null). Its entry in keys() is 0.
  uint32_t AddWithoutKey();

  uint32_t size() const { return size_; }
  /// keys()[number].
  const int64_t* keys() const { return keys_.data(); }
  bool is_direct() const { return mode_ == Mode::kDirect; }
  int64_t size_bytes() const;
  /// What `count` new keys would add in one piece: slots double in place.
  int64_t growth_bytes(int64_t count) const {
    const bool full = mode_ == Mode::kHash && (size_ + static_cast<uint64_t>(count)) * 10 > num_slots_ * 7;
    return full ? static_cast<int64_t>(num_slots_ * sizeof(Slot)) : 0;
  }
  /// No Lookup or Find comes any more: gives back what only they need. keys() stay.
  void EndLookups();
  /// Forgets everything and gives the memory back.
  void Clear();

 private:
  struct Slot {
    int64_t key;
    uint32_t number_plus_1;  // 0: free
    uint32_t unused;
  };
  enum class Mode { kEmpty, kDirect, kHash };

  static uint64_t Hash(int64_t key) {
    const auto x = static_cast<uint64_t>(key);
    return (x ^ (x >> 32)) * 0x9E3779B97F4A7C15ull;
  }
  uint32_t Insert(int64_t key) {
    keys_[size_] = key;
    return ++size_;
  }
  bool WantsDirect(int64_t min, int64_t max, int64_t keys) const;
  void CoverDirect(int64_t min, int64_t max);
  void ToDirect(int64_t min, int64_t max);
  void ToHash(uint64_t min_slots);
  void LookupHash(const int64_t* keys, int64_t count, uint32_t* numbers);
  void FindHash(const int64_t* keys, int64_t count, uint32_t* numbers) const;
  bool RoomForHash(int64_t count);

  Mode mode_ = Mode::kEmpty;
  uint32_t size_ = 0;
  uint32_t without_key_ = kNoGroup;
  int64_t min_ = 0, max_ = -1;  // of the keys seen
  HugeArray<int64_t> keys_;
  // Direct: direct_[key - base_] = number + 1, for keys in [base_, base_ + width_).
  HugeArray<uint32_t> direct_;
  int64_t base_ = 0;
  uint64_t width_ = 0;
  // Hash: the top bits of the hash are the first slot, so growing keeps the order of slots.
  HugeArray<Slot> slots_;
  int shift_ = 64;
  uint64_t num_slots_ = 0;
  // Frozen, where the range of the keys allows: bit key - min_ is set for a key that is there.
  HugeArray<uint64_t> present_;
};

}  // namespace weir
