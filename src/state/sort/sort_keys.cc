// Encodes sort keys.
#include "state/sort/sort_keys.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "batch/types.h"

namespace weir {
namespace {

constexpr size_t kPrefixBytes = 16;
constexpr uint64_t kSign = uint64_t{1} << 63;

/// Bytes of one value or one key under way.
class KeyBytes {
 public:
  void Clear() { bytes_.clear(); }
  void Byte(uint8_t b) { bytes_.push_back(static_cast<char>(b)); }
  void Word(uint64_t word, bool invert) {
    word = __builtin_bswap64(invert ? ~word : word);
    bytes_.append(reinterpret_cast<const char*>(&word), 8);
  }
  void Text(std::string_view text, bool invert) {
    const auto flip = static_cast<uint8_t>(invert ? 0xff : 0x00);
    for (char c : text) {
      Byte(static_cast<uint8_t>(c) ^ flip);
      if (c == '\0') Byte(0xff ^ flip);
    }
    Byte(flip);
    Byte(flip);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

uint64_t OrderedDouble(double value) {
  if (std::isnan(value)) return std::numeric_limits<uint64_t>::max();
  if (value == 0) value = 0;  // -0.0
  const auto bits = std::bit_cast<uint64_t>(value);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

void AppendValue(const arrow::ArrayData& column, int64_t row, bool invert, KeyBytes* out) {
  switch (column.type->id()) {
    case arrow::Type::BOOL:
      out->Byte((arrow::bit_util::GetBit(column.buffers[1]->data(), column.offset + row) ? 1 : 0) ^
                (invert ? 0xff : 0));
      return;
    case arrow::Type::INT64:
    case arrow::Type::TIMESTAMP:
      out->Word(static_cast<uint64_t>(column.GetValues<int64_t>(1)[row]) ^ kSign, invert);
      return;
    case arrow::Type::DATE32:
      out->Word(static_cast<uint64_t>(int64_t{column.GetValues<int32_t>(1)[row]}) ^ kSign, invert);
      return;
    case arrow::Type::DOUBLE:
      out->Word(OrderedDouble(column.GetValues<double>(1)[row]), invert);
      return;
    case arrow::Type::DECIMAL128: {
      const auto* words = column.GetValues<uint64_t>(1, 2 * column.offset) + 2 * row;
      out->Word(words[1] ^ kSign, invert);
      out->Word(words[0], invert);
      return;
    }
    case arrow::Type::STRING:
    case arrow::Type::BINARY: {
      const auto* offsets = column.GetValues<int32_t>(1);
      const auto* bytes = reinterpret_cast<const char*>(column.buffers[2] ? column.buffers[2]->data() : nullptr);
      out->Text({bytes + offsets[row], static_cast<size_t>(offsets[row + 1] - offsets[row])}, invert);
      return;
    }
    default:
      return;  // null: nothing but the marker
  }
}

uint64_t BigEndian(const char* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, 8);
  return __builtin_bswap64(word);
}

bool IsNull(const arrow::ArrayData& column, int64_t row) {
  if (column.type->id() == arrow::Type::NA) return true;
  return column.buffers[0] != nullptr && !arrow::bit_util::GetBit(column.buffers[0]->data(), column.offset + row);
}

}  // namespace

bool IsSortable(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::NA:
    case arrow::Type::BOOL:
    case arrow::Type::INT64:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::DATE32:
    case arrow::Type::DOUBLE:
    case arrow::Type::DECIMAL128:
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return true;
    default:
      return false;
  }
}

Status EncodeSortKeys(const Batch& batch, const std::vector<SortKey>& keys, EncodedKeys* out) {
  std::vector<const arrow::ArrayData*> columns;
  for (const SortKey& key : keys) {
    columns.push_back(batch.PlainColumn(key.column).get());
    if (!IsSortable(*columns.back()->type)) return Status::TypeError(TypeName(*columns.back()->type), " has no order");
  }
  const int64_t rows = batch.num_rows();
  out->prefixes.resize(rows);
  out->tail_offsets.clear();
  out->tails.clear();
  KeyBytes bytes;
  for (int64_t row = 0; row < rows; ++row) {
    bytes.Clear();
    for (size_t i = 0; i < keys.size(); ++i) {
      if (IsNull(*columns[i], row)) {
        bytes.Byte(keys[i].nulls_first ? 0x00 : 0x02);
      } else {
        bytes.Byte(0x01);
        AppendValue(*columns[i], row, keys[i].descending, &bytes);
      }
    }
    const std::string& key = bytes.bytes();
    char prefix[kPrefixBytes] = {};
    std::memcpy(prefix, key.data(), std::min(key.size(), kPrefixBytes));
    out->prefixes[row] = {BigEndian(prefix), BigEndian(prefix + 8)};
    if (key.size() > kPrefixBytes) {
      // From the first long key on every row has an offset; the rows before it have empty tails.
      if (out->tail_offsets.empty()) {
        out->tail_offsets.reserve(rows + 1);
        out->tail_offsets.assign(row + 1, 0);
      }
      out->tails.append(key, kPrefixBytes);
    }
    if (!out->tail_offsets.empty()) {
      if (out->tails.size() > std::numeric_limits<uint32_t>::max()) {
        return Status::CapacityError("more than 4 GiB of sort keys in one batch");
      }
      out->tail_offsets.push_back(static_cast<uint32_t>(out->tails.size()));
    }
  }
  return Status::OK();
}

}  // namespace weir
