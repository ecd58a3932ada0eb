// StringTable: byte strings → dense numbers 0, 1, 2 … in order of first appearance. Not thread-safe, but for Find.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "batch/batch.h"
#include "state/hash/huge_buffer.h"
#include "state/hash/int_table.h"
#include "state/hash/probe_slots.h"

namespace weir {

class StringTable {
 public:
  /// The numbers of a dictionary's entries, as far as they were looked up.
  struct KnownDictionary {
    ArrayDataPtr dictionary;  // kept alive, so that its address names it
    std::vector<uint32_t> numbers;
    uint32_t table_size = 0;  // when they were found
  };

  /// numbers[i] = the number of row i of a utf8, binary or dictionary column; a new string gets the next one, and so
  /// does null, which is a value of its own. A dictionary's entries are looked up once per dictionary.
  void Lookup(const arrow::ArrayData& column, int64_t rows, uint32_t* numbers);
  /// The same for strings that must be there already, kNoGroup for the others and for null. Several threads may call it
  /// at once, each with a `known` of its own.
  void Find(const arrow::ArrayData& column, int64_t rows, KnownDictionary* known, uint32_t* numbers) const;

  uint32_t size() const { return size_; }
  bool is_null(uint32_t number) const { return number == null_number_; }
  std::string_view at(uint32_t number) const {
    return {reinterpret_cast<const char*>(arena_.data()) + ends_[number], ends_[number + 1] - ends_[number]};
  }
  /// The strings of `numbers` as a column of `type` (utf8 or binary). Errors: CapacityError above 2 GiB.
  Result<ArrayDataPtr> Gather(const std::shared_ptr<arrow::DataType>& type, const uint32_t* numbers,
                              int64_t count) const;
  int64_t size_bytes() const;
  /// What `count` new keys would add in one piece.
  int64_t growth_bytes(int64_t count) const { return slots_.growth_bytes(size_ + static_cast<uint64_t>(count)); }
  /// No Lookup or Find comes any more: gives back what only they need.
  void EndLookups() {
    slots_.Clear();
    known_ = {};
  }
  void Clear();

 private:
  /// Text of up to 16 bytes is compared in its slot; only longer text is looked up in the arena.
  struct Slot {
    uint64_t low, high;  // the text with zeros behind it; of longer text 64 bits of hash, and the length
    uint32_t tag;        // 27 bits of hash, whose top bits are the first slot, and the length, or kLongText
    uint32_t number_plus_1;
    uint32_t hash() const { return tag; }
  };
  static constexpr uint32_t kLongText = 17;
  static constexpr uint32_t kUnknown = kNoGroup - 1;
  struct Texts {  // of a plain column
    const char* bytes;
    const char* bytes_end;
    const int32_t* offsets;
    const uint8_t* valid;  // null: no nulls
    int64_t valid_offset;
  };
  static Texts TextsOf(const arrow::ArrayData& column);
  // Self is StringTable to insert, const StringTable to find.
  template <class Self>
  static void LookupPlain(Self* self, const arrow::ArrayData& column, int64_t rows, uint32_t* numbers);
  template <class Self>
  static void LookupDictionary(Self* self, const arrow::ArrayData& column, int64_t rows, KnownDictionary* known,
                               uint32_t* numbers);
  template <class Self>
  static void LookupChunk(Self* self, const Texts& texts, int64_t first, int64_t count, uint32_t* numbers);
  static Slot SlotOf(const char* text, size_t size, const char* readable_end);
  uint32_t Add(std::string_view text);
  uint32_t NullNumber();

  uint32_t size_ = 0;
  uint32_t null_number_ = kNoGroup;
  HugeArray<uint64_t> ends_;  // string i is arena_[ends_[i], ends_[i + 1])
  HugeBuffer arena_;
  ProbeSlots<Slot> slots_;
  KnownDictionary known_;  // of the last Lookup; kUnknown until an entry was looked up
};

}  // namespace weir
