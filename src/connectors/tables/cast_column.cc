// Casts by text: what a person would write is what is read.
#include "connectors/tables/cast_column.h"

#include <arrow/array/data.h>
#include <arrow/builder.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include <cmath>

#include "batch/gather.h"
#include "batch/print.h"
#include "formats/text/value_text.h"

namespace weir {
namespace {

using arrow::Type;

/// A value as a person would write it: text without quotes.
void AppendPlain(const arrow::ArrayData& column, int64_t row, std::string* out) {
  const Type::type id = column.type->id();
  if (id == Type::STRING || id == Type::BINARY) {
    const int32_t* offsets = column.GetValues<int32_t>(1) + row;
    if (offsets[1] > offsets[0]) {
      out->append(reinterpret_cast<const char*>(column.buffers[2]->data()) + offsets[0],
                  static_cast<size_t>(offsets[1] - offsets[0]));
    }
    return;
  }
  std::string json;
  AppendJson(column, row, &json);
  const bool is_quoted = json.size() >= 2 && json.front() == '"';
  *out += is_quoted ? json.substr(1, json.size() - 2) : json;
}

/// An integer, also one that is written as a number ("3.0").
bool ParseWhole(std::string_view text, int64_t* value) {
  if (ParseInt64(text, value)) return true;
  double number = 0;
  if (!ParseDouble(text, &number) || std::trunc(number) != number || std::fabs(number) > 9007199254740992.0)
    return false;
  *value = static_cast<int64_t>(number);
  return true;
}

Result<bool> AppendParsed(std::string_view text, const arrow::DataType& type, arrow::ArrayBuilder* to) {
  const auto put = [&](bool fits, auto* builder, auto value) -> Result<bool> {
    if (fits) WEIR_RETURN_NOT_OK(builder->Append(value));
    return fits;
  };
  switch (type.id()) {
    case Type::INT64: {
      int64_t value = 0;
      const bool fits = ParseWhole(text, &value);
      return put(fits, static_cast<arrow::Int64Builder*>(to), value);
    }
    case Type::DOUBLE: {
      double value = 0;
      const bool fits = ParseDouble(text, &value);
      return put(fits, static_cast<arrow::DoubleBuilder*>(to), value);
    }
    case Type::BOOL: {
      bool value = false;
      const bool fits = ParseBool(text, &value);
      return put(fits, static_cast<arrow::BooleanBuilder*>(to), value);
    }
    case Type::TIMESTAMP: {
      int64_t value = 0;
      const bool fits = ParseTimestamp(text, &value);
      return put(fits, static_cast<arrow::TimestampBuilder*>(to), value);
    }
    case Type::DATE32: {
      int32_t value = 0;
      const bool fits = ParseDate(text.substr(0, 10), &value);
      return put(fits, static_cast<arrow::Date32Builder*>(to), value);
    }
    case Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      __int128 value = 0;
      const bool fits = ParseDecimal(text, decimal.precision(), decimal.scale(), &value);
      return put(fits, static_cast<arrow::Decimal128Builder*>(to),
                 arrow::Decimal128(static_cast<int64_t>(value >> 64), static_cast<uint64_t>(value)));
    }
    case Type::STRING:
      return put(true, static_cast<arrow::StringBuilder*>(to), text);
    case Type::BINARY:
      return put(true, static_cast<arrow::BinaryBuilder*>(to), text);
    default:
      return false;
  }
}

}  // namespace

bool SameKind(const arrow::DataType& from, const arrow::DataType& to) {
  if (from.id() == Type::NA || (from.id() == to.id() && from.id() != Type::LIST)) return true;
  if (from.id() == Type::LIST && to.id() == Type::LIST) {
    return SameKind(*static_cast<const arrow::ListType&>(from).value_type(),
                    *static_cast<const arrow::ListType&>(to).value_type());
  }
  return (from.id() == Type::INT64 && (to.id() == Type::DOUBLE || to.id() == Type::DECIMAL128)) ||
         (from.id() == Type::DECIMAL128 && to.id() == Type::DOUBLE);
}

Result<ArrayDataPtr> CastColumn(const ArrayDataPtr& column, const TypePtr& to, const std::string& name,
                                std::vector<RowError>* errors) {
  if (column->type->id() == Type::NA) return NullColumn(to, column->length);
  std::unique_ptr<arrow::ArrayBuilder> builder;
  WEIR_RETURN_NOT_OK(arrow::MakeBuilder(arrow::default_memory_pool(), to, &builder));
  WEIR_RETURN_NOT_OK(builder->Reserve(column->length));
  std::string text;
  for (int64_t row = 0; row < column->length; ++row) {
    if (column->IsNull(row)) {
      WEIR_RETURN_NOT_OK(builder->AppendNull());
      continue;
    }
    text.clear();
    AppendPlain(*column, row, &text);
    WEIR_ASSIGN_OR_RETURN(const bool fits, AppendParsed(text, *to, builder.get()));
    if (fits) continue;
    WEIR_RETURN_NOT_OK(builder->AppendNull());
    errors->push_back(
        {row, "field '" + name + "': '" + text + "' is no " + TypeName(*to) + ", as its column wants it"});
  }
  std::shared_ptr<arrow::ArrayData> values;
  WEIR_RETURN_NOT_OK(builder->FinishInternal(&values));
  return values;
}

}  // namespace weir
