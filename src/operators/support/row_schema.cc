// SchemaRules are compiled once; judging a row walks them over the columns and allocates nothing unless something is
// wrong.
#include "operators/support/row_schema.h"

#include <arrow/array/data.h>
#include <arrow/type.h>
#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "batch/print.h"
#include "batch/types.h"

namespace weir {

using arrow::Type;

/// One (sub)schema. Bounds that are absent are infinite.
struct SchemaRule {
  std::string name;            // of the property, for messages
  bool whole_numbers = false;  // type integer over a double
  bool required = false;
  bool is_item = false, nullable = false;  // inside lists null is a value, elsewhere it is absence
  std::optional<double> minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of;
  std::optional<int64_t> min_length, max_length, min_items, max_items;
  std::unique_ptr<RE2> pattern;
  std::string pattern_text;
  std::vector<std::string> allowed;  // enum or const, as canonical JSON; empty: anything
  bool never = false;                // a property that must not be there
  /// Children of a struct by index; `items` of a list or values of a map.
  std::vector<std::pair<int, std::unique_ptr<SchemaRule>>> properties;
  std::unique_ptr<SchemaRule> items;
};

namespace {

/// JSON types that a flowing type can be.
bool Fits(const arrow::DataType& type, const std::string& name, bool* whole_numbers) {
  switch (type.id()) {
    case Type::NA:
      return true;
    case Type::BOOL:
      return name == "boolean";
    case Type::INT64:
      return name == "integer" || name == "number";
    case Type::DOUBLE:
      *whole_numbers = name == "integer";
      return name == "number" || name == "integer";
    case Type::LIST:
      return name == "array";
    case Type::STRUCT:
    case Type::MAP:
      return name == "object";
    default:
      return name == "string" || name == TypeName(type);
  }
}

std::string CanonicalJson(const NodePtr& node) {
  if (node->IsNull()) return "null";
  if (auto value = node->AsBool()) return *value ? "true" : "false";
  if (auto value = node->AsInt64()) return std::to_string(*value);
  if (auto value = node->AsDouble()) return FormatDouble(*value);
  std::string out;
  AppendJsonString(node->text(), &out);
  return out;
}

double NumberAt(const arrow::ArrayData& column, int64_t row) {
  if (column.type->id() == Type::INT64) return static_cast<double>(column.GetValues<int64_t>(1)[row]);
  return column.GetValues<double>(1)[row];
}

std::string_view TextAt(const arrow::ArrayData& column, int64_t row) {
  const int32_t* offsets = column.GetValues<int32_t>(1);
  const char* bytes = column.buffers[2] ? reinterpret_cast<const char*>(column.buffers[2]->data()) : "";
  return {bytes + offsets[row], static_cast<size_t>(offsets[row + 1] - offsets[row])};
}

int64_t CodePoints(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

class SchemaCompiler {
 public:
  explicit SchemaCompiler(Diagnostics* diagnostics) : diagnostics_(*diagnostics) {}

  std::unique_ptr<SchemaRule> Compile(const NodePtr& node, const arrow::DataType& type, std::string name) {
    auto rule = std::make_unique<SchemaRule>();
    rule->name = std::move(name);
    if (!node->is_map()) {
      Error(node, "a JSON schema is a mapping like {type: string}; this is " + node->Describe());
      return rule;
    }
    if (NodePtr types = node->Find("type")) ReadType(types, type, rule.get());
    for (const NodeEntry& entry : node->entries()) ReadKeyword(entry, type, rule.get());
    if (NodePtr required = node->Find("required")) ReadRequired(required, type, rule.get());
    if (NodePtr more = node->Find("additionalProperties"))
      ReadAdditional(more, node->Find("properties"), type, rule.get());
    return rule;
  }

  bool good() const { return good_; }

 private:
  void Error(const NodePtr& node, std::string message, std::string hint = "") {
    good_ = false;
    diagnostics_.Error(node->source(), node->span(), std::move(message), std::move(hint));
  }

  void ReadType(const NodePtr& node, const arrow::DataType& type, SchemaRule* rule) {
    const std::vector<NodePtr> names = node->is_sequence() ? node->items() : std::vector<NodePtr>{node};
    bool fits = false, whole = true;
    for (const NodePtr& name : names) {
      bool needs_whole = false;
      if (name->text() == "null") rule->nullable = true;
      if (!name->is_scalar() || !Fits(type, name->text(), &needs_whole)) continue;
      fits = true;
      whole = whole && needs_whole;
    }
    rule->whole_numbers = fits && whole;
    if (!fits) {
      Error(node, (rule->name.empty() ? std::string("the rows are ") : "field '" + rule->name + "' is ") +
                      TypeName(type) + ", which this schema does not allow");
    }
  }

  void ReadKeyword(const NodeEntry& entry, const arrow::DataType& type, SchemaRule* rule) {
    const std::string& key = entry.key->text();
    const NodePtr& value = entry.value;
    if (key == "minimum") return ReadNumber(value, key, &rule->minimum);
    if (key == "maximum") return ReadNumber(value, key, &rule->maximum);
    if (key == "exclusiveMinimum") return ReadNumber(value, key, &rule->exclusive_minimum);
    if (key == "exclusiveMaximum") return ReadNumber(value, key, &rule->exclusive_maximum);
    if (key == "multipleOf") return ReadNumber(value, key, &rule->multiple_of);
    if (key == "minLength") return ReadCount(value, key, &rule->min_length);
    if (key == "maxLength") return ReadCount(value, key, &rule->max_length);
    if (key == "minItems") return ReadCount(value, key, &rule->min_items);
    if (key == "maxItems") return ReadCount(value, key, &rule->max_items);
    if (key == "pattern") return ReadPattern(value, rule);
    if (key == "enum" || key == "const") return ReadAllowed(value, key, rule);
    if (key == "properties") return ReadProperties(value, type, rule);
    if (key == "items") return ReadItems(value, type, rule);
    static const std::vector<std::string> kElsewhere = {"type",
                                                        "required",
                                                        "additionalProperties",
                                                        "title",
                                                        "description",
                                                        "default",
                                                        "examples",
                                                        "format",
                                                        "$schema",
                                                        "$id",
                                                        "error_handling",
                                                        "minimum",
                                                        "maximum",
                                                        "exclusiveMinimum",
                                                        "exclusiveMaximum",
                                                        "multipleOf",
                                                        "minLength",
                                                        "maxLength",
                                                        "minItems",
                                                        "maxItems",
                                                        "pattern",
                                                        "enum",
                                                        "const",
                                                        "properties",
                                                        "items"};
    if (std::find(kElsewhere.begin(), kElsewhere.end(), key) != kElsewhere.end()) return;
    const std::string close = ClosestMatch(key, kElsewhere);
    Error(entry.key, "unknown keyword '" + key + "' in a JSON schema",
          close.empty() ? "" : "did you mean '" + close + "'?");
  }

  void ReadNumber(const NodePtr& node, const std::string& key, std::optional<double>* out) {
    *out = node->is_scalar() ? node->AsDouble() : std::nullopt;
    if (!*out) Error(node, "'" + key + "' is a number; this is " + node->Describe());
  }

  void ReadCount(const NodePtr& node, const std::string& key, std::optional<int64_t>* out) {
    *out = node->is_scalar() ? node->AsInt64() : std::nullopt;
    if (!*out || **out < 0) Error(node, "'" + key + "' is a count of at least 0; this is " + node->Describe());
  }

  void ReadPattern(const NodePtr& node, SchemaRule* rule) {
    if (!node->is_scalar()) return Error(node, "'pattern' is a regular expression; this is " + node->Describe());
    RE2::Options options;
    options.set_log_errors(false);
    rule->pattern = std::make_unique<RE2>(node->text(), options);
    rule->pattern_text = node->text();
    if (!rule->pattern->ok()) Error(node, "this regular expression is wrong: " + rule->pattern->error());
  }

  void ReadAllowed(const NodePtr& node, const std::string& key, SchemaRule* rule) {
    const std::vector<NodePtr> values =
        key == "enum" && node->is_sequence() ? node->items() : std::vector<NodePtr>{node};
    for (const NodePtr& value : values) {
      if (value->is_scalar()) {
        rule->allowed.push_back(CanonicalJson(value));
      } else {
        Error(value, "'" + key + "' has plain values here; this is " + value->Describe());
      }
    }
  }

  void ReadProperties(const NodePtr& node, const arrow::DataType& type, SchemaRule* rule) {
    if (!node->is_map()) return Error(node, "'properties' is a mapping; this is " + node->Describe());
    if (type.id() != Type::STRUCT) return;
    for (const NodeEntry& entry : node->entries()) {
      const auto& row = static_cast<const arrow::StructType&>(type);
      const int index = row.GetFieldIndex(entry.key->text());
      if (index < 0) continue;  // absent in every row: only `required` minds
      rule->properties.emplace_back(index, Compile(entry.value, *row.field(index)->type(), entry.key->text()));
    }
  }

  void ReadItems(const NodePtr& node, const arrow::DataType& type, SchemaRule* rule) {
    if (type.id() == Type::LIST) {
      rule->items = Compile(node, *static_cast<const arrow::ListType&>(type).value_type(), "item of " + rule->name);
      rule->items->is_item = node->is_map() && node->Find("type") != nullptr;
    }
  }

  void ReadRequired(const NodePtr& node, const arrow::DataType& type, SchemaRule* rule) {
    if (!node->is_sequence()) return Error(node, "'required' is a list of names; this is " + node->Describe());
    if (type.id() != Type::STRUCT) return;
    const auto& row = static_cast<const arrow::StructType&>(type);
    for (const NodePtr& name : node->items()) {
      const int index = row.GetFieldIndex(name->text());
      if (index < 0) {
        std::vector<std::string> names;
        for (const auto& field : row.fields()) names.push_back(field->name());
        const std::string close = ClosestMatch(name->text(), names);
        Error(name, "the rows have no field '" + name->text() + "', which is required",
              close.empty() ? "" : "did you mean '" + close + "'?");
        continue;
      }
      PropertyRule(row, index, rule)->required = true;
    }
  }

  /// The rule of a property, made if there is none yet.
  static SchemaRule* PropertyRule(const arrow::StructType& row, int index, SchemaRule* rule) {
    for (auto& [known, child] : rule->properties) {
      if (known == index) return child.get();
    }
    rule->properties.emplace_back(index, std::make_unique<SchemaRule>());
    rule->properties.back().second->name = row.field(index)->name();
    return rule->properties.back().second.get();
  }

  void ReadAdditional(const NodePtr& node, const NodePtr& known, const arrow::DataType& type, SchemaRule* rule) {
    if (node->is_map() && type.id() == Type::MAP) {
      rule->items = Compile(node, *static_cast<const arrow::MapType&>(type).item_type(), "value of " + rule->name);
      return;
    }
    if (type.id() != Type::STRUCT || !node->is_scalar() || node->AsBool().value_or(true)) return;
    const auto& row = static_cast<const arrow::StructType&>(type);
    for (int i = 0; i < row.num_fields(); ++i) {
      if (known && known->is_map() && known->Find(row.field(i)->name())) continue;
      PropertyRule(row, i, rule)->never = true;
    }
  }

  Diagnostics& diagnostics_;
  bool good_ = true;
};

std::string Quoted(const arrow::ArrayData& column, int64_t row) {
  std::string out;
  AppendJson(column, row, &out);
  return out.size() > 80 ? out.substr(0, 77) + "…" : out;
}

/// What is wrong with a number, or "".
std::string NumberProblem(const SchemaRule& rule, double value) {
  if (rule.whole_numbers && value != std::floor(value)) return "is no integer";
  if (rule.minimum && !(value >= *rule.minimum)) return "is less than " + FormatDouble(*rule.minimum);
  if (rule.maximum && !(value <= *rule.maximum)) return "is more than " + FormatDouble(*rule.maximum);
  if (rule.exclusive_minimum && !(value > *rule.exclusive_minimum)) {
    return "is not more than " + FormatDouble(*rule.exclusive_minimum);
  }
  if (rule.exclusive_maximum && !(value < *rule.exclusive_maximum)) {
    return "is not less than " + FormatDouble(*rule.exclusive_maximum);
  }
  if (rule.multiple_of && std::remainder(value, *rule.multiple_of) != 0) {
    return "is no multiple of " + FormatDouble(*rule.multiple_of);
  }
  return "";
}

std::string TextProblem(const SchemaRule& rule, std::string_view text) {
  if (rule.min_length && CodePoints(text) < *rule.min_length) return "is too short";
  if (rule.max_length && CodePoints(text) > *rule.max_length) return "is too long";
  if (rule.pattern && !RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *rule.pattern)) {
    return "does not match " + rule.pattern_text;
  }
  return "";
}

std::string CountProblem(const SchemaRule& rule, int64_t count) {
  if (rule.min_items && count < *rule.min_items) return "has too few items";
  if (rule.max_items && count > *rule.max_items) return "has too many items";
  return "";
}

std::string AllowedProblem(const SchemaRule& rule, const arrow::ArrayData& column, int64_t row) {
  if (rule.allowed.empty()) return "";
  std::string value;
  AppendJson(column, row, &value);
  if (value.ends_with(".0")) value.resize(value.size() - 2);
  const bool known = std::find(rule.allowed.begin(), rule.allowed.end(), value) != rule.allowed.end();
  return known ? "" : "is not one of the allowed values";
}

/// False, with the reason in `why`.
bool CheckValue(const SchemaRule& rule, const arrow::ArrayData& column, int64_t row, std::string* why) {
  auto fail = [&](const std::string& what) {
    *why = (rule.name.empty() ? "" : "field '" + rule.name + "': ") + what;
    return false;
  };
  if (column.type->id() == Type::NA || column.IsNull(row)) {
    if (rule.required) return fail("it is required, and null");
    return rule.is_item && !rule.nullable ? fail("null is not allowed here") : true;
  }
  std::string problem = rule.never ? "is not allowed here" : AllowedProblem(rule, column, row);
  switch (column.type->id()) {
    case Type::INT64:
    case Type::DOUBLE:
      if (problem.empty()) problem = NumberProblem(rule, NumberAt(column, row));
      break;
    case Type::STRING:
      if (problem.empty()) problem = TextProblem(rule, TextAt(column, row));
      break;
    case Type::STRUCT:
      for (const auto& [index, child] : rule.properties) {
        if (!CheckValue(*child, *column.child_data[index], column.offset + row, why)) return false;
      }
      break;
    case Type::LIST:
    case Type::MAP: {
      const int32_t* offsets = column.GetValues<int32_t>(1);
      if (problem.empty()) problem = CountProblem(rule, offsets[row + 1] - offsets[row]);
      const arrow::ArrayData& entries = *column.child_data[0];
      const bool is_map = column.type->id() == Type::MAP;
      for (int64_t i = offsets[row]; rule.items && i < offsets[row + 1]; ++i) {
        const bool good = is_map ? CheckValue(*rule.items, *entries.child_data[1], entries.offset + i, why)
                                 : CheckValue(*rule.items, entries, i, why);
        if (!good) return false;
      }
      break;
    }
    default:
      break;
  }
  return problem.empty() ? true : fail(Quoted(column, row) + " " + problem);
}

}  // namespace

RowSchema::RowSchema(std::unique_ptr<SchemaRule> root) : root_(std::move(root)) {}
RowSchema::~RowSchema() = default;

std::shared_ptr<const RowSchema> RowSchema::Compile(const NodePtr& schema, const arrow::Schema& rows,
                                                    Diagnostics* diagnostics) {
  SchemaCompiler compiler(diagnostics);
  std::unique_ptr<SchemaRule> root = compiler.Compile(schema, *arrow::struct_(rows.fields()), "");
  if (!compiler.good()) return nullptr;
  return std::shared_ptr<const RowSchema>(new RowSchema(std::move(root)));
}

std::string RowSchema::Check(const Batch& batch, int64_t row) const {
  std::string why;
  for (const auto& [index, rule] : root_->properties) {
    if (!CheckValue(*rule, *batch.PlainColumn(index), row, &why)) break;
  }
  return why;
}

}  // namespace weir
