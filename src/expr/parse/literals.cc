// Literals: see literals.h and parser.h.
#include "expr/parse/literals.h"

#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstring>

#include "batch/types.h"
#include "expr/functions/number_text.h"
#include "expr/functions/time_text.h"
#include "expr/parse/parser.h"

namespace weir::expr {
namespace {

struct Unit {
  std::string_view name;
  int64_t months;
  int64_t micros;
};

constexpr std::array<Unit, 10> kUnits = {{{"year", 12, 0},
                                          {"quarter", 3, 0},
                                          {"month", 1, 0},
                                          {"week", 0, 7 * kMicrosPerDay},
                                          {"day", 0, kMicrosPerDay},
                                          {"hour", 0, 3600 * kMicrosPerSecond},
                                          {"minute", 0, 60 * kMicrosPerSecond},
                                          {"second", 0, kMicrosPerSecond},
                                          {"millisecond", 0, 1000},
                                          {"microsecond", 0, 1}}};

const Unit* FindUnit(std::string_view word) {
  if (word.size() > 1 && word.back() == 's') word.remove_suffix(1);
  for (const Unit& unit : kUnits) {
    if (unit.name == word) return &unit;
  }
  return nullptr;
}

struct TypeAlias {
  std::string_view sql;
  const char* name;
};

constexpr std::array<TypeAlias, 20> kTypeAliases = {{{"bigint", "integer"},
                                                     {"int", "integer"},
                                                     {"smallint", "integer"},
                                                     {"tinyint", "integer"},
                                                     {"long", "integer"},
                                                     {"double", "number"},
                                                     {"double precision", "number"},
                                                     {"float", "number"},
                                                     {"real", "number"},
                                                     {"text", "string"},
                                                     {"varchar", "string"},
                                                     {"char", "string"},
                                                     {"str", "string"},
                                                     {"bool", "boolean"},
                                                     {"bytea", "bytes"},
                                                     {"blob", "bytes"},
                                                     {"binary", "bytes"},
                                                     {"datetime", "timestamp"},
                                                     {"timestamptz", "timestamp"},
                                                     {"numeric", "decimal"}}};

}  // namespace

Result<std::shared_ptr<arrow::Scalar>> ParseTimeLiteral(std::string_view text, bool date) {
  int64_t value;
  if (date) {
    if (!ParseDate(text, &value)) return Status::Invalid("'", text, "' is not a date");
    return std::make_shared<arrow::Date32Scalar>(static_cast<int32_t>(value));
  }
  if (!ParseTimestamp(text, &value)) return Status::Invalid("'", text, "' is not a timestamp");
  return std::make_shared<arrow::TimestampScalar>(value, TimestampType());
}

bool IsTimeUnit(std::string_view word) { return FindUnit(word) != nullptr; }

Status ParseInterval(std::string_view text, int64_t* months, int64_t* micros) {
  auto bad = [&] { return Status::Invalid("'", text, "' is not an interval"); };
  *months = *micros = 0;
  size_t at = 0;
  bool any = false;
  while (at < text.size()) {
    if (text[at] == ' ') {
      ++at;
      continue;
    }
    size_t begin = at;
    while (at < text.size() && (std::isdigit(static_cast<unsigned char>(text[at])) || strchr("+-.", text[at]))) ++at;
    double count;
    if (!ParseDouble(text.substr(begin, at - begin), &count)) return bad();
    while (at < text.size() && text[at] == ' ') ++at;
    begin = at;
    while (at < text.size() && std::isalpha(static_cast<unsigned char>(text[at]))) ++at;
    std::string word(text.substr(begin, at - begin));
    std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
    const Unit* unit = FindUnit(word);
    if (unit == nullptr) return bad();
    double whole_months = count * static_cast<double>(unit->months);
    double whole_micros = std::round(count * static_cast<double>(unit->micros));
    if (whole_months != std::floor(whole_months) || std::abs(whole_months) > 1e7 || std::abs(whole_micros) > 9e18) {
      return bad();
    }
    *months += static_cast<int64_t>(whole_months);
    if (__builtin_add_overflow(*micros, static_cast<int64_t>(whole_micros), micros)) return bad();
    any = true;
  }
  return any ? Status::OK() : bad();
}

std::string FormatInterval(int64_t months, int64_t micros) {
  std::string text = months != 0 ? std::to_string(months) + " months" : "";
  if (micros == 0 && months != 0) return text;
  if (!text.empty()) text += " ";
  for (const Unit& unit : {kUnits[4], kUnits[5], kUnits[6], kUnits[7], kUnits[9]}) {
    if (micros % unit.micros == 0) {
      return text + std::to_string(micros / unit.micros) + " " + std::string(unit.name) + "s";
    }
  }
  return text;
}

Result<std::shared_ptr<arrow::Scalar>> ParseDecimalLiteral(std::string_view text) {
  size_t point = text.find('.');
  int scale = point == std::string_view::npos ? 0 : static_cast<int>(text.size() - point - 1);
  int digits = static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }));
  Int128 value;
  if (digits > 38 || !ParseDecimal(text, 38, scale, &value)) return Status::Invalid("'", text, "' is not a decimal");
  return std::make_shared<arrow::Decimal128Scalar>(
      arrow::Decimal128(static_cast<int64_t>(value >> 64), static_cast<uint64_t>(value)),
      arrow::decimal128(std::max(digits, 1), scale));
}

Result<TypePtr> TypeOfCast(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  size_t parenthesis = lower.find('(');
  std::string head = lower.substr(0, parenthesis);
  for (const TypeAlias& alias : kTypeAliases) {
    if (alias.sql != head) continue;
    std::string rest = parenthesis == std::string::npos || head != "numeric" ? "" : lower.substr(parenthesis);
    return TypeOfCast(alias.name + rest);  // varchar(20): the length says nothing here
  }
  if (lower == "decimal") return arrow::decimal128(38, 9);
  return TypeFromName(lower);
}

}  // namespace weir::expr
