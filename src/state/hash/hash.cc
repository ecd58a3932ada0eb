// Column-wise hashing: one tight loop per column and type, combined into the hashes of the columns before it.
#include "state/hash/hash.h"

#include <arrow/array/data.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <algorithm>

#include "state/hash/key_bits.h"
#include "state/hash/row_bytes.h"

namespace weir {

using arrow::Type;

namespace {

template <class Value>
void HashEach(const arrow::ArrayData& column, int64_t rows, uint64_t* out, Value value) {
  if (!column.MayHaveNulls()) {
    for (int64_t i = 0; i < rows; ++i) out[i] = value(i);
    return;
  }
  const uint8_t* valid = column.buffers[0]->data();
  for (int64_t i = 0; i < rows; ++i) {
    out[i] = arrow::bit_util::GetBit(valid, column.offset + i) ? value(i) : hash::kNull;
  }
}

void HashText(const arrow::ArrayData& column, int64_t rows, uint64_t* out) {
  const int32_t* offsets = column.GetValues<int32_t>(1);
  const char* text = column.buffers[2] ? reinterpret_cast<const char*>(column.buffers[2]->data()) : "";
  HashEach(column, rows, out,
           [=](int64_t i) { return hash::Bytes(text + offsets[i], static_cast<size_t>(offsets[i + 1] - offsets[i])); });
}

}  // namespace

Status KeyHasher::HashColumn(const arrow::ArrayData& column, int64_t rows, DictionaryHashes* known, uint64_t* out) {
  switch (column.type->id()) {
    case Type::NA:
      std::fill_n(out, rows, hash::kNull);
      return Status::OK();
    case Type::INT64:
    case Type::TIMESTAMP: {
      const auto* values = column.GetValues<uint64_t>(1);
      HashEach(column, rows, out, [=](int64_t i) { return hash::Word(values[i]); });
      return Status::OK();
    }
    case Type::DATE32: {
      const auto* values = column.GetValues<int32_t>(1);
      HashEach(column, rows, out, [=](int64_t i) { return hash::Word(static_cast<uint64_t>(int64_t{values[i]})); });
      return Status::OK();
    }
    case Type::DOUBLE: {
      const auto* values = column.GetValues<double>(1);
      HashEach(column, rows, out,
               [=](int64_t i) { return hash::Word(static_cast<uint64_t>(DoubleKeyBits(values[i]))); });
      return Status::OK();
    }
    case Type::BOOL: {
      const uint8_t* bits = column.buffers[1]->data();
      HashEach(column, rows, out,
               [&](int64_t i) { return hash::Word(arrow::bit_util::GetBit(bits, column.offset + i)); });
      return Status::OK();
    }
    case Type::STRING:
    case Type::BINARY:
      HashText(column, rows, out);
      return Status::OK();
    case Type::DICTIONARY: {
      if (known->dictionary != column.dictionary) {
        known->dictionary = column.dictionary;
        known->hashes.resize(column.dictionary->length);
        HashText(*column.dictionary, column.dictionary->length, known->hashes.data());
      }
      const auto* indices = column.GetValues<int32_t>(1);
      const uint64_t* hashes = known->hashes.data();
      HashEach(column, rows, out, [=](int64_t i) { return hashes[indices[i]]; });
      return Status::OK();
    }
    default: {
      WEIR_ASSIGN_OR_RETURN(auto bytes, ColumnAsRowBytes(column));
      HashText(*bytes, rows, out);
      return Status::OK();
    }
  }
}

Status KeyHasher::Hash(const std::vector<ArrayDataPtr>& keys, int64_t rows, uint64_t* out) {
  dictionaries_.resize(std::max(dictionaries_.size(), keys.size()));
  if (keys.empty()) std::fill_n(out, rows, 0);
  for (size_t k = 0; k < keys.size(); ++k) {
    if (k == 0) {
      WEIR_RETURN_NOT_OK(HashColumn(*keys[0], rows, &dictionaries_[0], out));
      continue;
    }
    scratch_.resize(std::max<size_t>(scratch_.size(), rows));
    WEIR_RETURN_NOT_OK(HashColumn(*keys[k], rows, &dictionaries_[k], scratch_.data()));
    for (int64_t i = 0; i < rows; ++i) out[i] = hash::Combine(out[i], scratch_[i]);
  }
  return Status::OK();
}

}  // namespace weir
