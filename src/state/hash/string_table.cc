// Salted slots of 8 bytes over an arena: a probe reads the arena only when 32 bits of hash agree.
#include "state/hash/string_table.h"

#include <arrow/array/data.h>
#include <arrow/memory_pool.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "state/hash/hash.h"

namespace weir {

namespace {

constexpr int64_t kChunk = 1024;

}  // namespace

int64_t StringTable::size_bytes() const {
  return static_cast<int64_t>(ends_.size_bytes() + arena_.capacity() + slots_.size_bytes() +
                              dictionary_numbers_.capacity() * 4);
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

void StringTable::GrowSlots(uint64_t min_slots) {
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

template <bool kInsert>
void StringTable::LookupChunk(const char* text, const int32_t* offsets, const uint8_t* valid, int64_t valid_offset,
                              int64_t count, uint32_t* numbers) {
  if (kInsert && (size_ + static_cast<uint64_t>(count)) * 10 > num_slots_ * 7) {
    GrowSlots(std::max(num_slots_ * 2, (size_ + static_cast<uint64_t>(count)) * 10 / 7));
  }
  uint32_t hashes[kChunk];
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t h = hash::Bytes(text + offsets[i], static_cast<size_t>(offsets[i + 1] - offsets[i]));
    hashes[i] =
        static_cast<uint32_t>((h * 0x9E3779B97F4A7C15ull) >> 32);  // apart from the bits that chose lane and partition
    __builtin_prefetch(&slots_[hashes[i] >> shift_], 1);
  }
  for (int64_t i = 0; i < count; ++i) {
    if (valid != nullptr && !arrow::bit_util::GetBit(valid, valid_offset + i)) {
      numbers[i] = kInsert ? NullNumber() : kNoGroup;
      continue;
    }
    const std::string_view key(text + offsets[i], static_cast<size_t>(offsets[i + 1] - offsets[i]));
    uint64_t slot = hashes[i] >> shift_;
    for (;; slot = (slot + 1) & (num_slots_ - 1)) {
      Slot& entry = slots_[slot];
      if (entry.number_plus_1 == 0) {
        if (kInsert) entry = {hashes[i], Add(key)};
        break;
      }
      if (entry.hash == hashes[i] && at(entry.number_plus_1 - 1) == key) break;
    }
    numbers[i] = slots_[slot].number_plus_1 - 1;
  }
}

template <bool kInsert>
void StringTable::LookupPlain(const arrow::ArrayData& column, int64_t rows, uint32_t* numbers) {
  const int32_t* offsets = column.GetValues<int32_t>(1);
  const char* text = column.buffers[2] ? reinterpret_cast<const char*>(column.buffers[2]->data()) : "";
  const uint8_t* valid = column.MayHaveNulls() ? column.buffers[0]->data() : nullptr;
  if (!kInsert && num_slots_ == 0) {
    std::fill_n(numbers, rows, kNoGroup);
    return;
  }
  for (int64_t begin = 0; begin < rows; begin += kChunk) {
    LookupChunk<kInsert>(text, offsets + begin, valid, column.offset + begin, std::min(kChunk, rows - begin),
                         numbers + begin);
  }
}

template <bool kInsert>
void StringTable::LookupDictionary(const arrow::ArrayData& column, int64_t rows, uint32_t* numbers) {
  const ArrayDataPtr& dictionary = column.dictionary;
  const auto* indices = column.GetValues<int32_t>(1);
  const uint8_t* valid = column.MayHaveNulls() ? column.buffers[0]->data() : nullptr;
  // Entries are looked up as they turn up: one that no row has makes no group.
  if (dictionary_ != dictionary || dictionary_inserts_ != kInsert) {
    dictionary_ = dictionary;
    dictionary_inserts_ = kInsert;
    dictionary_numbers_.assign(dictionary->length, kUnknown);
  }
  uint32_t* known = dictionary_numbers_.data();
  const int32_t* offsets = dictionary->GetValues<int32_t>(1);
  const char* text = dictionary->buffers[2] ? reinterpret_cast<const char*>(dictionary->buffers[2]->data()) : "";
  for (int64_t i = 0; i < rows; ++i) {
    if (valid != nullptr && !arrow::bit_util::GetBit(valid, column.offset + i)) {
      numbers[i] = kInsert ? NullNumber() : kNoGroup;
      continue;
    }
    uint32_t& number = known[indices[i]];
    if (__builtin_expect(number == kUnknown, 0)) {
      number = kNoGroup;
      if (kInsert || num_slots_ > 0) LookupChunk<kInsert>(text, offsets + indices[i], nullptr, 0, 1, &number);
    }
    numbers[i] = number;
  }
}

void StringTable::Lookup(const arrow::ArrayData& column, int64_t rows, uint32_t* numbers) {
  if (column.type->id() == arrow::Type::DICTIONARY) {
    LookupDictionary<true>(column, rows, numbers);
  } else {
    LookupPlain<true>(column, rows, numbers);
  }
}

void StringTable::Find(const arrow::ArrayData& column, int64_t rows, uint32_t* numbers) {
  if (column.type->id() == arrow::Type::DICTIONARY) {
    LookupDictionary<false>(column, rows, numbers);
  } else {
    LookupPlain<false>(column, rows, numbers);
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
    std::memcpy(out + end, text.data(), text.size());
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
