// Short text lies in its slot, beside a few bits of hash; a probe reads the arena for long text only, when 91 bits of
// hash and the length agree.
#include "state/hash/string_table.h"

#include <arrow/array/data.h>
#include <arrow/memory_pool.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <type_traits>

#include "state/hash/hash.h"

namespace weir {

namespace {

constexpr int64_t kChunk = 512;

struct Mask16 {
  uint64_t low, high;
};

/// What keeps the first so many bytes of 16.
constexpr std::array<Mask16, 17> kKeepBytes = [] {
  std::array<Mask16, 17> masks{};
  for (int size = 0; size <= 16; ++size) {
    masks[size].low = size >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * size)) - 1;
    masks[size].high = size >= 16 ? ~uint64_t{0} : size <= 8 ? 0 : (uint64_t{1} << (8 * (size - 8))) - 1;
  }
  return masks;
}();

}  // namespace

int64_t StringTable::size_bytes() const {
  return static_cast<int64_t>(ends_.size_bytes() + arena_.capacity() + known_.numbers.capacity() * 4) +
         slots_.size_bytes();
}

void StringTable::Clear() { *this = StringTable(); }

uint32_t StringTable::Add(std::string_view text) {
  const uint64_t begin = size_ > 0 ? ends_[size_] : 0;
  ends_.Reserve(size_ + 2);
  arena_.Reserve(begin + text.size());
  if (!text.empty()) std::memcpy(arena_.data() + begin, text.data(), text.size());
  ends_[size_ + 1] = begin + text.size();
  return ++size_;
}

uint32_t StringTable::NullNumber() {
  if (null_number_ == kNoGroup) null_number_ = Add({}) - 1;
  return null_number_;
}

StringTable::Texts StringTable::TextsOf(const arrow::ArrayData& column) {
  Texts texts{"", nullptr, column.GetValues<int32_t>(1), nullptr, column.offset};
  texts.bytes_end = texts.bytes;
  if (column.buffers[2] != nullptr) {
    texts.bytes = reinterpret_cast<const char*>(column.buffers[2]->data());
    texts.bytes_end = texts.bytes + column.buffers[2]->size();
  }
  if (column.MayHaveNulls()) texts.valid = column.buffers[0]->data();
  return texts;
}

// The slot that `text` would have, but for its number.
StringTable::Slot StringTable::SlotOf(const char* text, size_t size, const char* readable_end) {
  Slot slot;
  slot.number_plus_1 = 0;
  if (size > 16) {
    slot.low = hash::Bytes(text, size);
    slot.high = size;
    // Multiplied: the bits that chose lane and partition are the same for all text here.
    slot.tag = static_cast<uint32_t>((slot.low * 0x9E3779B97F4A7C15ull) >> 37) << 5 | kLongText;
    return slot;
  }
  uint64_t words[2] = {0, 0};
  if (readable_end - text >= 16) {
    std::memcpy(words, text, 16);
    words[0] &= kKeepBytes[size].low;
    words[1] &= kKeepBytes[size].high;
  } else if (size > 0) {
    std::memcpy(words, text, size);
  }
  slot.low = words[0];
  slot.high = words[1];
  const uint64_t hash = hash::Fold(words[0] ^ 0x8ebc6af09c88c6e3ull, words[1] ^ 0xa0761d6478bd642full);
  slot.tag = static_cast<uint32_t>(hash >> 37) << 5 | static_cast<uint32_t>(size);
  return slot;
}

template <class Self>
void StringTable::LookupChunk(Self* self, const Texts& texts, int64_t first, int64_t count, uint32_t* numbers) {
  constexpr bool kInsert = !std::is_const_v<Self>;
  if constexpr (kInsert) self->slots_.Reserve(self->size_ + static_cast<uint64_t>(count));
  const int32_t* offsets = texts.offsets + first;
  auto* slots = self->slots_.data();
  const uint64_t mask = self->slots_.mask();
  const int shift = self->slots_.shift();
  Slot wanted[kChunk];
  for (int64_t i = 0; i < count; ++i) {
    wanted[i] = SlotOf(texts.bytes + offsets[i], static_cast<size_t>(offsets[i + 1] - offsets[i]), texts.bytes_end);
    __builtin_prefetch(&slots[wanted[i].tag >> shift], kInsert);
  }
  for (int64_t i = 0; i < count; ++i) {
    if (texts.valid != nullptr && !arrow::bit_util::GetBit(texts.valid, texts.valid_offset + first + i)) {
      numbers[i] = kNoGroup;
      if constexpr (kInsert) numbers[i] = self->NullNumber();
      continue;
    }
    Slot key = wanted[i];
    uint32_t number_plus_1 = 0;  // kNoGroup + 1: not found
    for (uint64_t at = key.tag >> shift;; at = (at + 1) & mask) {
      const Slot& slot = slots[at];
      number_plus_1 = slot.number_plus_1;
      if (number_plus_1 == 0) {
        if constexpr (kInsert) {
          const std::string_view text(texts.bytes + offsets[i], static_cast<size_t>(offsets[i + 1] - offsets[i]));
          key.number_plus_1 = number_plus_1 = self->Add(text);
          slots[at] = key;
        }
        break;
      }
      if (((slot.low ^ key.low) | (slot.high ^ key.high) | (slot.tag ^ key.tag)) != 0) continue;
      if ((key.tag & 31) != kLongText) break;
      if (std::memcmp(self->at(number_plus_1 - 1).data(), texts.bytes + offsets[i], key.high) == 0) break;
    }
    numbers[i] = number_plus_1 - 1;
  }
}

template <class Self>
void StringTable::LookupPlain(Self* self, const arrow::ArrayData& column, int64_t rows, uint32_t* numbers) {
  if (std::is_const_v<Self> && self->slots_.empty()) {
    std::fill_n(numbers, rows, kNoGroup);
    return;
  }
  const Texts texts = TextsOf(column);
  for (int64_t begin = 0; begin < rows; begin += kChunk) {
    LookupChunk(self, texts, begin, std::min(kChunk, rows - begin), numbers + begin);
  }
}

template <class Self>
void StringTable::LookupDictionary(Self* self, const arrow::ArrayData& column, int64_t rows, KnownDictionary* known,
                                   uint32_t* numbers) {
  constexpr bool kInsert = !std::is_const_v<Self>;
  const ArrayDataPtr& dictionary = column.dictionary;
  const auto* indices = column.GetValues<int32_t>(1);
  const uint8_t* valid = column.MayHaveNulls() ? column.buffers[0]->data() : nullptr;
  // Entries are looked up as they turn up: one that no row has makes no group. What was not found may be there later.
  if (known->dictionary != dictionary || (!kInsert && known->table_size != self->size_)) {
    known->dictionary = dictionary;
    known->numbers.assign(dictionary->length, kUnknown);
    known->table_size = self->size_;
  }
  uint32_t* found = known->numbers.data();
  Texts texts = TextsOf(*dictionary);
  texts.valid = nullptr;  // entries are no nulls: rows are
  for (int64_t i = 0; i < rows; ++i) {
    if (valid != nullptr && !arrow::bit_util::GetBit(valid, column.offset + i)) {
      numbers[i] = kNoGroup;
      if constexpr (kInsert) numbers[i] = self->NullNumber();
      continue;
    }
    uint32_t& number = found[indices[i]];
    if (__builtin_expect(number == kUnknown, 0)) {
      number = kNoGroup;
      if (kInsert || !self->slots_.empty()) LookupChunk(self, texts, indices[i], 1, &number);
    }
    numbers[i] = number;
  }
}

void StringTable::Lookup(const arrow::ArrayData& column, int64_t rows, uint32_t* numbers) {
  if (column.type->id() == arrow::Type::DICTIONARY) {
    LookupDictionary(this, column, rows, &known_, numbers);
  } else {
    LookupPlain(this, column, rows, numbers);
  }
}

void StringTable::Find(const arrow::ArrayData& column, int64_t rows, KnownDictionary* known, uint32_t* numbers) const {
  if (column.type->id() == arrow::Type::DICTIONARY) {
    LookupDictionary(this, column, rows, known, numbers);
  } else {
    LookupPlain(this, column, rows, numbers);
  }
}

Result<ArrayDataPtr> StringTable::Gather(const std::shared_ptr<arrow::DataType>& type, const uint32_t* numbers,
                                         int64_t count) const {
  uint64_t total = 0;
  int64_t nulls = 0;
  for (int64_t i = 0; i < count; ++i) {
    total += at(numbers[i]).size();
    nulls += is_null(numbers[i]);
  }
  if (total > std::numeric_limits<int32_t>::max()) {
    return Status::CapacityError("a column of ", total, " bytes of text in one batch; at most 2 GiB fit");
  }
  WEIR_ASSIGN_OR_RETURN(auto offset_buffer, arrow::AllocateBuffer((count + 1) * 4));
  WEIR_ASSIGN_OR_RETURN(auto text_buffer, arrow::AllocateBuffer(static_cast<int64_t>(total)));
  auto* offsets = reinterpret_cast<int32_t*>(offset_buffer->mutable_data());
  uint8_t* out = text_buffer->mutable_data();
  int32_t end = 0;
  offsets[0] = 0;
  for (int64_t i = 0; i < count; ++i) {
    const std::string_view text = at(numbers[i]);
    if (!text.empty()) std::memcpy(out + end, text.data(), text.size());
    end += static_cast<int32_t>(text.size());
    offsets[i + 1] = end;
  }
  BufferPtr validity;
  if (nulls > 0) {
    WEIR_ASSIGN_OR_RETURN(validity, arrow::AllocateEmptyBitmap(count));
    for (int64_t i = 0; i < count; ++i) {
      if (!is_null(numbers[i])) arrow::bit_util::SetBit(validity->mutable_data(), i);
    }
  }
  return arrow::ArrayData::Make(type, count, {validity, std::move(offset_buffer), std::move(text_buffer)}, nulls);
}

}  // namespace weir
