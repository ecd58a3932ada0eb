// Which Arrow types flow, how others are mapped onto them, and what they are called in pipeline files.
#include "batch/types.h"

#include <arrow/array.h>
#include <arrow/compute/cast.h>
#include <arrow/datum.h>
#include <arrow/extension_type.h>
#include <arrow/type.h>

#include <cctype>
#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include "batch/compute_init.h"

namespace weir {

using arrow::Type;

const TypePtr& TimestampType() {
  static const TypePtr type = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  return type;
}

const TypePtr& DictionaryType() {
  static const TypePtr type = arrow::dictionary(arrow::int32(), arrow::utf8());
  return type;
}

namespace {

Result<TypePtr> NormalizedMap(const arrow::MapType& map) {
  WEIR_ASSIGN_OR_RETURN(auto key, NormalizedType(*map.key_type()));
  if (key->id() != Type::STRING) {
    return Status::TypeError("a map needs string keys, not ", TypeName(*map.key_type()));
  }
  WEIR_ASSIGN_OR_RETURN(auto item, NormalizedType(*map.item_type()));
  return arrow::map(key, item);
}

Result<TypePtr> NormalizedStruct(const arrow::DataType& type) {
  arrow::FieldVector fields;
  for (const auto& field : type.fields()) {
    WEIR_ASSIGN_OR_RETURN(auto child, NormalizedType(*field->type()));
    fields.push_back(arrow::field(field->name(), child));
  }
  return arrow::struct_(fields);
}

Result<TypePtr> NormalizedDecimal(const arrow::DataType& type) {
  const auto& decimal = static_cast<const arrow::DecimalType&>(type);
  if (decimal.precision() > arrow::Decimal128Type::kMaxPrecision) {
    return Status::TypeError("a decimal of ", decimal.precision(), " digits; at most 38 flow");
  }
  return arrow::decimal128(decimal.precision(), decimal.scale());
}

}  // namespace

Result<TypePtr> NormalizedType(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::NA:
      return arrow::null();
    case Type::BOOL:
      return arrow::boolean();
    case Type::INT8:
    case Type::INT16:
    case Type::INT32:
    case Type::INT64:
    case Type::UINT8:
    case Type::UINT16:
    case Type::UINT32:
    case Type::UINT64:
      return arrow::int64();
    case Type::FLOAT:
    case Type::DOUBLE:
      return arrow::float64();
    case Type::STRING:
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
      return arrow::utf8();
    case Type::BINARY:
    case Type::LARGE_BINARY:
    case Type::BINARY_VIEW:
    case Type::FIXED_SIZE_BINARY:
      return arrow::binary();
    case Type::TIMESTAMP:
      return TimestampType();
    case Type::DATE32:
    case Type::DATE64:
      return arrow::date32();
    case Type::DECIMAL32:
    case Type::DECIMAL64:
    case Type::DECIMAL128:
    case Type::DECIMAL256:
      return NormalizedDecimal(type);
    case Type::LIST:
    case Type::LARGE_LIST:
    case Type::FIXED_SIZE_LIST:
    case Type::LIST_VIEW:
    case Type::LARGE_LIST_VIEW: {
      WEIR_ASSIGN_OR_RETURN(auto item, NormalizedType(*type.field(0)->type()));
      return arrow::list(item);
    }
    case Type::STRUCT:
      return NormalizedStruct(type);
    case Type::MAP:
      return NormalizedMap(static_cast<const arrow::MapType&>(type));
    case Type::DICTIONARY:
      return NormalizedType(*static_cast<const arrow::DictionaryType&>(type).value_type());
    case Type::RUN_END_ENCODED:
      return NormalizedType(*static_cast<const arrow::RunEndEncodedType&>(type).value_type());
    case Type::EXTENSION:
      return NormalizedType(*static_cast<const arrow::ExtensionType&>(type).storage_type());
    default:
      return Status::TypeError("values of type ", type.ToString(), " cannot flow through a pipeline");
  }
}

namespace {

Result<std::shared_ptr<arrow::ArrayData>> CastTo(const std::shared_ptr<arrow::ArrayData>& column, const TypePtr& type) {
  EnsureCompute();
  auto options = arrow::compute::CastOptions::Safe(type);
  options.allow_time_truncate = true;  // ns → µs and date64 → date32 drop what cannot flow
  WEIR_ASSIGN_OR_RETURN(auto out, arrow::compute::Cast(arrow::Datum(column), options));
  return out.array();
}

}  // namespace

Result<std::shared_ptr<arrow::ArrayData>> NormalizeColumn(const std::shared_ptr<arrow::ArrayData>& column) {
  WEIR_ASSIGN_OR_RETURN(auto type, NormalizedType(*column->type));
  if (column->type->Equals(*type)) return column;
  if (column->type->id() == Type::EXTENSION) {
    auto storage = column->Copy();
    storage->type = static_cast<const arrow::ExtensionType&>(*column->type).storage_type();
    return NormalizeColumn(storage);
  }
  if (column->type->id() != Type::DICTIONARY) return CastTo(column, type);
  if (type->id() != Type::STRING || column->dictionary->GetNullCount() > 0) return CastTo(column, type);
  if (column->type->Equals(*DictionaryType())) return column;
  WEIR_ASSIGN_OR_RETURN(auto values, NormalizeColumn(column->dictionary));
  auto indices = column->Copy();
  indices->type = static_cast<const arrow::DictionaryType&>(*column->type).index_type();
  indices->dictionary = nullptr;
  if (indices->type->id() != Type::INT32) {
    WEIR_ASSIGN_OR_RETURN(indices, CastTo(indices, arrow::int32()));
    indices = indices->Copy();
  }
  indices->type = DictionaryType();
  indices->dictionary = values;
  return indices;
}

std::string TypeName(const arrow::DataType& type) {
  auto normalized = NormalizedType(type);
  if (!normalized.ok()) return type.ToString();
  const arrow::DataType& flowing = **normalized;
  switch (flowing.id()) {
    case Type::NA:
      return "null";
    case Type::BOOL:
      return "boolean";
    case Type::INT64:
      return "integer";
    case Type::DOUBLE:
      return "number";
    case Type::STRING:
      return "string";
    case Type::BINARY:
      return "bytes";
    case Type::TIMESTAMP:
      return "timestamp";
    case Type::DATE32:
      return "date";
    case Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::DecimalType&>(flowing);
      return "decimal(" + std::to_string(decimal.precision()) + ", " + std::to_string(decimal.scale()) + ")";
    }
    case Type::LIST:
      return "array<" + TypeName(*flowing.field(0)->type()) + ">";
    case Type::MAP:
      return "map<" + TypeName(*static_cast<const arrow::MapType&>(flowing).item_type()) + ">";
    case Type::STRUCT: {
      std::string out = "object{";
      for (const auto& field : flowing.fields()) {
        if (out.back() != '{') out += ", ";
        out += field->name() + ": " + TypeName(*field->type());
      }
      return out + "}";
    }
    default:
      return flowing.ToString();
  }
}

namespace {

// type   := name | "decimal" [ "(" int [ "," int ] ")" ] | ("array"|"list"|"map") "<" type ">" | "object" "{" fields
// "}" fields := [ name ":" type { "," name ":" type } ]
class TypeParser {
 public:
  explicit TypeParser(std::string_view text) : text_(text) {}

  Result<TypePtr> ParseAll() {
    WEIR_ASSIGN_OR_RETURN(auto type, Parse());
    SkipSpace();
    if (at_ != text_.size()) return Unknown();
    return type;
  }

 private:
  static constexpr int kMaxDepth = 64;

  Status Unknown() const {
    return Status::TypeError("'", text_,
                             "' is no type; the types are string, integer, number, boolean, bytes, timestamp, "
                             "date, decimal(p, s), array<T>, map<T>, object{name: T, …}");
  }
  void SkipSpace() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  bool Take(char c) {
    SkipSpace();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string Word(std::string_view stop) {
    SkipSpace();
    size_t begin = at_;
    while (at_ < text_.size() && stop.find(text_[at_]) == stop.npos) ++at_;
    std::string word(text_.substr(begin, at_ - begin));
    while (!word.empty() && std::isspace(static_cast<unsigned char>(word.back()))) word.pop_back();
    return word;
  }

  Result<TypePtr> Parse() {
    if (++depth_ > kMaxDepth) return Unknown();
    std::string word = Word("<>(){},:");
    for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    auto type = ParseNamed(word);
    --depth_;
    return type;
  }

  Result<TypePtr> ParseNamed(const std::string& word) {
    static const std::vector<std::pair<std::string_view, TypePtr>> kPlain = {
        {"string", arrow::utf8()},     {"str", arrow::utf8()},        {"utf8", arrow::utf8()},
        {"varchar", arrow::utf8()},    {"text", arrow::utf8()},       {"integer", arrow::int64()},
        {"int", arrow::int64()},       {"int64", arrow::int64()},     {"int32", arrow::int64()},
        {"int16", arrow::int64()},     {"bigint", arrow::int64()},    {"number", arrow::float64()},
        {"float", arrow::float64()},   {"double", arrow::float64()},  {"float64", arrow::float64()},
        {"float32", arrow::float64()}, {"boolean", arrow::boolean()}, {"bool", arrow::boolean()},
        {"bytes", arrow::binary()},    {"binary", arrow::binary()},   {"timestamp", TimestampType()},
        {"datetime", TimestampType()}, {"date", arrow::date32()},     {"null", arrow::null()},
    };
    for (const auto& [name, type] : kPlain) {
      if (name == word) return type;
    }
    if (word == "decimal" || word == "numeric") return ParseDecimal();
    if (word == "array" || word == "list") return ParseItem([](TypePtr item) { return arrow::list(std::move(item)); });
    if (word == "map") {
      return ParseItem([](TypePtr item) { return arrow::map(arrow::utf8(), std::move(item)); });
    }
    if (word == "object" || word == "struct" || word == "row") return ParseObject();
    return Unknown();
  }

  Result<TypePtr> ParseDecimal() {
    int precision = 38, scale = 9;
    if (Take('(')) {
      scale = 0;
      if (!Number(&precision)) return Unknown();
      if (Take(',') && !Number(&scale)) return Unknown();
      if (!Take(')')) return Unknown();
    }
    return arrow::Decimal128Type::Make(precision, scale);
  }
  bool Number(int* out) {
    std::string word = Word(",)");
    return std::from_chars(word.data(), word.data() + word.size(), *out).ptr == word.data() + word.size() &&
           !word.empty();
  }

  template <class Wrap>
  Result<TypePtr> ParseItem(Wrap wrap) {
    if (!Take('<')) return Unknown();
    WEIR_ASSIGN_OR_RETURN(auto item, Parse());
    if (!Take('>')) return Unknown();
    return wrap(item);
  }

  Result<TypePtr> ParseObject() {
    if (!Take('{')) return Unknown();
    arrow::FieldVector fields;
    if (Take('}')) return arrow::struct_(fields);
    do {
      std::string name = Word(":,{}<>");
      if (name.empty() || !Take(':')) return Unknown();
      WEIR_ASSIGN_OR_RETURN(auto type, Parse());
      fields.push_back(arrow::field(name, type));
    } while (Take(','));
    if (!Take('}')) return Unknown();
    return arrow::struct_(fields);
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<TypePtr> TypeFromName(const std::string& name) { return TypeParser(name).ParseAll(); }

}  // namespace weir
