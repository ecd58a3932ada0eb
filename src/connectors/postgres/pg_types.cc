// Tables of types.
#include "connectors/postgres/pg_types.h"

#include <arrow/type.h>

#include <utility>

namespace weir {
namespace {

using arrow::Type;

constexpr std::pair<uint32_t, uint32_t> kArrays[] = {
    {kPgBool, 1000}, {kPgBytea, 1001},       {kPgInt2, 1005},    {kPgInt4, 1007},    {kPgText, 1009},
    {kPgInt8, 1016}, {kPgFloat4, 1021},      {kPgFloat8, 1022},  {kPgVarchar, 1015}, {kPgTimestamp, 1115},
    {kPgDate, 1182}, {kPgTimestamptz, 1185}, {kPgNumeric, 1231}, {kPgUuid, 2951},    {kPgJsonb, 3807},
    {kPgJson, 199},  {kPgBpchar, 1014},      {kPgOid, 1028}};

/// The type of an element, or null where it is read as text.
TypePtr NativeType(uint32_t oid, int32_t modifier) {
  switch (oid) {
    case kPgBool:
      return arrow::boolean();
    case kPgInt2:
    case kPgInt4:
    case kPgInt8:
    case kPgOid:
      return arrow::int64();
    case kPgFloat4:
    case kPgFloat8:
      return arrow::float64();
    case kPgText:
    case kPgVarchar:
    case kPgBpchar:
    case kPgJson:
    case kPgJsonb:
    case kPgUuid:
      return arrow::utf8();
    case kPgBytea:
      return arrow::binary();
    case kPgDate:
      return arrow::date32();
    case kPgTimestamp:
    case kPgTimestamptz:
      return TimestampType();
    case kPgNumeric: {
      // The modifier is ((precision << 16) | scale) + 4; -1 where there are no digits (numeric.c). Scales may be
      // negative.
      if (modifier < 4) return nullptr;
      const int precision = ((modifier - 4) >> 16) & 0xffff;
      const int scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
      if (precision > 38 || scale < 0 || scale > precision) return nullptr;
      return arrow::decimal128(precision, scale);
    }
    default:
      return nullptr;
  }
}

std::vector<PgColumn> ReadColumns(const PgResult& rows) {
  std::vector<PgColumn> columns;
  for (int row = 0; row < rows.num_rows(); ++row) {
    PgColumn column;
    column.name = rows.Text(row, 0);
    column.oid = static_cast<uint32_t>(rows.Int(row, 1));
    column.modifier = static_cast<int32_t>(rows.Int(row, 2));
    column.element = static_cast<uint32_t>(rows.Int(row, 3));
    column.is_generated = rows.Text(row, 4) == "t";
    column.not_null = rows.Text(row, 5) == "t";
    column.sql_type = rows.Text(row, 6);
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace

Result<std::vector<PgColumn>> ColumnsOf(PgConnection& connection, const std::string& table) {
  // Domains count as what they are made from; true arrays have typcategory A.
  WEIR_ASSIGN_OR_RETURN(
      auto rows,
      connection.Run(
          "SELECT a.attname, b.oid, CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END, "
          "CASE WHEN b.typcategory = 'A' THEN b.typelem ELSE 0 END, a.attgenerated <> '' OR a.attidentity = 'a', "
          "a.attnotnull, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
          "JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END "
          "WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
          {QuotePgTable(table)}));
  return ReadColumns(rows);
}

Result<std::vector<PgColumn>> ColumnsOfQuery(PgConnection& connection, const std::string& query) {
  WEIR_ASSIGN_OR_RETURN(auto shape, connection.Run("SELECT * FROM (" + query + ") weir_query LIMIT 0"));
  std::vector<PgColumn> columns;
  for (int i = 0; i < shape.num_columns(); ++i) {
    PgColumn column;
    column.name = connection.pq().fname(shape.handle(), i);
    column.oid = connection.pq().ftype(shape.handle(), i);
    column.modifier = connection.pq().fmod(shape.handle(), i);
    for (const auto& [element, array] : kArrays) {
      if (array == column.oid) column.element = element;
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

TypePtr TypeOfPgColumn(const PgColumn& column) {
  if (column.element != 0) {
    TypePtr element = NativeType(column.element, column.modifier);
    return element != nullptr ? arrow::list(element) : arrow::utf8();
  }
  TypePtr type = NativeType(column.oid, column.modifier);
  return type != nullptr ? type : arrow::utf8();
}

bool IsNativePg(const PgColumn& column) {
  return NativeType(column.element != 0 ? column.element : column.oid, column.modifier) != nullptr;
}

void ReadAsText(PgColumn* column) {
  if (IsNativePg(*column)) return;
  column->as_text = true;
  column->oid = kPgText;
  column->element = 0;
}

std::string PgSelectItem(const PgColumn& column, bool cast) {
  const std::string name = QuotePgName(column.name);
  // A cast to text is not what the type's output function writes (inet), which is what logical replication sends.
  if (column.as_text) return "CASE WHEN " + name + " IS NOT NULL THEN format('%s', " + name + ") END";
  return cast ? name + "::" + column.sql_type : name;
}

uint32_t PgArrayOf(uint32_t element) {
  for (const auto& [of, array] : kArrays) {
    if (of == element) return array;
  }
  return 0;
}

std::string PgTypeOf(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::BOOL:
      return "boolean";
    case Type::INT64:
      return "bigint";
    case Type::DOUBLE:
      return "double precision";
    case Type::BINARY:
      return "bytea";
    case Type::TIMESTAMP:
      return "timestamptz";
    case Type::DATE32:
      return "date";
    case Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      return "numeric(" + std::to_string(decimal.precision()) + ", " + std::to_string(decimal.scale()) + ")";
    }
    case Type::LIST: {
      const arrow::DataType& item = *static_cast<const arrow::ListType&>(type).value_type();
      const bool is_plain = item.id() != Type::LIST && item.id() != Type::STRUCT && item.id() != Type::MAP;
      return is_plain ? PgTypeOf(item) + "[]" : "jsonb";
    }
    case Type::STRUCT:
    case Type::MAP:
      return "jsonb";
    default:
      return "text";
  }
}

PgColumn PgColumnFor(const arrow::DataType& type) {
  PgColumn column;
  column.sql_type = PgTypeOf(type);
  switch (type.id()) {
    case Type::BOOL:
      column.oid = kPgBool;
      break;
    case Type::INT64:
      column.oid = kPgInt8;
      break;
    case Type::DOUBLE:
      column.oid = kPgFloat8;
      break;
    case Type::BINARY:
      column.oid = kPgBytea;
      break;
    case Type::TIMESTAMP:
      column.oid = kPgTimestamptz;
      break;
    case Type::DATE32:
      column.oid = kPgDate;
      break;
    case Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      column.oid = kPgNumeric;
      column.modifier = ((decimal.precision() << 16) | decimal.scale()) + 4;
      break;
    }
    case Type::LIST:
      if (column.sql_type == "jsonb") {
        column.oid = kPgJsonb;
      } else {
        const PgColumn item = PgColumnFor(*static_cast<const arrow::ListType&>(type).value_type());
        column.element = item.oid;
        column.modifier = item.modifier;
        column.oid = PgArrayOf(item.oid);
      }
      break;
    case Type::STRUCT:
    case Type::MAP:
      column.oid = kPgJsonb;
      break;
    default:
      column.oid = kPgText;
  }
  return column;
}

}  // namespace weir
