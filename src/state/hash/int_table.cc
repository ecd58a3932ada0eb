// Direct arrays and linear probing in one table. Probing works on 1,024 keys at a time: hash and prefetch all, then
// probe all.
#include "state/hash/int_table.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/check.h"

namespace weir {

namespace {

constexpr int64_t kChunk = 1024;
constexpr uint64_t kAlwaysDirect = uint64_t{1} << 18;  // slots that a direct array may have however few the keys: 1 MiB
constexpr uint64_t kDirectPerKey = 8;                  // 4 bytes × 8 = what the probing table needs for a key
constexpr uint64_t kPresentPerKey = 128;               // bits: 16 bytes for a key, half of what the table takes

struct Range {
  int64_t min = std::numeric_limits<int64_t>::max();
  int64_t max = std::numeric_limits<int64_t>::min();
};

Range RangeOf(const int64_t* keys, int64_t count) {
  Range range;
  for (int64_t i = 0; i < count; ++i) {
    range.min = std::min(range.min, keys[i]);
    range.max = std::max(range.max, keys[i]);
  }
  return range;
}

}  // namespace

int64_t IntTable::size_bytes() const {
  return static_cast<int64_t>(keys_.size_bytes() + direct_.size_bytes() + slots_.size_bytes() + present_.size_bytes());
}

void IntTable::Clear() { *this = IntTable(); }

void IntTable::EndLookups() {
  direct_.Clear();
  slots_.Clear();
  present_.Clear();
  width_ = num_slots_ = 0;
}

uint32_t IntTable::AddWithoutKey() {
  keys_.Reserve(size_ + 1);
  without_key_ = size_;
  return size_++;
}

bool IntTable::WantsDirect(int64_t min, int64_t max, int64_t keys) const {
  const uint64_t width = static_cast<uint64_t>(max) - static_cast<uint64_t>(min);
  return width < kAlwaysDirect || width / kDirectPerKey < static_cast<uint64_t>(keys);
}

// Makes the direct array hold [min, max], with room for growth at the side that grew.
void IntTable::CoverDirect(int64_t min, int64_t max) {
  if (width_ > 0 && min >= base_ && static_cast<uint64_t>(max) - static_cast<uint64_t>(base_) < width_) return;
  if (width_ > 0 && min >= base_) {
    width_ = static_cast<uint64_t>(max) - static_cast<uint64_t>(base_) + 1;
    direct_.Reserve(width_);
    constexpr auto kLast = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    width_ = std::min<uint64_t>(direct_.capacity(), kLast - static_cast<uint64_t>(base_));
    return;
  }
  const uint64_t span = static_cast<uint64_t>(max) - static_cast<uint64_t>(min) + 1;
  const int64_t room = width_ > 0 ? static_cast<int64_t>(span / 2) : 0;
  base_ = min < std::numeric_limits<int64_t>::min() + room ? std::numeric_limits<int64_t>::min() : min - room;
  width_ = static_cast<uint64_t>(max) - static_cast<uint64_t>(base_) + 1;
  direct_ = HugeArray<uint32_t>();
  direct_.Reserve(width_);
  for (uint32_t i = 0; i < size_; ++i) {
    if (i != without_key_) direct_[static_cast<uint64_t>(keys_[i]) - static_cast<uint64_t>(base_)] = i + 1;
  }
}

void IntTable::ToDirect(int64_t min, int64_t max) {
  mode_ = Mode::kDirect;
  slots_ = HugeArray<Slot>();
  num_slots_ = 0;
  width_ = 0;
  CoverDirect(min, max);
}

// Grows in place and enters all keys again: pages that the table has already are cheaper to clear than fresh ones.
void IntTable::ToHash(uint64_t min_slots) {
  const uint64_t slots = std::max<uint64_t>(std::bit_ceil(min_slots), 256);
  slots_.Reserve(slots);
  Slot* fresh = slots_.data();
  std::fill_n(fresh, num_slots_, Slot{0, 0, 0});
  const int shift = 64 - std::countr_zero(slots);
  for (uint32_t i = 0; i < size_; ++i) {
    if (i == without_key_) continue;
    uint64_t at = Hash(keys_[i]) >> shift;
    while (fresh[at].number_plus_1 != 0) at = (at + 1) & (slots - 1);
    fresh[at] = {keys_[i], i + 1, 0};
  }
  num_slots_ = slots;
  shift_ = shift;
  direct_ = HugeArray<uint32_t>();
  width_ = 0;
  mode_ = Mode::kHash;
}

// Room for `count` new keys below a load of 0.7; false when it became a direct array instead.
bool IntTable::RoomForHash(int64_t count) {
  const uint64_t needed = size_ + static_cast<uint64_t>(count);
  if (needed * 10 <= num_slots_ * 7) return true;
  if (size_ > 0 && WantsDirect(min_, max_, size_)) {
    ToDirect(min_, max_);
    return false;
  }
  ToHash(std::max(num_slots_ * 2, needed * 10 / 7 + 1));
  return true;
}

void IntTable::Lookup(const int64_t* keys, int64_t count, uint32_t* numbers) {
  if (count == 0) return;
  WEIR_CHECK(size_ + static_cast<uint64_t>(count) < (uint64_t{1} << 31), "more than 2^31 groups in one table");
  keys_.Reserve(size_ + count);
  const Range range = RangeOf(keys, count);
  min_ = max_ < min_ ? range.min : std::min(min_, range.min);
  max_ = std::max(max_, range.max);
  if (mode_ != Mode::kHash) {
    if (!WantsDirect(min_, max_, std::max<int64_t>(size_, count / 4))) {
      ToHash((size_ + static_cast<uint64_t>(std::min(count, kChunk))) * 2);
    } else {
      mode_ = Mode::kDirect;
      CoverDirect(min_, max_);
    }
  }
  int64_t done = 0;
  for (; mode_ == Mode::kHash && done < count; done += kChunk) {
    const int64_t chunk = std::min(kChunk, count - done);
    if (!RoomForHash(chunk)) break;
    LookupHash(keys + done, chunk, numbers + done);
  }
  uint32_t* direct = direct_.data();
  for (int64_t i = done; i < count; ++i) {
    uint32_t& number = direct[static_cast<uint64_t>(keys[i]) - static_cast<uint64_t>(base_)];
    if (number == 0) number = Insert(keys[i]);
    numbers[i] = number - 1;
  }
}

void IntTable::LookupHash(const int64_t* keys, int64_t count, uint32_t* numbers) {
  Slot* slots = slots_.data();
  const uint64_t mask = num_slots_ - 1;
  uint32_t first[kChunk];
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t at = Hash(keys[i]) >> shift_;
    first[i] = static_cast<uint32_t>(at);
    __builtin_prefetch(&slots[at], 1);
  }
  for (int64_t i = 0; i < count; ++i) {
    const int64_t key = keys[i];
    uint64_t at = first[i];
    while (slots[at].number_plus_1 != 0 && slots[at].key != key) at = (at + 1) & mask;
    if (slots[at].number_plus_1 == 0) slots[at] = {key, Insert(key), 0};
    numbers[i] = slots[at].number_plus_1 - 1;
  }
}

void IntTable::Freeze() {
  if (mode_ != Mode::kHash) return;
  const uint64_t width = static_cast<uint64_t>(max_) - static_cast<uint64_t>(min_);
  if (width / kPresentPerKey >= size_) return;
  present_.Reserve(width / 64 + 1);
  for (uint32_t i = 0; i < size_; ++i) {
    if (i == without_key_) continue;
    const uint64_t at = static_cast<uint64_t>(keys_[i]) - static_cast<uint64_t>(min_);
    present_[at / 64] |= uint64_t{1} << at % 64;
  }
}

void IntTable::Find(const int64_t* keys, int64_t count, uint32_t* numbers) const {
  if (mode_ != Mode::kHash) {
    const uint32_t* direct = direct_.data();
    for (int64_t i = 0; i < count; ++i) {
      const uint64_t at = static_cast<uint64_t>(keys[i]) - static_cast<uint64_t>(base_);
      numbers[i] = at < width_ ? direct[at] - 1 : kNoGroup;  // 0 - 1 is kNoGroup
    }
    return;
  }
  for (int64_t begin = 0; begin < count; begin += kChunk) {
    FindHash(keys + begin, std::min(kChunk, count - begin), numbers + begin);
  }
}

void IntTable::FindHash(const int64_t* keys, int64_t count, uint32_t* numbers) const {
  const Slot* slots = slots_.data();
  const uint64_t mask = num_slots_ - 1;
  uint16_t rows[kChunk];  // that may be there
  int64_t candidates = 0;
  if (const uint64_t* present = present_.data(); present != nullptr) {
    const uint64_t width = static_cast<uint64_t>(max_) - static_cast<uint64_t>(min_);
    for (int64_t i = 0; i < count; ++i) {
      const uint64_t at = static_cast<uint64_t>(keys[i]) - static_cast<uint64_t>(min_);
      const bool inside = at <= width;
      rows[candidates] = static_cast<uint16_t>(i);
      candidates += inside & (present[inside ? at / 64 : 0] >> at % 64 & 1);
      numbers[i] = kNoGroup;
    }
  } else {
    for (; candidates < count; ++candidates) rows[candidates] = static_cast<uint16_t>(candidates);
  }
  uint32_t first[kChunk];
  for (int64_t i = 0; i < candidates; ++i) {
    const uint64_t at = Hash(keys[rows[i]]) >> shift_;
    first[i] = static_cast<uint32_t>(at);
    __builtin_prefetch(&slots[at], 0);
  }
  for (int64_t i = 0; i < candidates; ++i) {
    const int64_t key = keys[rows[i]];
    uint64_t at = first[i];
    while (slots[at].number_plus_1 != 0 && slots[at].key != key) at = (at + 1) & mask;
    numbers[rows[i]] = slots[at].number_plus_1 - 1;
  }
}

}  // namespace weir
