// Columns of Arrow to and from values of SQLite.
#include "connectors/sqlite/sqlite_values.h"

#include <arrow/array/data.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>
#include <arrow/util/decimal.h>

#include <algorithm>
#include <cctype>

#include "batch/gather.h"
#include "batch/print.h"
#include "formats/text/value_text.h"

namespace weir {
namespace {

using arrow::Type;

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return upper;
}

bool Has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

std::string_view ColumnText(sqlite3_stmt* statement, int column) {
  const void* bytes = sqlite3_column_blob(statement, column);
  return {static_cast<const char*>(bytes), static_cast<size_t>(sqlite3_column_bytes(statement, column))};
}

}  // namespace

std::string SqliteTypeOf(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::INT64:
      return "INTEGER";
    case Type::DOUBLE:
      return "REAL";
    case Type::BOOL:
      return "BOOLEAN";
    case Type::BINARY:
      return "BLOB";
    case Type::TIMESTAMP:
      return "TIMESTAMP";
    case Type::DATE32:
      return "DATE";
    case Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      return "DECIMAL_TEXT(" + std::to_string(decimal.precision()) + ", " + std::to_string(decimal.scale()) + ")";
    }
    case Type::LIST:
    case Type::STRUCT:
    case Type::MAP:
      return "JSON";
    default:
      return "TEXT";
  }
}

TypePtr TypeOfSqliteDeclaration(std::string_view declared) {
  const std::string name = Upper(declared);
  int precision = 0, scale = 0;
  if (std::sscanf(name.c_str(), "DECIMAL_TEXT(%d, %d)", &precision, &scale) == 2 && precision >= 1 && precision <= 38) {
    return arrow::decimal128(precision, scale);
  }
  if (Has(name, "BOOL")) return arrow::boolean();
  if (Has(name, "TIMESTAMP") || Has(name, "DATETIME")) return TimestampType();
  if (Has(name, "DATE")) return arrow::date32();
  // The rules of affinity (sqlite.org/datatype3.html, 3.1), where they say enough.
  if (Has(name, "INT")) return arrow::int64();
  if (Has(name, "CHAR") || Has(name, "CLOB") || Has(name, "TEXT")) return arrow::utf8();
  if (Has(name, "BLOB")) return arrow::binary();
  if (Has(name, "REAL") || Has(name, "FLOA") || Has(name, "DOUB") || Has(name, "NUM") || Has(name, "DEC")) {
    return arrow::float64();
  }
  return arrow::utf8();
}

SqliteBinder::SqliteBinder(ArrayDataPtr column) : column_(std::move(column)) {}

int SqliteBinder::Bind(sqlite3_stmt* statement, int parameter, int64_t row) {
  const arrow::ArrayData& column = *column_;
  const Type::type id = column.type->id();
  if (id == Type::NA || column.IsNull(row)) return sqlite3_bind_null(statement, parameter);
  switch (id) {
    case Type::INT64:
      return sqlite3_bind_int64(statement, parameter, column.GetValues<int64_t>(1)[row]);
    case Type::DOUBLE:
      return sqlite3_bind_double(statement, parameter, column.GetValues<double>(1)[row]);
    case Type::BOOL:
      return sqlite3_bind_int64(statement, parameter,
                                arrow::bit_util::GetBit(column.buffers[1]->data(), column.offset + row));
    case Type::STRING:
    case Type::BINARY: {
      const int32_t* offsets = column.GetValues<int32_t>(1) + row;
      const char* bytes = reinterpret_cast<const char*>(column.buffers[2] ? column.buffers[2]->data() : nullptr);
      const auto size = static_cast<sqlite3_uint64>(offsets[1] - offsets[0]);
      const char* at = size > 0 ? bytes + offsets[0] : "";
      return id == Type::STRING ? sqlite3_bind_text64(statement, parameter, at, size, SQLITE_STATIC, SQLITE_UTF8)
                                : sqlite3_bind_blob64(statement, parameter, at, size, SQLITE_STATIC);
    }
    case Type::TIMESTAMP:
      text_ = FormatTimestamp(column.GetValues<int64_t>(1)[row]);
      break;
    case Type::DATE32:
      text_ = FormatDate(column.GetValues<int32_t>(1)[row]);
      break;
    case Type::DECIMAL128:
      text_ = arrow::Decimal128(column.GetValues<uint8_t>(1, (column.offset + row) * 16))
                  .ToString(static_cast<const arrow::Decimal128Type&>(*column.type).scale());
      break;
    default:
      text_.clear();
      AppendJson(column, row, &text_);
  }
  return sqlite3_bind_text64(statement, parameter, text_.data(), text_.size(), SQLITE_STATIC, SQLITE_UTF8);
}

// ---- reading

struct SqliteRows::Columns {
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> builders;  // per wanted column
};

SqliteRows::SqliteRows(SchemaPtr schema, std::vector<int> wanted)
    : schema_(std::move(schema)), wanted_(std::move(wanted)), columns_(std::make_unique<Columns>()) {}
SqliteRows::~SqliteRows() = default;

namespace {

/// Appends the value of a column of the row at hand. False: it does not fit.
Result<bool> AppendValue(sqlite3_stmt* statement, int column, const arrow::DataType& type, arrow::ArrayBuilder* to) {
  const int kind = sqlite3_column_type(statement, column);
  if (kind == SQLITE_NULL) {
    WEIR_RETURN_NOT_OK(to->AppendNull());
    return true;
  }
  const bool is_text = kind == SQLITE_TEXT;
  const auto put = [&](auto* builder, auto value) -> Result<bool> {
    WEIR_RETURN_NOT_OK(builder->Append(value));
    return true;
  };
  switch (type.id()) {
    case Type::INT64: {
      int64_t value = sqlite3_column_int64(statement, column);
      if (is_text ? !ParseInt64(ColumnText(statement, column), &value) : kind != SQLITE_INTEGER) return false;
      return put(static_cast<arrow::Int64Builder*>(to), value);
    }
    case Type::DOUBLE: {
      double value = sqlite3_column_double(statement, column);
      if (kind == SQLITE_BLOB || (is_text && !ParseDouble(ColumnText(statement, column), &value))) return false;
      return put(static_cast<arrow::DoubleBuilder*>(to), value);
    }
    case Type::BOOL: {
      bool value = sqlite3_column_int64(statement, column) != 0;
      if (is_text ? !ParseBool(ColumnText(statement, column), &value) : kind != SQLITE_INTEGER) return false;
      return put(static_cast<arrow::BooleanBuilder*>(to), value);
    }
    case Type::TIMESTAMP: {
      // Numbers are seconds since 1970, as SQLite's own functions with 'unixepoch' have them.
      int64_t value = 0;
      if (kind == SQLITE_INTEGER)
        value = sqlite3_column_int64(statement, column) * 1'000'000;
      else if (!is_text || !ParseTimestamp(ColumnText(statement, column), &value))
        return false;
      return put(static_cast<arrow::TimestampBuilder*>(to), value);
    }
    case Type::DATE32: {
      int32_t value = 0;
      if (!is_text || !ParseDate(ColumnText(statement, column), &value)) return false;
      return put(static_cast<arrow::Date32Builder*>(to), value);
    }
    case Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      __int128 value = 0;
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      if (!ParseDecimal(text, decimal.precision(), decimal.scale(), &value)) return false;
      return put(static_cast<arrow::Decimal128Builder*>(to),
                 arrow::Decimal128(static_cast<int64_t>(value >> 64), static_cast<uint64_t>(value)));
    }
    case Type::BINARY:
      return put(static_cast<arrow::BinaryBuilder*>(to), ColumnText(statement, column));
    default: {
      if (kind == SQLITE_BLOB) return false;
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      return put(static_cast<arrow::StringBuilder*>(to),
                 std::string_view(text, static_cast<size_t>(sqlite3_column_bytes(statement, column))));
    }
  }
}

}  // namespace

Status SqliteRows::Add(sqlite3_stmt* statement, std::string* mistake) {
  auto& builders = columns_->builders;
  if (builders.empty()) {
    for (const int column : wanted_) {
      std::unique_ptr<arrow::ArrayBuilder> builder;
      WEIR_RETURN_NOT_OK(arrow::MakeBuilder(arrow::default_memory_pool(), schema_->field(column)->type(), &builder));
      builders.push_back(std::move(builder));
    }
  }
  mistake->clear();
  for (size_t i = 0; i < wanted_.size() && mistake->empty(); ++i) {
    const arrow::Field& field = *schema_->field(wanted_[i]);
    WEIR_ASSIGN_OR_RETURN(const bool fits,
                          AppendValue(statement, static_cast<int>(i), *field.type(), builders[i].get()));
    if (fits) continue;
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, static_cast<int>(i)));
    *mistake = "field '" + field.name() + "': '" + (text ? text : "") + "' is no " + TypeName(*field.type());
    // Columns before this one have the row already: they are cut when the row count is known.
  }
  if (mistake->empty()) {
    ++num_rows_;
    return Status::OK();
  }
  for (auto& builder : builders) {
    if (builder->length() == num_rows_) continue;
    std::shared_ptr<arrow::ArrayData> values;
    WEIR_RETURN_NOT_OK(builder->FinishInternal(&values));
    WEIR_RETURN_NOT_OK(builder->AppendArraySlice(arrow::ArraySpan(*values), 0, num_rows_));
  }
  return Status::OK();
}

Result<Batch> SqliteRows::Take() {
  std::vector<ArrayDataPtr> columns(schema_->num_fields());
  for (size_t i = 0; i < columns_->builders.size(); ++i) {
    WEIR_RETURN_NOT_OK(columns_->builders[i]->FinishInternal(&columns[wanted_[i]]));
  }
  columns_->builders.clear();
  return Batch(schema_, std::move(columns), std::exchange(num_rows_, 0));
}

}  // namespace weir
