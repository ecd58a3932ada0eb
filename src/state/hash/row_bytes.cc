// Encoding: one byte 0 (null) or 1, then the value:
//   bool 1 byte · int64, timestamp, double 8 · date 4 · decimal 16 · utf8, binary u32 length + bytes
//   list, map u32 count + items (a map's entries in order) · struct its fields
#include "state/hash/row_bytes.h"

#include <arrow/array.h>
#include <arrow/array/builder_base.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_decimal.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/array/builder_time.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>
#include <arrow/util/decimal.h>

#include <cstring>
#include <limits>
#include <string_view>

#include "state/hash/key_bits.h"

namespace weir {

using arrow::Type;

namespace {

template <class T>
void Append(const T& value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof value);
}

// kExact: doubles by their own bits.
template <bool kExact>
void AppendValue(const arrow::ArrayData& column, int64_t row, std::string* out);

template <bool kExact>
void AppendSlots(const arrow::ArrayData& items, int64_t begin, int64_t count, std::string* out) {
  Append(static_cast<uint32_t>(count), out);
  for (int64_t i = 0; i < count; ++i) AppendValue<kExact>(items, begin + i, out);
}

template <bool kExact>
void AppendValue(const arrow::ArrayData& column, int64_t row, std::string* out) {
  if (column.type->id() == Type::NA || column.IsNull(row)) {
    out->push_back(0);
    return;
  }
  out->push_back(1);
  switch (column.type->id()) {
    case Type::BOOL:
      out->push_back(arrow::bit_util::GetBit(column.buffers[1]->data(), column.offset + row));
      return;
    case Type::DOUBLE:
      if (kExact) {
        Append(column.GetValues<double>(1)[row], out);
      } else {
        Append(DoubleKeyBits(column.GetValues<double>(1)[row]), out);
      }
      return;
    case Type::STRING:
    case Type::BINARY: {
      const int32_t* offsets = column.GetValues<int32_t>(1) + row;
      const int32_t size = offsets[1] - offsets[0];
      Append(static_cast<uint32_t>(size), out);
      if (size > 0) out->append(reinterpret_cast<const char*>(column.buffers[2]->data()) + offsets[0], size);
      return;
    }
    case Type::DICTIONARY:
      out->pop_back();
      AppendValue<kExact>(*column.dictionary, column.GetValues<int32_t>(1)[row], out);
      return;
    case Type::LIST:
    case Type::MAP: {
      const int32_t* offsets = column.GetValues<int32_t>(1) + row;
      AppendSlots<kExact>(*column.child_data[0], offsets[0], offsets[1] - offsets[0], out);
      return;
    }
    case Type::STRUCT:
      for (const auto& child : column.child_data) AppendValue<kExact>(*child, column.offset + row, out);
      return;
    default: {
      const int width = column.type->byte_width();
      const uint8_t* values = column.buffers[1]->data() + (column.offset + row) * width;
      out->append(reinterpret_cast<const char*>(values), width);
    }
  }
}

}  // namespace

void AppendRowBytes(const arrow::ArrayData& column, int64_t row, std::string* out) {
  AppendValue<false>(column, row, out);
}

void AppendExactRowBytes(const arrow::ArrayData& column, int64_t row, std::string* out) {
  AppendValue<true>(column, row, out);
}

Result<ArrayDataPtr> ColumnAsRowBytes(const arrow::ArrayData& column) {
  arrow::BinaryBuilder builder;
  std::string bytes;
  for (int64_t row = 0; row < column.length; ++row) {
    if (column.type->id() == Type::NA || column.IsNull(row)) {
      WEIR_RETURN_NOT_OK(builder.AppendNull());
      continue;
    }
    bytes.clear();
    AppendRowBytes(column, row, &bytes);
    WEIR_RETURN_NOT_OK(builder.Append(bytes));
  }
  WEIR_ASSIGN_OR_RETURN(auto array, builder.Finish());
  return array->data();
}

namespace {

/// Beyond the end it gives zeros, and is not ok() from then on.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  template <class T>
  T Read() {
    T value{};
    const char* from = Skip(sizeof value);
    if (ok_) std::memcpy(&value, from, sizeof value);
    return value;
  }
  const char* Skip(size_t size) {
    static const char kZeros[16] = {};
    if (size > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return kZeros;
    }
    const char* at = rest_.data();
    rest_.remove_prefix(size);
    return at;
  }
  bool ok() const { return ok_; }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

Status ReadInto(Reader* in, const arrow::DataType& type, arrow::ArrayBuilder* builder);

Status ReadItems(Reader* in, const arrow::DataType& type, arrow::ArrayBuilder* items) {
  const auto count = in->Read<uint32_t>();
  for (uint32_t i = 0; i < count && in->ok(); ++i) WEIR_RETURN_NOT_OK(ReadInto(in, type, items));
  return Status::OK();
}

// A map's builder makes the entry structs itself: key and item go to their own builders.
Status ReadEntries(Reader* in, const arrow::MapType& type, arrow::MapBuilder* builder) {
  const auto count = in->Read<uint32_t>();
  for (uint32_t i = 0; i < count && in->ok(); ++i) {
    in->Read<uint8_t>();  // the entry itself, never null
    WEIR_RETURN_NOT_OK(ReadInto(in, *type.key_type(), builder->key_builder()));
    WEIR_RETURN_NOT_OK(ReadInto(in, *type.item_type(), builder->item_builder()));
  }
  return Status::OK();
}

Status ReadInto(Reader* in, const arrow::DataType& type, arrow::ArrayBuilder* builder) {
  if (in->Read<uint8_t>() == 0) return builder->AppendNull();
  switch (type.id()) {
    case Type::BOOL:
      return static_cast<arrow::BooleanBuilder*>(builder)->Append(in->Read<uint8_t>() != 0);
    case Type::INT64:
      return static_cast<arrow::Int64Builder*>(builder)->Append(in->Read<int64_t>());
    case Type::TIMESTAMP:
      return static_cast<arrow::TimestampBuilder*>(builder)->Append(in->Read<int64_t>());
    case Type::DOUBLE:
      return static_cast<arrow::DoubleBuilder*>(builder)->Append(DoubleFromKeyBits(in->Read<int64_t>()));
    case Type::DATE32:
      return static_cast<arrow::Date32Builder*>(builder)->Append(in->Read<int32_t>());
    case Type::DECIMAL128: {
      const char* bytes = in->Skip(16);
      return static_cast<arrow::Decimal128Builder*>(builder)->Append(
          arrow::Decimal128(reinterpret_cast<const uint8_t*>(bytes)));
    }
    case Type::STRING:
    case Type::BINARY: {
      const auto size = in->Read<uint32_t>();
      const char* bytes = in->Skip(size);
      return static_cast<arrow::BinaryBuilder*>(builder)->Append(bytes, in->ok() ? static_cast<int32_t>(size) : 0);
    }
    case Type::LIST: {
      auto* list = static_cast<arrow::ListBuilder*>(builder);
      WEIR_RETURN_NOT_OK(list->Append());
      return ReadItems(in, *type.field(0)->type(), list->value_builder());
    }
    case Type::MAP: {
      auto* map = static_cast<arrow::MapBuilder*>(builder);
      WEIR_RETURN_NOT_OK(map->Append());
      return ReadEntries(in, static_cast<const arrow::MapType&>(type), map);
    }
    case Type::STRUCT: {
      auto* fields = static_cast<arrow::StructBuilder*>(builder);
      WEIR_RETURN_NOT_OK(fields->Append());
      for (int i = 0; i < type.num_fields(); ++i) {
        WEIR_RETURN_NOT_OK(ReadInto(in, *type.field(i)->type(), fields->field_builder(i)));
      }
      return Status::OK();
    }
    default:
      return Status::TypeError("a key of type ", type.ToString(), " does not flow");
  }
}

}  // namespace

Status ReadRowBytes(const arrow::DataType& type, std::string_view* bytes, arrow::ArrayBuilder* builder) {
  Reader in(*bytes);
  WEIR_RETURN_NOT_OK(ReadInto(&in, type, builder));
  *bytes = in.rest();
  return in.ok() ? Status::OK() : Status::Invalid("the bytes of a value are damaged");
}

Result<ArrayDataPtr> ColumnFromRowBytes(const TypePtr& type, const arrow::ArrayData& values) {
  WEIR_ASSIGN_OR_RETURN(auto builder, arrow::MakeBuilder(type));
  const int32_t* offsets = values.GetValues<int32_t>(1);
  for (int64_t row = 0; row < values.length; ++row) {
    if (values.IsNull(row) || type->id() == Type::NA) {
      WEIR_RETURN_NOT_OK(builder->AppendNull());
      continue;
    }
    Reader in({reinterpret_cast<const char*>(values.buffers[2]->data()) + offsets[row],
               static_cast<size_t>(offsets[row + 1] - offsets[row])});
    WEIR_RETURN_NOT_OK(ReadInto(&in, *type, builder.get()));
  }
  WEIR_ASSIGN_OR_RETURN(auto array, builder->Finish());
  return array->data();
}

}  // namespace weir
