// Text of PostgreSQL's output functions to values.
#include "connectors/postgres/pg_text_rows.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include "base/check.h"
#include "batch/gather.h"
#include "batch/print.h"
#include "batch/types.h"
#include "formats/text/value_text.h"

namespace weir {
namespace {

using arrow::Type;

Result<bool> AppendText(std::string_view text, const arrow::DataType& type, arrow::ArrayBuilder* to);

/// "\x00ff".
bool ParseHex(std::string_view text, std::string* bytes) {
  if (!text.starts_with("\\x") || text.size() % 2 != 0) return false;
  const auto nibble = [](char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; };
  for (size_t i = 2; i < text.size(); i += 2) {
    bytes->push_back(static_cast<char>(nibble(text[i]) << 4 | nibble(text[i + 1])));
  }
  return true;
}

/// "2001-02-03 04:05:06.789+00": a zone without minutes is PostgreSQL's own.
bool ParsePgTimestamp(std::string_view text, int64_t* us) {
  const size_t zone = text.find_last_of("+-");
  if (zone == std::string_view::npos || zone < 19 || text.size() - zone != 3) return ParseTimestamp(text, us);
  return ParseTimestamp(std::string(text) + ":00", us);
}

/// One item of an array's text ("{1,NULL,\"a b\"}") from *at on. False: this is no array of one dimension.
bool NextItem(std::string_view text, size_t* at, std::string* item, bool* is_null) {
  item->clear();
  *is_null = false;
  if (*at < text.size() && text[*at] == '"') {
    for (++*at; *at < text.size() && text[*at] != '"'; ++*at) {
      if (text[*at] == '\\') ++*at;
      if (*at < text.size()) *item += text[*at];
    }
    ++*at;
    return *at < text.size();
  }
  for (; *at < text.size() && text[*at] != ',' && text[*at] != '}'; ++*at) {
    if (text[*at] == '{') return false;
    *item += text[*at];
  }
  *is_null = *item == "NULL";
  return *at < text.size();
}

Result<bool> AppendArray(std::string_view text, const arrow::DataType& type, arrow::ListBuilder* to) {
  // Parsed before anything is appended: a list that is begun cannot be taken back.
  std::vector<std::optional<std::string>> items;
  if (text.size() < 2 || text[0] != '{') return false;
  std::string item;
  bool is_null = false;
  for (size_t at = 1; text[at] != '}' || at + 1 < text.size(); ++at) {
    if (!NextItem(text, &at, &item, &is_null)) return false;
    items.push_back(is_null ? std::nullopt : std::optional(item));
    if (text[at] == '}') break;
  }
  WEIR_RETURN_NOT_OK(to->Append());
  const arrow::DataType& item_type = *static_cast<const arrow::ListType&>(type).value_type();
  for (const auto& one : items) {
    bool fits = one.has_value();
    if (fits) {
      WEIR_ASSIGN_OR_RETURN(fits, AppendText(*one, item_type, to->value_builder()));
    }
    if (!fits) WEIR_RETURN_NOT_OK(to->value_builder()->AppendNull());
  }
  return true;
}

Result<bool> AppendText(std::string_view text, const arrow::DataType& type, arrow::ArrayBuilder* to) {
  const auto put = [&](bool fits, auto* builder, const auto& value) -> Result<bool> {
    if (fits) WEIR_RETURN_NOT_OK(builder->Append(value));
    return fits;
  };
  switch (type.id()) {
    case Type::BOOL:
      return put(text == "t" || text == "f", static_cast<arrow::BooleanBuilder*>(to), text == "t");
    case Type::INT64: {
      int64_t value = 0;
      const bool fits = ParseInt64(text, &value);
      return put(fits, static_cast<arrow::Int64Builder*>(to), value);
    }
    case Type::DOUBLE: {
      double value = 0;
      const bool fits = ParseDouble(text, &value);
      return put(fits, static_cast<arrow::DoubleBuilder*>(to), value);
    }
    case Type::TIMESTAMP: {
      int64_t value = 0;
      const bool fits = ParsePgTimestamp(text, &value);
      return put(fits, static_cast<arrow::TimestampBuilder*>(to), value);
    }
    case Type::DATE32: {
      int32_t value = 0;
      const bool fits = ParseDate(text, &value);
      return put(fits, static_cast<arrow::Date32Builder*>(to), value);
    }
    case Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      __int128 value = 0;
      const bool fits = ParseDecimal(text, decimal.precision(), decimal.scale(), &value);
      return put(fits, static_cast<arrow::Decimal128Builder*>(to),
                 arrow::Decimal128(static_cast<int64_t>(value >> 64), static_cast<uint64_t>(value)));
    }
    case Type::BINARY: {
      std::string bytes;
      const bool fits = ParseHex(text, &bytes);
      return put(fits, static_cast<arrow::BinaryBuilder*>(to), std::string_view(bytes));
    }
    case Type::LIST:
      return AppendArray(text, type, static_cast<arrow::ListBuilder*>(to));
    case Type::STRING:
      return put(true, static_cast<arrow::StringBuilder*>(to), text);
    default:
      return false;
  }
}

}  // namespace

struct PgTextRows::Columns {
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> builders;
};

PgTextRows::PgTextRows(SchemaPtr schema) : schema_(std::move(schema)), columns_(std::make_unique<Columns>()) {
  for (const auto& field : schema_->fields()) {
    std::unique_ptr<arrow::ArrayBuilder> builder;
    WEIR_CHECK(arrow::MakeBuilder(arrow::default_memory_pool(), field->type(), &builder).ok(),
               "every type that is read has a builder");
    columns_->builders.push_back(std::move(builder));
  }
}
PgTextRows::~PgTextRows() = default;

Status PgTextRows::Add(const PgTextRow& row, int64_t weight) {
  for (size_t i = 0; i < row.size(); ++i) {
    arrow::ArrayBuilder* builder = columns_->builders[i].get();
    if (!row[i].has_value()) {
      WEIR_RETURN_NOT_OK(builder->AppendNull());
      continue;
    }
    const arrow::Field& field = *schema_->field(static_cast<int>(i));
    WEIR_ASSIGN_OR_RETURN(const bool fits, AppendText(*row[i], *field.type(), builder));
    if (fits) continue;
    WEIR_RETURN_NOT_OK(builder->AppendNull());
    if (!mistakes_.empty() && mistakes_.back().row == num_rows()) continue;
    mistakes_.push_back({num_rows(), "column '" + field.name() + "': '" + std::string(row[i]->substr(0, 100)) +
                                         "' has no place in type " + TypeName(*field.type())});
  }
  weights_.push_back(weight);
  return Status::OK();
}

Result<Batch> PgTextRows::Take(std::vector<RawError>* errors) {
  std::vector<ArrayDataPtr> columns(columns_->builders.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    WEIR_RETURN_NOT_OK(columns_->builders[i]->FinishInternal(&columns[i]));
  }
  const int64_t rows = num_rows();
  Batch batch(schema_, std::move(columns), rows);
  batch.set_weight(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::exchange(weights_, {})))));
  if (mistakes_.empty()) return batch;
  std::vector<int32_t> rest;
  size_t next = 0;
  for (int64_t row = 0; row < rows; ++row) {
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
