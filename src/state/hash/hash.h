// The hash of key columns: the same value gives the same hash in every process, on every machine, in every version that
// reads its files. The exchange, spill partitions and snapshots agree by it.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "batch/batch.h"

namespace weir {

/// Keys fall into this many groups, by the top bits of their hash: the unit of exchange, snapshot and restore.
inline constexpr int kKeyGroups = 256;
inline int KeyGroup(uint64_t hash) { return static_cast<int>(hash >> 56); }

/// The lane of `lanes` that owns a hash. Lanes own ranges of key groups.
inline int LaneOfHash(uint64_t hash, int lanes) { return KeyGroup(hash) * lanes / kKeyGroups; }

namespace hash {

inline uint64_t Fold(uint64_t a, uint64_t b) {
  const __uint128_t product = static_cast<__uint128_t>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t Word(uint64_t x) { return Fold(x ^ 0x8ebc6af09c88c6e3ull, 0xa0761d6478bd642full); }
inline uint64_t Combine(uint64_t seed, uint64_t h) {
  return Fold(seed ^ 0xe7037ed1a0b428dbull, h ^ 0x589965cc75374cc3ull);
}
inline constexpr uint64_t kNull = 0x1d8e4e27c47d124full;

/// The shape of wyhash (Wang Yi, final version 3): 16 bytes a step, ends overlap.
inline uint64_t Bytes(const char* data, size_t size) {
  const auto load8 = [](const char* p) {
    uint64_t x;
    std::memcpy(&x, p, 8);
    return x;
  };
  const auto load4 = [](const char* p) {
    uint32_t x;
    std::memcpy(&x, p, 4);
    return uint64_t{x};
  };
  uint64_t seed = 0xa0761d6478bd642full, a = 0, b = 0;
  if (size <= 16) {
    if (size >= 8) {
      a = load8(data);
      b = load8(data + size - 8);
    } else if (size >= 4) {
      a = load4(data);
      b = load4(data + size - 4);
    } else if (size > 0) {
      a = uint64_t{static_cast<uint8_t>(data[0])} << 16 | uint64_t{static_cast<uint8_t>(data[size >> 1])} << 8 |
          static_cast<uint8_t>(data[size - 1]);
    }
  } else {
    size_t left = size;
    for (; left > 16; left -= 16, data += 16) {
      seed = Fold(load8(data) ^ 0xe7037ed1a0b428dbull, load8(data + 8) ^ seed);
    }
    a = load8(data + left - 16);
    b = load8(data + left - 8);
  }
  return Fold(0x8ebc6af09c88c6e3ull ^ size, Fold(a ^ 0xe7037ed1a0b428dbull, b ^ seed));
}

}  // namespace hash

/// Hashes rows of key columns. Remembers the hashes of dictionaries, so keep one per lane and key list. Not
/// thread-safe.
class KeyHasher {
 public:
  /// One hash per row into `out`; no columns: 0. Null is a value like any other; -0.0 is 0.0, all NaN are one.
  Status Hash(const std::vector<ArrayDataPtr>& keys, int64_t rows, uint64_t* out);

 private:
  struct DictionaryHashes {
    ArrayDataPtr dictionary;  // kept alive, so that its address names it
    std::vector<uint64_t> hashes;
  };
  Status HashColumn(const arrow::ArrayData& column, int64_t rows, DictionaryHashes* known, uint64_t* out);

  std::vector<DictionaryHashes> dictionaries_;
  std::vector<uint64_t> scratch_;
};

}  // namespace weir
