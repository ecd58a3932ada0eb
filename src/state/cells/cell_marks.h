// CellMarks: which of many numbered things have changed since they were put into cells, and which have a cell at all.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weir {

/// Off until TurnOn(): then a mark costs a test of a bit. A number is in the list once. Not thread-safe.
class CellMarks {
 public:
  void TurnOn() { on_ = true; }
  bool on() const { return on_; }
  void Mark(uint32_t number) {
    if (on_ && !is_marked(number)) Add(number);
  }
  /// Those that were marked since Done(), in the order of their marks.
  std::span<const uint32_t> marked() const { return marked_; }
  bool is_marked(uint32_t number) const { return number < bits_.size() && (bits_[number] & kMarked) != 0; }
  /// Whether the last that was put of this number is a value.
  bool stored(uint32_t number) const { return number < bits_.size() && (bits_[number] & kStored) != 0; }
  void set_stored(uint32_t number, bool stored) {
    if (number >= bits_.size()) bits_.resize(number + 1, 0);
    bits_[number] = static_cast<uint8_t>((bits_[number] & kMarked) | (stored ? kStored : 0));
  }
  /// Everything marked is put.
  void Done() {
    for (uint32_t number : marked_) bits_[number] &= kStored;
    marked_.clear();
  }
  /// All that have a cell, ascending.
  std::vector<uint32_t> Stored() const {
    std::vector<uint32_t> out;
    for (uint32_t number = 0; number < bits_.size(); ++number) {
      if (stored(number)) out.push_back(number);
    }
    return out;
  }
  /// The numbers changed, when everything marked was put: new_numbers[old], `none` for those that are gone.
  void Renumber(std::span<const uint32_t> new_numbers, uint32_t none) {
    Done();
    const std::vector<uint8_t> before = std::move(bits_);
    bits_.clear();
    for (uint32_t number = 0; number < before.size() && number < new_numbers.size(); ++number) {
      if (before[number] != 0 && new_numbers[number] != none) set_stored(new_numbers[number], true);
    }
  }
  void Clear() {
    bits_.clear();
    marked_.clear();
  }
  int64_t size_bytes() const { return static_cast<int64_t>(bits_.capacity() + marked_.capacity() * 4); }

 private:
  static constexpr uint8_t kMarked = 1, kStored = 2;
  void Add(uint32_t number) {
    if (number >= bits_.size()) bits_.resize(number + 1, 0);
    bits_[number] |= kMarked;
    marked_.push_back(number);
  }

  bool on_ = false;
  std::vector<uint8_t> bits_;  // by number
  std::vector<uint32_t> marked_;
};

}  // namespace weir
