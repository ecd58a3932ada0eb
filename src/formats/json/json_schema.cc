// The shape of sampled records, and the schema that holds them all.
#include "formats/json/json_schema.h"

#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "formats/json/json_scan.h"
#include "formats/text/text_block.h"
#include "formats/text/value_text.h"

namespace weir {
namespace {

constexpr char kMarkKey[] = "json";
constexpr char kMarkText[] = "text";
/// Deeper objects and lists come out as JSON text: schemas of that depth help nobody.
constexpr int kMaxSchemaDepth = 32;

/// What the values of one place have in common.
struct Shape {
  bool boolean = false, integer = false, big_integer = false, number = false, string = false, object = false,
       array = false;
  std::vector<std::pair<std::string, std::unique_ptr<Shape>>> fields;
  std::unordered_map<std::string, size_t> field_numbers;
  std::unique_ptr<Shape> element;

  Shape& Field(const std::string& name) {
    const auto [found, is_new] = field_numbers.try_emplace(name, fields.size());
    if (is_new) fields.emplace_back(name, std::make_unique<Shape>());
    return *fields[found->second].second;
  }
};

std::shared_ptr<arrow::Field> FieldOf(const std::string& name, const Shape& shape, int depth) {
  const int kinds =
      shape.boolean + (shape.integer || shape.big_integer || shape.number) + shape.string + shape.object + shape.array;
  if (kinds != 1 || depth > kMaxSchemaDepth) return JsonTextField(name);
  if (shape.boolean) return arrow::field(name, arrow::boolean());
  if (shape.string) return arrow::field(name, arrow::utf8());
  if (shape.number) return arrow::field(name, arrow::float64());
  if (shape.big_integer) return JsonTextField(name);
  if (shape.integer) return arrow::field(name, arrow::int64());
  if (shape.array) {
    const Shape nothing;
    return arrow::field(name, arrow::list(FieldOf("item", shape.element ? *shape.element : nothing, depth + 1)));
  }
  if (shape.fields.empty()) return JsonTextField(name);
  arrow::FieldVector fields;
  for (const auto& [child, child_shape] : shape.fields) fields.push_back(FieldOf(child, *child_shape, depth + 1));
  return arrow::field(name, arrow::struct_(std::move(fields)));
}

/// Adds the value at `p`, whose grammar has been checked, to `shape`; returns its end.
const char* AddValue(const char* p, Shape* shape, int depth) {
  switch (*p) {
    case '"':
      shape->string = true;
      break;
    case 't':
    case 'f':
      shape->boolean = true;
      break;
    case 'n':
      break;
    case '[':
      shape->array = true;
      if (depth > kMaxSchemaDepth) break;
      if (!shape->element) shape->element = std::make_unique<Shape>();
      p = SkipJsonBlanks(p + 1, true);
      while (*p != ']') {
        p = SkipJsonBlanks(AddValue(p, shape->element.get(), depth + 1), true);
        if (*p == ',') p = SkipJsonBlanks(p + 1, true);
      }
      return p + 1;
    case '{':
      shape->object = true;
      if (depth > kMaxSchemaDepth) break;
      p = SkipJsonBlanks(p + 1, true);
      while (*p != '}') {
        const char* at;
        const char* const key_end = SkipJsonValue(p, true, &at);
        std::string key(key_end - p + 64, '\0');
        char* to = key.data();
        CopyJsonString(p + 1, &to);
        key.resize(to - key.data());
        p = SkipJsonBlanks(SkipJsonBlanks(key_end, true) + 1, true);
        p = SkipJsonBlanks(AddValue(p, &shape->Field(key), depth + 1), true);
        if (*p == ',') p = SkipJsonBlanks(p + 1, true);
      }
      return p + 1;
    default: {
      const char* const end = SkipJsonNumber(p);
      const std::string_view text(p, end - p);
      int64_t value;
      if (text.find_first_of(".eE") != std::string_view::npos) {
        shape->number = true;
      } else {
        (ParseInt64(text, &value) ? shape->integer : shape->big_integer) = true;
      }
      return end;
    }
  }
  const char* at;
  return SkipJsonValue(p, true, &at);
}

/// A padded copy of a sample: the token readers look past the end.
PaddedBuffer Padded(std::string_view sample) {
  PaddedBuffer buffer;
  buffer.Reserve(static_cast<int64_t>(sample.size()), 0);
  std::memcpy(buffer.data(), sample.data(), sample.size());
  std::memset(buffer.data() + sample.size(), 0, kTextBackPadding);
  return buffer;
}

}  // namespace

std::shared_ptr<arrow::Field> JsonTextField(const std::string& name) {
  return arrow::field(name, arrow::utf8(), true, arrow::key_value_metadata({kMarkKey}, {kMarkText}));
}

bool IsJsonTextField(const arrow::Field& field) {
  if (!field.metadata()) return false;
  const auto mark = field.metadata()->Get(kMarkKey);
  return mark.ok() && *mark == kMarkText;
}

TypePtr WithoutJsonMarks(const TypePtr& type) {
  auto unmarked = [](const std::shared_ptr<arrow::Field>& field) {
    return arrow::field(field->name(), WithoutJsonMarks(field->type()), field->nullable());
  };
  if (type->id() == arrow::Type::LIST) return arrow::list(unmarked(type->field(0)));
  if (type->id() != arrow::Type::STRUCT) return type;
  arrow::FieldVector fields;
  for (const auto& field : type->fields()) fields.push_back(unmarked(field));
  return arrow::struct_(std::move(fields));
}

SchemaPtr WithoutJsonMarks(const arrow::Schema& schema) {
  return arrow::schema(WithoutJsonMarks(arrow::struct_(schema.fields()))->fields());
}

JsonLayout DetectJsonLayout(std::string_view sample, bool whole_file) {
  const PaddedBuffer buffer = Padded(sample);
  const char* p = SkipJsonBlanks(buffer.data(), true);
  if (*p == '[') return JsonLayout::kDocument;
  if (*p != '{') return JsonLayout::kLines;
  const char* at = p;
  const char* const end = SkipJsonValue(p, true, &at);
  const char* const text_end = buffer.data() + sample.size();
  const bool cut_short = !end && at >= text_end - 1 && !whole_file;
  const void* line = std::memchr(p, '\n', text_end - p);
  if (!end) {
    // A first line that is broken by itself is a bad record among lines; one that goes on is a document.
    const char* const line_end = line ? static_cast<const char*>(line) : text_end;
    return at > line_end && !(cut_short && !line) ? JsonLayout::kDocument : JsonLayout::kLines;
  }
  if (line && line < end) return JsonLayout::kDocument;
  const char* const next = SkipJsonBlanks(end, false);
  return *next == '\n' || next >= text_end ? JsonLayout::kLines : JsonLayout::kDocument;
}

Result<SchemaPtr> InferJsonSchema(std::string_view sample, bool whole_file, JsonLayout layout,
                                  const std::string& file) {
  const PaddedBuffer buffer = Padded(sample);
  const char* p = buffer.data();
  const char* const end = p + sample.size();
  Shape row;
  while (p < end) {
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n' ||
                       (layout == JsonLayout::kDocument && (*p == ',' || *p == '[' || *p == ']')))) {
      ++p;
    }
    if (p >= end) break;
    const char* at;
    const char* const value_end = SkipJsonValue(p, layout == JsonLayout::kDocument, &at);
    if (value_end && (value_end < end || whole_file) && *p == '{') AddValue(p, &row, 0);
    if (layout == JsonLayout::kDocument) {
      if (!value_end) break;
      p = value_end;
    } else {
      const void* line = std::memchr(p, '\n', end - p);
      p = line ? static_cast<const char*>(line) + 1 : end;
    }
  }
  if (!row.object && !whole_file) {
    return Status::Invalid(file, ":1: no whole JSON object in the first ", sample.size(), " bytes; give a schema");
  }
  arrow::FieldVector fields;
  for (const auto& [name, shape] : row.fields) fields.push_back(FieldOf(name, *shape, 1));
  return arrow::schema(std::move(fields));
}

}  // namespace weir
