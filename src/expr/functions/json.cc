// Values as JSON text: to_json(), and nested values cast to string.
#include <arrow/array/data.h>
#include <arrow/type.h>

#include <cmath>

#include "expr/functions/kernels.h"
#include "expr/functions/nested.h"
#include "expr/functions/time_text.h"

namespace weir::expr {
namespace {

void AppendBytes(std::string_view s, std::string* out) {  // base64, as JSON has no bytes
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  *out += '"';
  for (size_t i = 0; i < s.size(); i += 3) {
    uint32_t word = 0;
    for (size_t k = 0; k < 3; ++k) word = word << 8 | (i + k < s.size() ? static_cast<unsigned char>(s[i + k]) : 0);
    for (int k = 0; k < 4; ++k) *out += i + k > s.size() ? '=' : kDigits[word >> (18 - 6 * k) & 63];
  }
  *out += '"';
}

void AppendItems(const arrow::ArrayData& column, int64_t row, std::string* out) {
  ItemRange items = ItemsOf({&column, static_cast<int32_t>(row)});
  const arrow::ArrayData& child = *column.child_data[0];
  bool map = column.type->id() == arrow::Type::MAP;
  *out += map ? '{' : '[';
  for (int32_t k = items.begin; k < items.end; ++k) {
    if (k > items.begin) *out += ',';
    if (map) {
      AppendJson(*child.child_data[0], k + child.offset, out);
      *out += ':';
      AppendJson(*child.child_data[1], k + child.offset, out);
    } else {
      AppendJson(child, k, out);
    }
  }
  *out += map ? '}' : ']';
}

// Any value: its column is made first, one text per row then.
Status ToJsonOfAll(Frame* f) {
  WEIR_ASSIGN_OR_RETURN(auto column, AliveColumn(f->scratch, f->args[0], f->arg_types[0], f->rows));
  auto* out = f->values<StringRef>();
  std::string text;
  for (int k = 0; k < f->rows.count; ++k) {
    text.clear();
    AppendJson(*column, k, &text);
    out[f->rows.at(k)] = f->Copy(text);
  }
  return Status::OK();
}
void ToJsonKernel(Frame& f) { f.status = ToJsonOfAll(&f); }

}  // namespace

void AppendJsonString(std::string_view s, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  *out += '"';
  for (char c : s) {
    auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      *out += '\\';
      *out += c;
    } else if (c == '\n') {
      *out += "\\n";
    } else if (c == '\r') {
      *out += "\\r";
    } else if (c == '\t') {
      *out += "\\t";
    } else if (u < 0x20) {
      *out += "\\u00";
      *out += kHex[u >> 4];
      *out += kHex[u & 15];
    } else {
      *out += c;
    }
  }
  *out += '"';
}

void AppendJson(const arrow::ArrayData& column, int64_t row, std::string* out) {
  if (column.type->id() == arrow::Type::NA || !column.IsValid(row)) {
    *out += "null";
    return;
  }
  switch (column.type->id()) {
    case arrow::Type::BOOL:
      *out += ColumnValues<uint8_t>(column).At(row) ? "true" : "false";
      break;
    case arrow::Type::INT64:
      *out += std::to_string(column.GetValues<int64_t>(1)[row]);
      break;
    case arrow::Type::DOUBLE: {
      double value = column.GetValues<double>(1)[row];
      *out += std::isfinite(value) ? FormatDouble(value) : "null";
      break;
    }
    case arrow::Type::STRING:
      AppendJsonString(ColumnValues<StringRef>(column).At(row).view(), out);
      break;
    case arrow::Type::BINARY:
      AppendBytes(ColumnValues<StringRef>(column).At(row).view(), out);
      break;
    case arrow::Type::TIMESTAMP:
      *out += '"' + FormatTimestamp(column.GetValues<int64_t>(1)[row]) + '"';
      break;
    case arrow::Type::DATE32:
      *out += '"' + FormatDate(column.GetValues<int32_t>(1)[row]) + '"';
      break;
    case arrow::Type::DECIMAL128:
      *out += FormatDecimal(ColumnValues<Int128>(column).At(row),
                            static_cast<const arrow::DecimalType&>(*column.type).scale());
      break;
    case arrow::Type::STRUCT:
      *out += '{';
      for (int k = 0; k < column.type->num_fields(); ++k) {
        if (k > 0) *out += ',';
        AppendJsonString(column.type->field(k)->name(), out);
        *out += ':';
        AppendJson(*column.child_data[k], row + column.offset, out);
      }
      *out += '}';
      break;
    case arrow::Type::DICTIONARY:
      AppendJson(*column.dictionary, column.GetValues<int32_t>(1)[row], out);
      break;
    default:
      AppendItems(column, row, out);
  }
}

void AddJson(FunctionList* list) {
  list->push_back({"to_json",
                   "conversion",
                   "The value as JSON text.",
                   "to_json({'a': [1, null], 'b': 'x'})",
                   "'{\"a\":[1,null],\"b\":\"x\"}'",
                   {{"(any) -> string", ToJsonKernel}}});
}

}  // namespace weir::expr
