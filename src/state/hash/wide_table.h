// WideTable: keys of several 64-bit words → dense numbers, for key lists that do not fit into one word. Not
// thread-safe.
#pragma once

#include <cstdint>

#include "state/hash/huge_buffer.h"
#include "state/hash/int_table.h"
#include "state/hash/probe_slots.h"

namespace weir {

class WideTable {
 public:
  explicit WideTable(int words = 1) : words_(words) {}
  /// `keys` holds `words` words per row. As IntTable::Lookup and Find.
  void Lookup(const uint64_t* keys, int64_t count, uint32_t* numbers);
  void Find(const uint64_t* keys, int64_t count, uint32_t* numbers) const;

  uint32_t size() const { return size_; }
  const uint64_t* key(uint32_t number) const { return keys_.data() + size_t{number} * words_; }
  int64_t size_bytes() const { return static_cast<int64_t>(keys_.size_bytes()) + slots_.size_bytes(); }
  /// What `count` new keys would add in one piece.
  int64_t growth_bytes(int64_t count) const { return slots_.growth_bytes(size_ + static_cast<uint64_t>(count)); }
  /// No Lookup or Find comes any more: gives back what only they need.
  void EndLookups() { slots_.Clear(); }
  void Clear() { *this = WideTable(words_); }

 private:
  struct Slot {
    uint32_t hash_bits;
    uint32_t number_plus_1;  // 0: free
    uint32_t hash() const { return hash_bits; }
  };
  uint32_t Hash(const uint64_t* key) const;
  bool Equal(const uint64_t* a, const uint64_t* b) const;

  int words_;
  uint32_t size_ = 0;
  HugeArray<uint64_t> keys_;
  ProbeSlots<Slot> slots_;
};

}  // namespace weir
