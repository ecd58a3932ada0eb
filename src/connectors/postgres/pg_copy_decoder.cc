// Values as the send functions of PostgreSQL's types write them.
#include "connectors/postgres/pg_copy_decoder.h"

#include <arrow/array/data.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include <cstring>

#include "base/check.h"
#include "batch/gather.h"
#include "batch/print.h"
#include "connectors/postgres/pg_numeric.h"
#include "connectors/postgres/pg_time.h"

namespace weir {
namespace {

uint16_t Get16(const char* from) {
  uint16_t value;
  std::memcpy(&value, from, 2);
  return __builtin_bswap16(value);
}
uint32_t Get32(const char* from) {
  uint32_t value;
  std::memcpy(&value, from, 4);
  return __builtin_bswap32(value);
}
uint64_t Get64(const char* from) {
  uint64_t value;
  std::memcpy(&value, from, 8);
  return __builtin_bswap64(value);
}

Status Damaged() { return Status::Invalid("PostgreSQL: the rows that came are not in the binary format of COPY"); }

std::string UuidText(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[static_cast<uint8_t>(bytes[i]) >> 4];
    text += kDigits[static_cast<uint8_t>(bytes[i]) & 15];
  }
  return text;
}

}  // namespace

/// Builds one column.
class PgCopyDecoder::Column {
 public:
  Column(const PgColumn& column, const TypePtr& type) : column_(column), type_(type), native_(IsNativePg(column)) {}

  Status Init() {
    WEIR_RETURN_NOT_OK(arrow::MakeBuilder(arrow::default_memory_pool(), type_, &owned_));
    builder_ = owned_.get();
    return InitItems();
  }
  Status AppendNull() { return builder_->AppendNull(); }
  /// False: the value has no place here; a null stands for it.
  Result<bool> Append(std::string_view bytes) {
    WEIR_ASSIGN_OR_RETURN(const bool fits, AppendValue(bytes));
    if (!fits) WEIR_RETURN_NOT_OK(builder_->AppendNull());
    return fits;
  }
  Result<ArrayDataPtr> Finish() {
    ArrayDataPtr data;
    WEIR_RETURN_NOT_OK(builder_->FinishInternal(&data));
    return data;
  }
  const std::string& name() const { return column_.name; }

 private:
  Status InitItems() {
    if (type_->id() != arrow::Type::LIST) return Status::OK();
    PgColumn item;
    item.oid = column_.element;
    item.modifier = column_.modifier;
    items_ = std::make_unique<Column>(item, static_cast<const arrow::ListType&>(*type_).value_type());
    items_->builder_ = static_cast<arrow::ListBuilder*>(builder_)->value_builder();
    return items_->InitItems();
  }
  template <class B, class V>
  Result<bool> Put(V value) {
    WEIR_RETURN_NOT_OK(static_cast<B*>(builder_)->Append(value));
    return true;
  }
  Result<bool> AppendValue(std::string_view bytes);
  Result<bool> AppendList(std::string_view bytes);

  const PgColumn column_;
  const TypePtr type_;
  const bool native_;  // else text was asked for
  std::unique_ptr<arrow::ArrayBuilder> owned_;
  arrow::ArrayBuilder* builder_ = nullptr;
  std::unique_ptr<Column> items_;
};

Result<bool> PgCopyDecoder::Column::AppendValue(std::string_view bytes) {
  if (column_.element != 0 && native_) return AppendList(bytes);
  const size_t size = bytes.size();
  switch (native_ ? column_.oid : static_cast<uint32_t>(kPgText)) {
    case kPgBool:
      return size == 1 ? Put<arrow::BooleanBuilder>(bytes[0] != 0) : Damaged();
    case kPgInt2:
      return size == 2 ? Put<arrow::Int64Builder>(int64_t{static_cast<int16_t>(Get16(bytes.data()))}) : Damaged();
    case kPgInt4:
      return size == 4 ? Put<arrow::Int64Builder>(int64_t{static_cast<int32_t>(Get32(bytes.data()))}) : Damaged();
    case kPgOid:
      return size == 4 ? Put<arrow::Int64Builder>(int64_t{Get32(bytes.data())}) : Damaged();
    case kPgInt8:
      return size == 8 ? Put<arrow::Int64Builder>(static_cast<int64_t>(Get64(bytes.data()))) : Damaged();
    case kPgFloat4: {
      if (size != 4) return Damaged();
      const uint32_t bits = Get32(bytes.data());
      float value;
      std::memcpy(&value, &bits, 4);
      return Put<arrow::DoubleBuilder>(static_cast<double>(value));
    }
    case kPgFloat8: {
      if (size != 8) return Damaged();
      const uint64_t bits = Get64(bytes.data());
      double value;
      std::memcpy(&value, &bits, 8);
      return Put<arrow::DoubleBuilder>(value);
    }
    case kPgBytea:
      return Put<arrow::BinaryBuilder>(bytes);
    case kPgDate: {
      int32_t days = 0;
      if (size != 4) return Damaged();
      if (!FromPgDate(static_cast<int32_t>(Get32(bytes.data())), &days)) return false;
      return Put<arrow::Date32Builder>(days);
    }
    case kPgTimestamp:
    case kPgTimestamptz: {
      int64_t us = 0;
      if (size != 8) return Damaged();
      if (!FromPgTimestamp(static_cast<int64_t>(Get64(bytes.data())), &us)) return false;
      return Put<arrow::TimestampBuilder>(us);
    }
    case kPgNumeric: {
      __int128 value = 0;
      if (!ReadNumeric(bytes, static_cast<const arrow::Decimal128Type&>(*type_).scale(), &value)) return false;
      return Put<arrow::Decimal128Builder>(
          arrow::Decimal128(static_cast<int64_t>(value >> 64), static_cast<uint64_t>(value)));
    }
    case kPgUuid:
      return size == 16 ? Put<arrow::StringBuilder>(UuidText(bytes)) : Damaged();
    case kPgJsonb:
      return size > 0 ? Put<arrow::StringBuilder>(bytes.substr(1)) : Damaged();
    default:
      return Put<arrow::StringBuilder>(bytes);
  }
}

Result<bool> PgCopyDecoder::Column::AppendList(std::string_view bytes) {
  if (bytes.size() < 12) return Damaged();
  const uint32_t dimensions = Get32(bytes.data());
  if (dimensions > 1) return false;
  auto* list = static_cast<arrow::ListBuilder*>(builder_);
  if (dimensions == 0) {
    WEIR_RETURN_NOT_OK(list->Append());
    return true;
  }
  if (bytes.size() < 20) return Damaged();
  const uint32_t count = Get32(bytes.data() + 12);
  // What does not fit has to be known before the list is begun: its values could not be taken back.
  size_t at = 20;
  WEIR_RETURN_NOT_OK(list->Append());
  for (uint32_t i = 0; i < count; ++i) {
    if (at + 4 > bytes.size()) return Damaged();
    const auto size = static_cast<int32_t>(Get32(bytes.data() + at));
    at += 4;
    if (size < 0) {
      WEIR_RETURN_NOT_OK(items_->AppendNull());
      continue;
    }
    if (at + static_cast<size_t>(size) > bytes.size()) return Damaged();
    // An item that has no place is null: arrays hold nulls, and the row would be lost for one of many.
    WEIR_RETURN_NOT_OK(items_->Append(bytes.substr(at, static_cast<size_t>(size))).status());
    at += static_cast<size_t>(size);
  }
  return true;
}

PgCopyDecoder::PgCopyDecoder(SchemaPtr schema, std::vector<int> wanted, std::vector<PgColumn> columns)
    : schema_(std::move(schema)), wanted_(std::move(wanted)) {
  for (size_t i = 0; i < columns.size(); ++i) {
    columns_.push_back(std::make_unique<Column>(columns[i], schema_->field(wanted_[i])->type()));
    WEIR_CHECK(columns_.back()->Init().ok(), "every type that is read has a builder");
  }
}
PgCopyDecoder::~PgCopyDecoder() = default;

Status PgCopyDecoder::Add(std::string_view bytes) {
  if (at_begin_) {
    if (bytes.size() < 19 || std::memcmp(bytes.data(), "PGCOPY\n\xff\r\n\0", 11) != 0) return Damaged();
    const size_t head = 19 + static_cast<size_t>(Get32(bytes.data() + 15));
    if (head > bytes.size()) return Damaged();
    bytes.remove_prefix(head);
    at_begin_ = false;
  }
  while (!bytes.empty()) {
    if (bytes.size() < 2) return Damaged();
    const uint16_t fields = Get16(bytes.data());
    if (fields == 0xffff) return Status::OK();
    // A copy of no columns is one of a constant: only the number of rows counts.
    const bool counts_only = columns_.empty();
    if (!counts_only && fields != columns_.size()) return Damaged();
    bytes.remove_prefix(2);
    for (size_t i = 0; i < fields; ++i) {
      if (bytes.size() < 4) return Damaged();
      const auto size = static_cast<int32_t>(Get32(bytes.data()));
      bytes.remove_prefix(4);
      if (size < 0) {
        if (!counts_only) WEIR_RETURN_NOT_OK(columns_[i]->AppendNull());
        continue;
      }
      if (bytes.size() < static_cast<size_t>(size)) return Damaged();
      if (!counts_only) {
        WEIR_ASSIGN_OR_RETURN(const bool fits, columns_[i]->Append(bytes.substr(0, static_cast<size_t>(size))));
        if (!fits && (mistakes_.empty() || mistakes_.back().row != num_rows_)) {
          mistakes_.push_back({num_rows_, "column '" + columns_[i]->name() +
                                              "' holds a value that has no place in type " +
                                              TypeName(*schema_->field(wanted_[i])->type()) +
                                              " (infinity, NaN or an array of arrays)"});
        }
      }
      bytes.remove_prefix(static_cast<size_t>(size));
    }
    ++num_rows_;
  }
  return Status::OK();
}

Result<Batch> PgCopyDecoder::Take(std::vector<RawError>* errors) {
  std::vector<ArrayDataPtr> columns(schema_->num_fields());
  for (size_t i = 0; i < columns_.size(); ++i) {
    WEIR_ASSIGN_OR_RETURN(columns[wanted_[i]], columns_[i]->Finish());
  }
  const int64_t num_rows = std::exchange(num_rows_, 0);
  Batch batch(schema_, std::move(columns), num_rows);
  if (mistakes_.empty()) return batch;
  std::vector<int32_t> rest;
  size_t next = 0;
  for (int64_t row = 0; row < num_rows; ++row) {
    if (next == mistakes_.size() || mistakes_[next].row != row) {
      rest.push_back(static_cast<int32_t>(row));
      continue;
    }
    errors->push_back({RowToJson(batch, row), mistakes_[next++].message});
  }
  mistakes_.clear();
  return GatherBatch(batch, rest);
}

}  // namespace weir
