// Values as the receive functions of PostgreSQL's types want them.
#include "connectors/postgres/pg_copy_encoder.h"

#include <arrow/array/data.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <cstring>

#include "batch/gather.h"
#include "batch/print.h"
#include "connectors/postgres/pg_numeric.h"
#include "connectors/postgres/pg_time.h"

namespace weir {
namespace {

using arrow::Type;

char* Put16(uint16_t value, char* to) {
  value = __builtin_bswap16(value);
  std::memcpy(to, &value, 2);
  return to + 2;
}
char* Put32(uint32_t value, char* to) {
  value = __builtin_bswap32(value);
  std::memcpy(to, &value, 4);
  return to + 4;
}
char* Put64(uint64_t value, char* to) {
  value = __builtin_bswap64(value);
  std::memcpy(to, &value, 8);
  return to + 8;
}

/// How a value is sent.
enum class Form : uint8_t {
  kNull,
  kBool,
  kInt2,
  kInt4,
  kInt8,
  kIntFloat4,
  kIntFloat8,
  kIntNumeric,
  kFloat4,
  kFloat8,
  kDecimal,
  kText,
  kUuid,
  kBytes,
  kTimestamp,
  kDate,
  kJson,  // the text of any value
  kJsonb,
  kTextJsonb,
  kList,
  kNone,  // it cannot be
};

Form FormOf(const arrow::DataType& type, const PgColumn& column) {
  const uint32_t oid = column.oid;
  if (oid == kPgJson || oid == kPgJsonb) {
    if (type.id() == Type::STRING) return oid == kPgJsonb ? Form::kTextJsonb : Form::kText;
    return oid == kPgJsonb ? Form::kJsonb : Form::kJson;
  }
  switch (type.id()) {
    case Type::NA:
      return Form::kNull;
    case Type::BOOL:
      return oid == kPgBool ? Form::kBool : Form::kNone;
    case Type::INT64:
      switch (oid) {
        case kPgInt2:
          return Form::kInt2;
        case kPgInt4:
          return Form::kInt4;
        case kPgInt8:
          return Form::kInt8;
        case kPgFloat4:
          return Form::kIntFloat4;
        case kPgFloat8:
          return Form::kIntFloat8;
        case kPgNumeric:
          return Form::kIntNumeric;
        default:
          return Form::kNone;
      }
    case Type::DOUBLE:
      return oid == kPgFloat8 ? Form::kFloat8 : oid == kPgFloat4 ? Form::kFloat4 : Form::kNone;
    case Type::DECIMAL128:
      return oid == kPgNumeric ? Form::kDecimal : Form::kNone;
    case Type::STRING:
      if (oid == kPgUuid) return Form::kUuid;
      return oid == kPgText || oid == kPgVarchar || oid == kPgBpchar ? Form::kText : Form::kNone;
    case Type::BINARY:
      return oid == kPgBytea ? Form::kBytes : Form::kNone;
    case Type::TIMESTAMP:
      return oid == kPgTimestamp || oid == kPgTimestamptz ? Form::kTimestamp : Form::kNone;
    case Type::DATE32:
      return oid == kPgDate ? Form::kDate : Form::kNone;
    case Type::LIST: {
      PgColumn item;
      item.oid = column.element;
      item.modifier = column.modifier;
      const auto& items = *static_cast<const arrow::ListType&>(type).value_type();
      return column.element != 0 && FormOf(items, item) != Form::kNone ? Form::kList : Form::kNone;
    }
    default:
      return Form::kNone;
  }
}

int Nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// 16 bytes from 32 digits, with hyphens anywhere between pairs.
bool ParseUuid(std::string_view text, char* to) {
  int count = 0;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '-') {
      ++i;
      continue;
    }
    if (i + 1 >= text.size() || count == 16) return false;
    const int high = Nibble(text[i]), low = Nibble(text[i + 1]);
    if (high < 0 || low < 0) return false;
    to[count++] = static_cast<char>(high << 4 | low);
    i += 2;
  }
  return count == 16;
}

}  // namespace

bool CanSendTo(const arrow::DataType& type, const PgColumn& column) { return FormOf(type, column) != Form::kNone; }

/// One column of the rows at hand. Values go out without their size in front.
class PgCopyEncoder::Column {
 public:
  Column(ArrayDataPtr data, const PgColumn& column)
      : data_(std::move(data)), column_(column), form_(FormOf(*data_->type, column)) {
    offset_ = data_->offset;
    if (data_->buffers[0] != nullptr && data_->GetNullCount() > 0) valid_ = data_->buffers[0]->data();
    if (data_->buffers.size() > 1 && data_->buffers[1] != nullptr) values_ = data_->buffers[1]->data();
    if (data_->buffers.size() > 2 && data_->buffers[2] != nullptr) {
      text_ = reinterpret_cast<const char*>(data_->buffers[2]->data());
    }
    if (form_ == Form::kDecimal) scale_ = static_cast<const arrow::Decimal128Type&>(*data_->type).scale();
    if (form_ == Form::kList) {
      PgColumn item;
      item.oid = column.element;
      item.modifier = column.modifier;
      items_ = std::make_unique<Column>(data_->child_data[0], item);
    }
  }

  /// Size and value, or -1 for null. False: it does not fit, *mistake says why.
  bool Put(int64_t row, TextOutput* out, std::string* mistake) const {
    if (form_ == Form::kNull || (valid_ != nullptr && !arrow::bit_util::GetBit(valid_, offset_ + row))) {
      out->Advance(Put32(0xffffffff, out->Reserve(4)));
      return true;
    }
    const int64_t at = out->size();
    out->Advance(out->Reserve(4) + 4);
    if (!PutValue(row, out, mistake)) return false;
    Put32(static_cast<uint32_t>(out->size() - at - 4), out->mutable_data() + at);
    return true;
  }

 private:
  template <class T>
  T Value(int64_t row) const {
    return reinterpret_cast<const T*>(values_)[offset_ + row];
  }
  std::string_view Text(int64_t row) const {
    const int32_t* offsets = reinterpret_cast<const int32_t*>(values_) + offset_ + row;
    return {text_ + offsets[0], static_cast<size_t>(offsets[1] - offsets[0])};
  }
  bool Misfit(int64_t row, const char* why, std::string* mistake) const {
    AppendJson(*data_, row, mistake);
    *mistake += why;
    return false;
  }
  bool PutText(int64_t row, std::string_view text, TextOutput* out, std::string* mistake) const {
    if (!text.empty() && std::memchr(text.data(), 0, text.size()) != nullptr) {
      return Misfit(row, " has a zero byte, which PostgreSQL keeps in no text", mistake);
    }
    out->Append(text);
    return true;
  }
  bool PutInteger(int64_t row, TextOutput* out, std::string* mistake) const;
  bool PutValue(int64_t row, TextOutput* out, std::string* mistake) const;
  bool PutList(int64_t row, TextOutput* out, std::string* mistake) const;

  const ArrayDataPtr data_;
  const PgColumn column_;
  const Form form_;
  int64_t offset_ = 0;
  const uint8_t* valid_ = nullptr;
  const uint8_t* values_ = nullptr;
  const char* text_ = nullptr;
  int32_t scale_ = 0;
  std::unique_ptr<Column> items_;
};

bool PgCopyEncoder::Column::PutInteger(int64_t row, TextOutput* out, std::string* mistake) const {
  const int64_t value = Value<int64_t>(row);
  char* to = out->Reserve(kMaxNumericBytes);
  switch (form_) {
    case Form::kInt2:
      if (value != static_cast<int16_t>(value)) return Misfit(row, " is no smallint", mistake);
      to = Put16(static_cast<uint16_t>(value), to);
      break;
    case Form::kInt4:
      if (value != static_cast<int32_t>(value)) return Misfit(row, " is no integer of 32 bits", mistake);
      to = Put32(static_cast<uint32_t>(value), to);
      break;
    case Form::kIntFloat4: {
      const float number = static_cast<float>(value);
      uint32_t bits;
      std::memcpy(&bits, &number, 4);
      to = Put32(bits, to);
      break;
    }
    case Form::kIntFloat8: {
      const double number = static_cast<double>(value);
      uint64_t bits;
      std::memcpy(&bits, &number, 8);
      to = Put64(bits, to);
      break;
    }
    case Form::kIntNumeric:
      to = WriteNumeric(value, 0, to);
      break;
    default:
      to = Put64(static_cast<uint64_t>(value), to);
  }
  out->Advance(to);
  return true;
}

bool PgCopyEncoder::Column::PutValue(int64_t row, TextOutput* out, std::string* mistake) const {
  switch (form_) {
    case Form::kInt8:
    case Form::kInt2:
    case Form::kInt4:
    case Form::kIntFloat4:
    case Form::kIntFloat8:
    case Form::kIntNumeric:
      return PutInteger(row, out, mistake);
    case Form::kBool: {
      char* to = out->Reserve(1);
      *to = arrow::bit_util::GetBit(values_, offset_ + row) ? 1 : 0;
      out->Advance(to + 1);
      return true;
    }
    case Form::kFloat8:
      out->Advance(Put64(Value<uint64_t>(row), out->Reserve(8)));
      return true;
    case Form::kFloat4: {
      const float number = static_cast<float>(Value<double>(row));
      uint32_t bits;
      std::memcpy(&bits, &number, 4);
      out->Advance(Put32(bits, out->Reserve(4)));
      return true;
    }
    case Form::kDecimal: {
      __int128 value;
      std::memcpy(&value, values_ + (offset_ + row) * 16, 16);
      out->Advance(WriteNumeric(value, scale_, out->Reserve(kMaxNumericBytes)));
      return true;
    }
    case Form::kText:
      return PutText(row, Text(row), out, mistake);
    case Form::kTextJsonb:
      out->Append("\1");
      return PutText(row, Text(row), out, mistake);
    case Form::kUuid: {
      char* to = out->Reserve(16);
      if (!ParseUuid(Text(row), to)) return Misfit(row, " is no uuid", mistake);
      out->Advance(to + 16);
      return true;
    }
    case Form::kBytes:
      out->Append(Text(row));
      return true;
    case Form::kTimestamp: {
      int64_t value = 0;
      if (!ToPgTimestamp(Value<int64_t>(row), &value)) return Misfit(row, " is out of range", mistake);
      out->Advance(Put64(static_cast<uint64_t>(value), out->Reserve(8)));
      return true;
    }
    case Form::kDate: {
      int32_t value = 0;
      if (!ToPgDate(Value<int32_t>(row), &value)) return Misfit(row, " is out of range", mistake);
      out->Advance(Put32(static_cast<uint32_t>(value), out->Reserve(4)));
      return true;
    }
    case Form::kJsonb:
    case Form::kJson: {
      std::string json = form_ == Form::kJsonb ? "\1" : "";
      AppendJson(*data_, row, &json);
      out->Append(json);
      return true;
    }
    case Form::kList:
      return PutList(row, out, mistake);
    default:
      return Misfit(row, " has no place in this column", mistake);
  }
}

// dimensions:i32 has_nulls:i32 element:oid ( length:i32 first_index:i32 )* values; an empty array has no dimension.
bool PgCopyEncoder::Column::PutList(int64_t row, TextOutput* out, std::string* mistake) const {
  const int32_t* offsets = reinterpret_cast<const int32_t*>(values_) + offset_ + row;
  const int32_t count = offsets[1] - offsets[0];
  char* to = out->Reserve(20);
  to = Put32(count > 0 ? 1 : 0, to);
  to = Put32(1, to);  // it may have nulls
  to = Put32(column_.element, to);
  if (count > 0) {
    to = Put32(static_cast<uint32_t>(count), to);
    to = Put32(1, to);
  }
  out->Advance(to);
  for (int32_t i = offsets[0]; i < offsets[1]; ++i) {
    if (!items_->Put(i, out, mistake)) return false;
  }
  return true;
}

PgCopyEncoder::PgCopyEncoder(std::vector<Field> fields) : fields_(std::move(fields)) {}
PgCopyEncoder::~PgCopyEncoder() = default;

void PgCopyEncoder::AppendHeader(TextOutput* out) {
  out->Append(std::string_view("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", 19));
}

void PgCopyEncoder::AppendTrailer(TextOutput* out) { out->Append("\xff\xff"); }

Status PgCopyEncoder::Bind(const Batch& batch) {
  columns_.clear();
  for (const Field& field : fields_) {
    columns_.push_back(std::make_unique<Column>(batch.PlainColumn(field.input), field.column));
  }
  return Status::OK();
}

bool PgCopyEncoder::Append(int64_t row, TextOutput* out, std::string* mistake) {
  const int64_t begin = out->size();
  out->Advance(Put16(static_cast<uint16_t>(fields_.size()), out->Reserve(2)));
  for (size_t i = 0; i < columns_.size(); ++i) {
    mistake->clear();
    if (columns_[i]->Put(row, out, mistake)) continue;
    *mistake = "column '" + fields_[i].column.name + "': " + *mistake;
    out->Advance(out->data() + begin);
    return false;
  }
  return true;
}

}  // namespace weir
