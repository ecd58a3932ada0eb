// The two random number generators of the Nexmark source. Both start anew at every event, so an event is a pure
// function of its number and a reader can begin anywhere.
#pragma once

#include <cstdint>

namespace weir::nexmark {

/// java.util.Random: the 48-bit linear congruential generator of Beam's event generator, bit for bit.
class JavaRandom {
 public:
  JavaRandom(uint64_t /*seed*/, int64_t event_id) : state_((static_cast<uint64_t>(event_id) ^ kMultiplier) & kMask) {}

  /// Uniform over all int32.
  int32_t NextInt32() { return static_cast<int32_t>(Next(32)); }

  /// Uniform over [0, bound), bound > 0: with Java's shortcut for powers of two and its rejection loop.
  int32_t NextInt(int32_t bound) {
    if ((bound & -bound) == bound) return static_cast<int32_t>((static_cast<int64_t>(bound) * Next(31)) >> 31);
    int32_t bits, value;
    do {
      bits = static_cast<int32_t>(Next(31));
      value = bits % bound;
    } while (static_cast<int64_t>(bits) - value + (bound - 1) > INT32_MAX);
    return value;
  }

  /// Uniform over [0, 1) with 53 bits.
  double NextDouble() {
    uint64_t high = Next(26);
    return static_cast<double>((high << 27) + Next(27)) * 0x1.0p-53;
  }

 private:
  static constexpr uint64_t kMultiplier = 0x5DEECE66DULL;
  static constexpr uint64_t kMask = (uint64_t{1} << 48) - 1;

  uint32_t Next(int bits) {
    state_ = (state_ * kMultiplier + 0xB) & kMask;
    return static_cast<uint32_t>(state_ >> (48 - bits));
  }

  uint64_t state_;
};

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014), seeded by a mix of
/// seed and event number. Java's generator correlates the first draws of neighbouring seeds, which gives runs of
/// hundreds of equal auctions and flatters every cache; this one does not.
class MixedRandom {
 public:
  MixedRandom(uint64_t seed, int64_t event_id) : state_(Mix(seed + kGamma * static_cast<uint64_t>(event_id))) {}

  int32_t NextInt32() { return static_cast<int32_t>(Next() >> 32); }
  /// Multiply and shift: the bias of at most bound / 2^32 is of no consequence for bounds this small.
  int32_t NextInt(int32_t bound) {
    return static_cast<int32_t>(((Next() >> 32) * static_cast<uint64_t>(static_cast<uint32_t>(bound))) >> 32);
  }
  double NextDouble() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

 private:
  static constexpr uint64_t kGamma = 0x9E3779B97F4A7C15ULL;

  static uint64_t Mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  uint64_t Next() { return Mix(state_ += kGamma); }

  uint64_t state_;
};

}  // namespace weir::nexmark
