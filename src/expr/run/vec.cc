// Registers: loading columns into them, and the conversions between bits, bytes and row numbers. See vec.h.
#include "expr/run/vec.h"

#include <arrow/array/data.h>
#include <arrow/type.h>

#include <bit>
#include <cstring>

#ifdef __BMI2__
#include <immintrin.h>
#endif

namespace weir::expr {
namespace {

constexpr uint8_t kOneNull = 0;

uint64_t SpreadByte(uint8_t bits) {
#ifdef __BMI2__
  return _pdep_u64(bits, 0x0101010101010101ull);
#else
  uint64_t word = 0;
  for (int k = 0; k < 8; ++k) word |= static_cast<uint64_t>(bits >> k & 1) << (8 * k);
  return word;
#endif
}

const uint8_t* Bitmap(const arrow::ArrayData& column) {
  return column.buffers[0] != nullptr && column.GetNullCount() != 0 ? column.buffers[0]->data() : nullptr;
}

void LoadValid(Scratch* scratch, const arrow::ArrayData& column, int64_t start, int length, Vec* vec) {
  const uint8_t* bitmap = Bitmap(column);
  if (bitmap == nullptr) return;
  Slab bytes = scratch->Take(1);
  if (ExpandBits(bitmap, column.offset + start, length, bytes.data())) return;
  vec->own_valid = std::move(bytes);
  vec->valid = vec->own_valid.data();
}

StringRef StringAt(const int32_t* offsets, const char* bytes, int64_t row) {
  return {bytes + offsets[row], static_cast<size_t>(offsets[row + 1] - offsets[row])};
}

// Where the strings of a plain or dictionary column lie.
struct Strings {
  const int32_t* indices = nullptr;  // of a dictionary column
  const int32_t* offsets;
  const char* bytes;
  const uint8_t* dictionary_nulls = nullptr;
  int64_t dictionary_offset = 0;
  explicit Strings(const arrow::ArrayData& column) {
    const arrow::ArrayData* plain = &column;
    if (column.type->id() == arrow::Type::DICTIONARY) {
      indices = column.GetValues<int32_t>(1);
      plain = column.dictionary.get();
      dictionary_nulls = Bitmap(*plain);
      dictionary_offset = plain->offset;
    }
    static constexpr int32_t kNoOffsets[1] = {0};
    offsets = plain->buffers[1] ? plain->GetValues<int32_t>(1) : kNoOffsets;
    bytes = plain->buffers[2] ? reinterpret_cast<const char*>(plain->buffers[2]->data()) : "";
  }
  bool IsNull(int64_t row) const {
    if (dictionary_nulls == nullptr) return false;
    int64_t bit = dictionary_offset + indices[row];
    return (dictionary_nulls[bit / 8] >> (bit % 8) & 1) == 0;
  }
  StringRef At(int64_t row) const { return StringAt(offsets, bytes, indices ? indices[row] : row); }
};

template <class T>
const T* Fixed(const arrow::ArrayData& column) {
  return column.buffers[1] ? column.GetValues<T>(1) : nullptr;
}

// Fills values of rows that `alive` names, from column row `row_of(i)`; nulls get a value that is safe to read.
template <class RowOf>
void FillValues(const arrow::ArrayData& column, const Rows& alive, Vec* vec, RowOf row_of) {
  switch (vec->phys) {
    case Phys::kBool: {
      auto* out = vec->own_values.as<uint8_t>();
      const uint8_t* bits = column.buffers[1] ? column.buffers[1]->data() : nullptr;
      ForRows(alive, [&](int i) {
        int64_t bit = row_of(i) + column.offset;
        out[i] = row_of(i) >= 0 && bits != nullptr && (bits[bit / 8] >> (bit % 8) & 1);
      });
      break;
    }
    case Phys::kInt: {
      auto* out = vec->own_values.as<int64_t>();
      if (column.type->id() == arrow::Type::DATE32) {
        const auto* in = Fixed<int32_t>(column);
        ForRows(alive, [&](int i) { out[i] = row_of(i) >= 0 ? in[row_of(i)] : 0; });
      } else {
        const auto* in = Fixed<int64_t>(column);
        ForRows(alive, [&](int i) { out[i] = row_of(i) >= 0 ? in[row_of(i)] : 0; });
      }
      break;
    }
    case Phys::kDouble: {
      auto* out = vec->own_values.as<double>();
      const auto* in = Fixed<double>(column);
      ForRows(alive, [&](int i) { out[i] = row_of(i) >= 0 ? in[row_of(i)] : 0; });
      break;
    }
    case Phys::kDecimal: {
      auto* out = vec->own_values.as<Int128>();
      const auto* in = column.buffers[1] ? column.buffers[1]->data() + column.offset * 16 : nullptr;
      ForRows(alive, [&](int i) {
        out[i] = 0;
        if (row_of(i) >= 0) std::memcpy(&out[i], in + row_of(i) * 16, 16);
      });
      break;
    }
    case Phys::kString: {
      auto* out = vec->own_values.as<StringRef>();
      Strings strings(column);
      ForRows(alive, [&](int i) {
        out[i] = row_of(i) >= 0 && vec->IsValid(i) ? strings.At(row_of(i)) : StringRef{"", 0};
      });
      break;
    }
    case Phys::kNested: {
      auto* out = vec->own_values.as<int32_t>();
      ForRows(alive, [&](int i) { out[i] = static_cast<int32_t>(row_of(i)); });
      break;
    }
    case Phys::kNull:
      break;
  }
}

}  // namespace

Phys PhysOf(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::NA:
      return Phys::kNull;
    case arrow::Type::BOOL:
      return Phys::kBool;
    case arrow::Type::INT64:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::DATE32:
      return Phys::kInt;
    case arrow::Type::DOUBLE:
      return Phys::kDouble;
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return Phys::kString;
    case arrow::Type::DICTIONARY:
      return Phys::kString;
    case arrow::Type::DECIMAL128:
      return Phys::kDecimal;
    default:
      return Phys::kNested;
  }
}

size_t WidthOf(Phys phys) {
  static constexpr size_t kWidths[] = {1, 1, 8, 8, sizeof(StringRef), 16, 4};
  return kWidths[static_cast<int>(phys)];
}

Vec NewVec(Scratch* scratch, Phys phys) {
  Vec vec;
  vec.phys = phys;
  vec.own_values = scratch->Take(WidthOf(phys));
  vec.values = vec.own_values.data();
  return vec;
}

Vec NullVec(Phys phys) {
  static constexpr struct alignas(16) {
    StringRef string{"", 0};
    uint64_t zeros[2] = {0, 0};
  } kZero{};
  Vec vec;
  vec.phys = phys;
  vec.constant = true;
  vec.values = phys == Phys::kString ? static_cast<const void*>(&kZero.string) : kZero.zeros;
  vec.valid = &kOneNull;
  return vec;
}

uint8_t* MutableValid(Scratch* scratch, Vec* vec, int chunk) {
  if (vec->own_valid && vec->valid == vec->own_valid.data()) return vec->own_valid.data();
  Slab bytes = scratch->Take(1);
  if (vec->valid != nullptr) {
    std::memcpy(bytes.data(), vec->valid, chunk);
  } else {
    std::memset(bytes.data(), 1, chunk);
  }
  vec->own_valid = std::move(bytes);
  vec->valid = vec->own_valid.data();
  return vec->own_valid.data();
}

Vec LoadColumn(Scratch* scratch, const arrow::ArrayData& column, int64_t start, const Rows& alive) {
  int length = alive.chunk;
  Phys phys = PhysOf(*column.type);
  if (phys == Phys::kNull) return NullVec(phys);
  Vec vec;
  vec.phys = phys;
  LoadValid(scratch, column, start, length, &vec);
  if (phys == Phys::kInt && column.type->id() != arrow::Type::DATE32) {
    vec.values = Fixed<int64_t>(column) + start;
    return vec;
  }
  if (phys == Phys::kDouble) {
    vec.values = Fixed<double>(column) + start;
    return vec;
  }
  vec.own_values = scratch->Take(WidthOf(phys));
  vec.values = vec.own_values.data();
  if (phys == Phys::kBool) {
    ExpandBits(column.buffers[1]->data(), column.offset + start, length, vec.own_values.data());
    return vec;
  }
  if (phys == Phys::kNested) vec.array = &column;
  if (column.type->id() == arrow::Type::DICTIONARY) {
    Strings strings(column);
    for (int i = 0; i < length; ++i) {
      if (vec.IsValid(i) && strings.IsNull(start + i)) MutableValid(scratch, &vec, length)[i] = 0;
    }
  }
  FillValues(column, alive, &vec, [start](int i) { return start + i; });
  return vec;
}

Vec LoadRows(Scratch* scratch, const arrow::ArrayData& column, const int32_t* rows, const uint8_t* valid,
             const Rows& alive) {
  Phys phys = PhysOf(*column.type);
  if (phys == Phys::kNull) return NullVec(phys);
  Vec vec = NewVec(scratch, phys);
  Slab safe = scratch->Take(4);  // row numbers with nulls as -1
  auto* row_of = safe.as<int32_t>();
  const uint8_t* bitmap = Bitmap(column);
  bool nulls = false;
  ForRows(alive, [&](int i) {
    int32_t row = valid != nullptr && valid[i] == 0 ? -1 : rows[i];
    if (row >= 0 && bitmap != nullptr) {
      int64_t bit = column.offset + row;
      if ((bitmap[bit / 8] >> (bit % 8) & 1) == 0) row = -1;
    }
    row_of[i] = row;
    nulls |= row < 0;
  });
  if (nulls) {
    uint8_t* out = MutableValid(scratch, &vec, alive.chunk);
    ForRows(alive, [&](int i) { out[i] = row_of[i] >= 0; });
  }
  if (phys == Phys::kNested) vec.array = &column;
  FillValues(column, alive, &vec, [row_of](int i) { return static_cast<int64_t>(row_of[i]); });
  return vec;
}

Vec LoadConstant(Scratch* scratch, const arrow::ArrayData& column) {
  if (column.GetNullCount() != 0 || column.type->id() == arrow::Type::NA) return NullVec(PhysOf(*column.type));
  Vec vec = LoadColumn(scratch, column, 0, Rows{nullptr, 1, 1});
  vec.constant = true;
  return vec;
}

bool ExpandBits(const uint8_t* bits, int64_t offset, int length, uint8_t* out) {
  uint8_t all = 1;
  int i = 0;
  while (i < length && (offset + i) % 8 != 0) {
    out[i] = bits[(offset + i) / 8] >> ((offset + i) % 8) & 1;
    all &= out[i];
    ++i;
  }
  const uint8_t* from = bits + (offset + i) / 8;
  for (; i + 8 <= length; i += 8, ++from) {
    uint64_t bytes = SpreadByte(*from);
    std::memcpy(out + i, &bytes, 8);
    all &= *from == 0xFF;
  }
  for (; i < length; ++i) {
    out[i] = bits[(offset + i) / 8] >> ((offset + i) % 8) & 1;
    all &= out[i];
  }
  return all != 0;
}

int64_t PackBits(const uint8_t* bytes, int length, uint8_t* out) {
  int64_t ones = 0;
  int i = 0;
  for (; i + 8 <= length; i += 8) {
    uint64_t word;
    std::memcpy(&word, bytes + i, 8);
    auto packed = static_cast<uint8_t>((word & 0x0101010101010101ull) * 0x0102040810204080ull >> 56);
    out[i / 8] = packed;
    ones += std::popcount(packed);
  }
  if (i < length) {
    uint8_t packed = 0;
    for (int k = 0; i + k < length; ++k) packed |= static_cast<uint8_t>((bytes[i + k] & 1) << k);
    out[i / 8] = packed;
    ones += std::popcount(packed);
  }
  return ones;
}

int SelectRows(const uint8_t* bytes, const uint8_t* valid, const Rows& alive, int32_t* out) {
  int n = 0;
  if (!alive.dense()) {
    for (int k = 0; k < alive.count; ++k) {
      int32_t row = alive.index[k];
      out[n] = row;
      n += bytes[row] & (valid == nullptr ? 1 : valid[row]);
    }
    return n;
  }
  for (int i = 0; i < alive.count; i += 64) {
    uint64_t mask = 0;
    int block = std::min(64, alive.count - i);
    uint8_t packed[8] = {};
    PackBits(bytes + i, block, packed);
    std::memcpy(&mask, packed, 8);
    if (valid != nullptr) {
      uint64_t valid_mask;
      std::memset(packed, 0, 8);
      PackBits(valid + i, block, packed);
      std::memcpy(&valid_mask, packed, 8);
      mask &= valid_mask;
    }
    if (mask == ~uint64_t{0}) {
      for (int k = 0; k < 64; ++k) out[n + k] = i + k;
      n += 64;
      continue;
    }
    for (; mask != 0; mask &= mask - 1) out[n++] = i + std::countr_zero(mask);
  }
  return n;
}

}  // namespace weir::expr
