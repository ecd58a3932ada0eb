// Key columns to integers, integers to one word, words to group numbers.
#include "state/hash/group_table.h"

#include <arrow/array/data.h>
#include <arrow/memory_pool.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <type_traits>

#include "base/check.h"
#include "batch/gather.h"
#include "state/hash/key_bits.h"
#include "state/hash/row_bytes.h"

namespace weir {

using arrow::Type;
using arrow::bit_util::GetBit;

GroupTable::GroupTable(std::vector<TypePtr> key_types) : types_(std::move(key_types)) {
  WEIR_CHECK(types_.size() < 64, "more than 63 key columns");
  columns_.resize(types_.size());
  for (size_t i = 0; i < types_.size(); ++i) {
    switch (types_[i]->id()) {
      case Type::INT64:
      case Type::TIMESTAMP:
        columns_[i].kind = Kind::kInt64;
        break;
      case Type::DATE32:
        columns_[i].kind = Kind::kInt32;
        break;
      case Type::BOOL:
        columns_[i].kind = Kind::kBool;
        break;
      case Type::DOUBLE:
        columns_[i].kind = Kind::kDouble;
        break;
      case Type::STRING:
      case Type::BINARY:
        columns_[i].kind = Kind::kText;
        break;
      case Type::NA:
        columns_[i].kind = Kind::kNull;
        break;
      default:
        columns_[i].kind = Kind::kBytes;
    }
  }
  Clear();
}

void GroupTable::Clear() {
  ints_.Clear();
  wide_ = WideTable(static_cast<int>(columns_.size()) + 1);
  for (Column& column : columns_) {
    column.strings.Clear();
    column.min = 0;
    column.max = -1;
    column.bits = 0;
  }
  any_rows_ = false;
  null_group_ = kNoGroup;
  mode_ = Mode::kPacked;
  if (columns_.empty()) mode_ = Mode::kNoKeys;
  if (columns_.size() == 1) {
    const bool text = columns_[0].kind == Kind::kText || columns_[0].kind == Kind::kBytes;
    mode_ = text ? Mode::kOneText : Mode::kOneInt;
  }
}

void GroupTable::EndLookups() {
  ints_.EndLookups();
  wide_.EndLookups();
  for (Column& column : columns_) column.strings.EndLookups();
  scratch_ = Scratch();
}

const char* GroupTable::Method() const {
  switch (mode_) {
    case Mode::kNoKeys:
      return "one group";
    case Mode::kOneInt:
      return ints_.is_direct() ? "direct array" : "64-bit keys";
    case Mode::kOneText:
      return "strings";
    case Mode::kPacked:
      return ints_.is_direct() ? "direct array of packed keys" : "packed 64-bit keys";
    case Mode::kWide:
      return "wide keys";
  }
  return "";
}

uint32_t GroupTable::num_groups() const {
  switch (mode_) {
    case Mode::kNoKeys:
      return any_rows_ ? 1 : 0;
    case Mode::kOneText:
      return columns_[0].strings.size();
    case Mode::kWide:
      return wide_.size();
    default:
      return ints_.size();
  }
}

int64_t GroupTable::size_bytes() const {
  int64_t bytes = ints_.size_bytes() + wide_.size_bytes();
  for (const Column& column : columns_) bytes += column.strings.size_bytes();
  return bytes;
}

int64_t GroupTable::doubling_bytes(int64_t rows) const {
  int64_t bytes = 0;
  if (mode_ == Mode::kWide) {
    bytes += wide_.growth_bytes(rows);
  } else if (mode_ == Mode::kOneInt || mode_ == Mode::kPacked) {
    bytes += ints_.growth_bytes(rows);
  }
  for (const Column& column : columns_) bytes += column.strings.growth_bytes(rows);
  return bytes;
}

template <class Self>
Status GroupTable::Encode(Self* self, size_t key, const ArrayDataPtr& column, int64_t rows, Scratch* scratch) {
  auto& strings = self->columns_[key].strings;
  const Kind kind = self->columns_[key].kind;
  KeyValues& out = scratch->keys[key];
  out.valid = nullptr;
  if (kind == Kind::kText || kind == Kind::kBytes) {
    std::vector<uint32_t>& numbers = scratch->numbers;
    numbers.resize(std::max<size_t>(numbers.size(), rows));
    ArrayDataPtr text = column;
    if (kind == Kind::kBytes) {
      WEIR_ASSIGN_OR_RETURN(text, ColumnAsRowBytes(*column));
    }
    if constexpr (std::is_const_v<Self>) {
      strings.Find(*text, rows, &scratch->dictionaries[key], numbers.data());
    } else {
      strings.Lookup(*text, rows, numbers.data());
    }
    out.scratch.resize(std::max<size_t>(out.scratch.size(), rows));
    out.data = out.scratch.data();
    if (self->mode_ != Mode::kOneText) std::copy_n(numbers.data(), rows, out.scratch.data());
    return Status::OK();
  }
  if (column->MayHaveNulls()) {
    out.valid = column->buffers[0]->data();
    out.valid_offset = column->offset;
  }
  if (kind == Kind::kInt64) {
    out.keep_alive = column;
    out.data = column->GetValues<int64_t>(1);
    return Status::OK();
  }
  out.scratch.resize(std::max<size_t>(out.scratch.size(), rows));
  out.data = out.scratch.data();
  int64_t* values = out.scratch.data();
  if (kind == Kind::kInt32) {
    std::copy_n(column->GetValues<int32_t>(1), rows, values);
  } else if (kind == Kind::kDouble) {
    const auto* doubles = column->GetValues<double>(1);
    for (int64_t i = 0; i < rows; ++i) values[i] = DoubleKeyBits(doubles[i]);
  } else if (kind == Kind::kBool) {
    const uint8_t* bytes = column->buffers[1]->data();
    for (int64_t i = 0; i < rows; ++i) values[i] = GetBit(bytes, column->offset + i);
  } else {  // kNull: every row is null
    static const std::vector<uint8_t> kZeros(1 << 16, 0);
    std::fill_n(values, rows, 0);
    if (rows > static_cast<int64_t>(kZeros.size()) * 8) return Status::CapacityError("a batch of ", rows, " rows");
    out.valid = kZeros.data();
    out.valid_offset = 0;
  }
  return Status::OK();
}

template <class Self>
Status GroupTable::EncodeAll(Self* self, const std::vector<ArrayDataPtr>& keys, int64_t rows, Scratch* scratch) {
  WEIR_CHECK(keys.size() == self->columns_.size(), "another number of key columns than the table has");
  scratch->keys.resize(keys.size());
  scratch->dictionaries.resize(keys.size());
  for (size_t k = 0; k < keys.size(); ++k) {
    WEIR_CHECK(keys[k] != nullptr, "a key column is pruned");
    WEIR_RETURN_NOT_OK(Encode(self, k, keys[k], rows, scratch));
  }
  return Status::OK();
}

void GroupTable::LookupOneInt(int64_t rows, uint32_t* groups) {
  const KeyValues& key = scratch_.keys[0];
  if (key.valid == nullptr) {
    ints_.Lookup(key.data, rows, groups);
    return;
  }
  std::vector<int64_t>& packed = scratch_.packed;
  std::vector<uint32_t>& numbers = scratch_.numbers;
  packed.resize(std::max<size_t>(packed.size(), rows));
  numbers.resize(std::max<size_t>(numbers.size(), rows));
  int64_t present = 0;
  for (int64_t i = 0; i < rows; ++i) {
    packed[present] = key.data[i];
    present += GetBit(key.valid, key.valid_offset + i);
  }
  if (present < rows && null_group_ == kNoGroup) null_group_ = ints_.AddWithoutKey();
  ints_.Lookup(packed.data(), present, numbers.data());
  int64_t next = 0;
  for (int64_t i = 0; i < rows; ++i) {
    groups[i] = GetBit(key.valid, key.valid_offset + i) ? numbers[next++] : null_group_;
  }
}

namespace {

// Widens [min, max] by the valid values among `rows`.
void AddRange(const int64_t* values, const uint8_t* valid, int64_t valid_offset, int64_t rows, int64_t* min,
              int64_t* max) {
  int64_t low = std::numeric_limits<int64_t>::max(), high = std::numeric_limits<int64_t>::min();
  if (valid == nullptr) {
    for (int64_t i = 0; i < rows; ++i) {
      low = std::min(low, values[i]);
      high = std::max(high, values[i]);
    }
  } else {
    for (int64_t i = 0; i < rows; ++i) {
      if (!GetBit(valid, valid_offset + i)) continue;
      low = std::min(low, values[i]);
      high = std::max(high, values[i]);
    }
  }
  if (low > high) return;
  const bool first = *max < *min;
  *min = first ? low : std::min(*min, low);
  *max = first ? high : std::max(*max, high);
}

uint64_t Width(int64_t min, int64_t max) { return static_cast<uint64_t>(max) - static_cast<uint64_t>(min); }

/// Bits of a code for `width` + 1 values and null.
int BitsFor(uint64_t width) { return width > (uint64_t{1} << 62) ? 65 : std::bit_width(width + 1); }

}  // namespace

bool GroupTable::PackingHolds() const {
  for (const Column& column : columns_) {
    if (column.bits == 0) return false;
    if (column.max < column.min) continue;  // only nulls so far
    const uint64_t last_code = (uint64_t{1} << column.bits) - 1;
    if (column.min < column.base || Width(column.base, column.max) + 1 > last_code) return false;
  }
  return true;
}

// Gives every column its place in the word, with room to grow; false when they do not fit.
bool GroupTable::ChoosePacking() {
  int needed = 0;
  for (const Column& column : columns_) {
    needed += std::max(1, column.max < column.min ? 1 : BitsFor(Width(column.min, column.max)));
    if (needed > 63) return false;
  }
  const int count = static_cast<int>(columns_.size());
  // Few values in all: stay tight, so that the words index a small array.
  const int spare = needed + count <= 18 ? 1 : (63 - needed) / count;
  int shift = 0;
  for (Column& column : columns_) {
    const bool empty = column.max < column.min;
    const int bits = std::max(1, empty ? 1 : BitsFor(Width(column.min, column.max)));
    column.bits = bits + spare;
    column.shift = shift;
    shift += column.bits;
    const bool grows_up_only = column.kind == Kind::kText || column.kind == Kind::kBytes || spare <= 1;
    const uint64_t room = empty ? 0 : (uint64_t{1} << column.bits) - 2 - Width(column.min, column.max);
    const auto below = static_cast<int64_t>(grows_up_only ? 0 : room / 2);
    column.base = empty ? 0 : column.min;
    column.base = column.base < std::numeric_limits<int64_t>::min() + below ? std::numeric_limits<int64_t>::min()
                                                                            : column.base - below;
  }
  return shift <= 63;
}

void GroupTable::Pack(const Scratch& scratch, int64_t rows, int64_t* out) const {
  std::fill_n(out, rows, 0);
  for (size_t c = 0; c < columns_.size(); ++c) {
    const KeyValues& key = scratch.keys[c];
    // Unsigned: Find meets values outside of the range.
    const uint64_t base = static_cast<uint64_t>(columns_[c].base) - 1;
    const int shift = columns_[c].shift;
    const int64_t* values = key.data;
    const auto code = [=](int64_t i) {
      return static_cast<int64_t>((static_cast<uint64_t>(values[i]) - base) << shift);
    };
    if (key.valid == nullptr) {
      for (int64_t i = 0; i < rows; ++i) out[i] |= code(i);
    } else {
      for (int64_t i = 0; i < rows; ++i) {
        if (GetBit(key.valid, key.valid_offset + i)) out[i] |= code(i);
      }
    }
  }
}

void GroupTable::Widen(const Scratch& scratch, int64_t rows, uint64_t* out) const {
  const size_t words = columns_.size() + 1;
  for (int64_t i = 0; i < rows; ++i) out[i * words + words - 1] = 0;
  for (size_t c = 0; c < columns_.size(); ++c) {
    const KeyValues& key = scratch.keys[c];
    for (int64_t i = 0; i < rows; ++i) {
      const bool valid = key.valid == nullptr || GetBit(key.valid, key.valid_offset + i);
      out[i * words + c] = valid ? static_cast<uint64_t>(key.data[i]) : 0;
      out[i * words + words - 1] |= uint64_t{!valid} << c;
    }
  }
}

// Values of one key column of some groups, from the packed or wide keys. valid[i] is a byte.
void GroupTable::Decode(int c, const uint32_t* groups, uint32_t count, int64_t* values, uint8_t* valid) const {
  const Column& column = columns_[c];
  if (mode_ == Mode::kWide) {
    for (uint32_t i = 0; i < count; ++i) {
      const uint64_t* key = wide_.key(groups[i]);
      values[i] = static_cast<int64_t>(key[c]);
      valid[i] = !(key[columns_.size()] >> c & 1);
    }
    return;
  }
  const int64_t mask = static_cast<int64_t>((uint64_t{1} << column.bits) - 1);
  for (uint32_t i = 0; i < count; ++i) {
    const int64_t code = ints_.keys()[groups[i]] >> column.shift & mask;
    valid[i] = code != 0;
    values[i] = code != 0 ? code + (column.base - 1) : 0;
  }
}

// The values outgrew their places: new places, or a row of words per key. Group numbers stay, since the keys are
// entered again in order.
void GroupTable::Repack() {
  const uint32_t groups = ints_.size();
  const size_t words = columns_.size() + 1;
  std::vector<std::vector<int64_t>> values(columns_.size(), std::vector<int64_t>(groups));
  std::vector<std::vector<uint8_t>> valid(columns_.size(), std::vector<uint8_t>(groups));
  std::vector<uint32_t> numbers(groups);
  std::iota(numbers.begin(), numbers.end(), 0);
  if (groups > 0) {
    for (size_t c = 0; c < columns_.size(); ++c) {
      Decode(static_cast<int>(c), numbers.data(), groups, values[c].data(), valid[c].data());
    }
  }
  ints_.Clear();
  if (ChoosePacking()) {
    std::vector<int64_t> keys(groups, 0);
    for (size_t c = 0; c < columns_.size(); ++c) {
      for (uint32_t g = 0; g < groups; ++g) {
        if (valid[c][g])
          keys[g] |= static_cast<int64_t>(
              (static_cast<uint64_t>(values[c][g]) - static_cast<uint64_t>(columns_[c].base) + 1) << columns_[c].shift);
      }
    }
    ints_.Lookup(keys.data(), groups, numbers.data());
    return;
  }
  mode_ = Mode::kWide;
  std::vector<uint64_t> keys(groups * words, 0);
  for (size_t c = 0; c < columns_.size(); ++c) {
    for (uint32_t g = 0; g < groups; ++g) {
      keys[g * words + c] = static_cast<uint64_t>(values[c][g]);
      keys[g * words + words - 1] |= uint64_t{!valid[c][g]} << c;
    }
  }
  wide_.Lookup(keys.data(), groups, numbers.data());
}

Status GroupTable::Lookup(const std::vector<ArrayDataPtr>& keys, int64_t rows, uint32_t* groups) {
  if (rows == 0) return Status::OK();
  WEIR_RETURN_NOT_OK(EncodeAll(this, keys, rows, &scratch_));
  switch (mode_) {
    case Mode::kNoKeys:
      any_rows_ = true;
      std::fill_n(groups, rows, 0);
      return Status::OK();
    case Mode::kOneInt:
      LookupOneInt(rows, groups);
      return Status::OK();
    case Mode::kOneText:
      std::copy_n(scratch_.numbers.data(), rows, groups);
      return Status::OK();
    case Mode::kPacked:
      for (size_t c = 0; c < columns_.size(); ++c) {
        const KeyValues& key = scratch_.keys[c];
        AddRange(key.data, key.valid, key.valid_offset, rows, &columns_[c].min, &columns_[c].max);
      }
      if (!PackingHolds()) Repack();
      break;
    case Mode::kWide:
      break;
  }
  std::vector<int64_t>& packed = scratch_.packed;
  if (mode_ == Mode::kPacked) {
    packed.resize(std::max<size_t>(packed.size(), rows));
    Pack(scratch_, rows, packed.data());
    ints_.Lookup(packed.data(), rows, groups);
  } else {
    packed.resize(std::max<size_t>(packed.size(), rows * (columns_.size() + 1)));
    auto* words = reinterpret_cast<uint64_t*>(packed.data());
    Widen(scratch_, rows, words);
    wide_.Lookup(words, rows, groups);
  }
  return Status::OK();
}

// Rows with a null, with text that no group has, or (packed) with a value outside of every group's range.
void GroupTable::ClearNotFound(const Scratch& scratch, int64_t rows, uint32_t* groups) const {
  for (size_t c = 0; c < columns_.size(); ++c) {
    const Column& column = columns_[c];
    const KeyValues& key = scratch.keys[c];
    const bool text = column.kind == Kind::kText || column.kind == Kind::kBytes;
    const bool packed = mode_ == Mode::kPacked;
    if (!packed && !text && key.valid == nullptr) continue;
    const int64_t min = packed ? column.min : 0;
    const int64_t max = packed ? column.max : int64_t{kNoGroup} - 1;
    const bool ranged = packed || text;
    for (int64_t i = 0; i < rows; ++i) {
      const bool out_of_range = ranged && (key.data[i] < min || key.data[i] > max);
      const bool null = key.valid != nullptr && !GetBit(key.valid, key.valid_offset + i);
      if (out_of_range || null) groups[i] = kNoGroup;
    }
  }
}

Status GroupTable::Find(const std::vector<ArrayDataPtr>& keys, int64_t rows, Scratch* scratch, uint32_t* groups) const {
  if (rows == 0) return Status::OK();
  if (num_groups() == 0) {
    std::fill_n(groups, rows, kNoGroup);
    return Status::OK();
  }
  WEIR_RETURN_NOT_OK(EncodeAll(this, keys, rows, scratch));
  std::vector<int64_t>& packed = scratch->packed;
  switch (mode_) {
    case Mode::kNoKeys:
      std::fill_n(groups, rows, 0);
      return Status::OK();
    case Mode::kOneInt:
      ints_.Find(scratch->keys[0].data, rows, groups);
      break;
    case Mode::kOneText:
      std::copy_n(scratch->numbers.data(), rows, groups);
      return Status::OK();
    case Mode::kPacked:
      packed.resize(std::max<size_t>(packed.size(), rows));
      Pack(*scratch, rows, packed.data());
      ints_.Find(packed.data(), rows, groups);
      break;
    case Mode::kWide: {
      packed.resize(std::max<size_t>(packed.size(), rows * (columns_.size() + 1)));
      auto* words = reinterpret_cast<uint64_t*>(packed.data());
      Widen(*scratch, rows, words);
      wide_.Find(words, rows, groups);
      break;
    }
  }
  ClearNotFound(*scratch, rows, groups);
  return Status::OK();
}

namespace {

Result<BufferPtr> BitmapOf(const std::vector<uint8_t>& valid, int64_t* nulls) {
  const auto count = static_cast<int64_t>(valid.size());
  *nulls = count - std::count(valid.begin(), valid.end(), 1);
  if (*nulls == 0) return BufferPtr();
  WEIR_ASSIGN_OR_RETURN(auto bitmap, arrow::AllocateEmptyBitmap(count));
  for (int64_t i = 0; i < count; ++i) arrow::bit_util::SetBitTo(bitmap->mutable_data(), i, valid[i]);
  return BufferPtr(std::move(bitmap));
}

/// Integer codes as a column of `type`.
Result<ArrayDataPtr> FromIntegers(const TypePtr& type, const int64_t* values, const std::vector<uint8_t>& valid) {
  const auto count = static_cast<int64_t>(valid.size());
  if (type->id() == Type::NA) return NullColumn(type, count);
  int64_t nulls = 0;
  WEIR_ASSIGN_OR_RETURN(auto bitmap, BitmapOf(valid, &nulls));
  BufferPtr out;
  if (type->id() == Type::BOOL) {
    WEIR_ASSIGN_OR_RETURN(out, arrow::AllocateEmptyBitmap(count));
    for (int64_t i = 0; i < count; ++i) arrow::bit_util::SetBitTo(out->mutable_data(), i, values[i] != 0);
  } else {
    const int width = type->byte_width();
    WEIR_ASSIGN_OR_RETURN(out, arrow::AllocateBuffer(count * width));
    if (width == 4) {
      auto* narrow = reinterpret_cast<int32_t*>(out->mutable_data());
      for (int64_t i = 0; i < count; ++i) narrow[i] = static_cast<int32_t>(values[i]);
    } else {
      std::copy_n(values, count, reinterpret_cast<int64_t*>(out->mutable_data()));
    }
  }
  return arrow::ArrayData::Make(type, count, {bitmap, out}, nulls);
}

}  // namespace

Result<ArrayDataPtr> GroupTable::KeyColumn(int c, const uint32_t* groups, uint32_t count) const {
  const Column& column = columns_[c];
  if (mode_ == Mode::kOneText) {
    if (column.kind == Kind::kText) return column.strings.Gather(types_[c], groups, count);
    WEIR_ASSIGN_OR_RETURN(auto bytes, column.strings.Gather(arrow::binary(), groups, count));
    return ColumnFromRowBytes(types_[c], *bytes);
  }
  std::vector<int64_t> values(count);
  std::vector<uint8_t> valid(count, 1);
  if (mode_ == Mode::kOneInt) {
    for (uint32_t i = 0; i < count; ++i) {
      values[i] = ints_.keys()[groups[i]];
      valid[i] = groups[i] != null_group_;
    }
  } else {
    Decode(c, groups, count, values.data(), valid.data());
  }
  if (column.kind != Kind::kText && column.kind != Kind::kBytes) return FromIntegers(types_[c], values.data(), valid);
  const std::vector<uint32_t> numbers(values.begin(), values.end());
  if (column.kind == Kind::kText) return column.strings.Gather(types_[c], numbers.data(), count);
  WEIR_ASSIGN_OR_RETURN(auto bytes, column.strings.Gather(arrow::binary(), numbers.data(), count));
  return ColumnFromRowBytes(types_[c], *bytes);
}

Result<std::vector<ArrayDataPtr>> GroupTable::KeyColumns(uint32_t begin, uint32_t end) const {
  std::vector<uint32_t> groups(end - begin);
  std::iota(groups.begin(), groups.end(), begin);
  std::vector<ArrayDataPtr> out(columns_.size());
  for (size_t c = 0; c < columns_.size(); ++c) {
    WEIR_ASSIGN_OR_RETURN(out[c], KeyColumn(static_cast<int>(c), groups.data(), end - begin));
  }
  return out;
}

}  // namespace weir
