// Readers of the basic setting types.
#include "config/field_types.h"

#include <algorithm>
#include <limits>

namespace weir {
namespace {

NodePtr Plain(const std::string& text) { return MakeScalarNode(text, nullptr, ScalarStyle::kPlain); }

std::string JoinChoices(const std::vector<std::string>& choices) {
  std::string text;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) text += i + 1 == choices.size() ? " or " : ", ";
    text += choices[i];
  }
  return text;
}

bool CheckChoice(const NodePtr& node, const ReadScope& scope, const std::string& text) {
  const auto& choices = scope.field.doc.choices;
  if (choices.empty() || std::find(choices.begin(), choices.end(), text) != choices.end()) return true;
  const std::string near = ClosestMatch(text, choices);
  const bool secret = scope.field.IsSecret() || node->is_secret();
  return scope.Fail(node, scope.what + " must be " + JoinChoices(choices) + (secret ? "" : ", not '" + text + "'"),
                    near.empty() ? "" : "did you mean '" + near + "'?");
}

// `min` and `max` are the limits already read; nullopt: none.
template <class T>
bool CheckRange(const NodePtr& node, const ReadScope& scope, T value, std::optional<T> min, std::optional<T> max) {
  const FieldDoc& doc = scope.field.doc;
  // Not "value < min": a NaN is in no range.
  if (min && !(value >= *min))
    return scope.Fail(node, scope.what + " must be at least " + doc.min + ", not " + node->text());
  if (max && !(value <= *max))
    return scope.Fail(node, scope.what + " must be at most " + doc.max + ", not " + node->text());
  return true;
}

template <class T, class F>
std::optional<T> Limit(const std::string& text, F parse) {
  if (text.empty()) return std::nullopt;
  return parse(text);
}

template <class T>
bool CheckLimits(const NodePtr& node, const ReadScope& scope, T value, std::optional<T> (*parse)(const std::string&)) {
  return CheckRange<T>(node, scope, value, Limit<T>(scope.field.doc.min, parse), Limit<T>(scope.field.doc.max, parse));
}

// The scalar that a form of an expression holds, or an error.
bool ReadExprMap(const NodePtr& node, const ReadScope& scope, ExprSource* out) {
  const bool callable = scope.field.doc.allow_callable;
  const NodeEntry* path = node->FindEntry("path");
  const NodeEntry* entry = node->FindEntry("expression");
  out->form = ExprForm::kExpression;
  if (entry == nullptr && callable) {
    entry = node->FindEntry("callable");
    out->form = ExprForm::kCallable;
    if (entry == nullptr && path != nullptr) {
      entry = path;
      out->form = ExprForm::kFile;
    }
  }
  const std::string forms = callable ? "{expression: …}, {callable: …} or {path: …, name: …}" : "{expression: …}";
  if (entry == nullptr) return scope.Fail(node, scope.what + " must be an expression or " + forms);
  if (!entry->value->is_scalar() || entry->value->IsNull()) return scope.Mismatch(entry->value, "an expression");
  bool ok = true;
  for (const NodeEntry& other : node->entries()) {
    const std::string& key = other.key->text();
    if (&other == entry) continue;
    if (key == "name" && out->form == ExprForm::kFile && other.value->is_scalar()) {
      out->function_name = other.value->text();
    } else {
      ok = scope.Fail(other.key, "unknown key '" + key + "' in an expression", "known forms: " + forms);
    }
  }
  out->text = entry->value->text();
  out->node = entry->value;
  return ok;
}

bool ReadType(const NodePtr& node, const ReadScope& scope, TypeDecl* out);

bool ReadProperties(const NodePtr& node, const ReadScope& scope, TypeDecl* out) {
  out->kind = TypeDecl::Kind::kObject;
  if (!node->is_map()) return scope.Mismatch(node, "a mapping of field name to type");
  bool ok = true;
  for (const NodeEntry& entry : node->entries()) {
    TypeDecl field;
    ok &= ReadType(entry.value, scope, &field);
    out->fields.emplace_back(entry.key->text(), std::move(field));
  }
  return ok;
}

bool ReadRequired(const NodePtr& node, const ReadScope& scope, TypeDecl* out) {
  if (!node->is_sequence()) return scope.Mismatch(node, "a list of field names");
  bool ok = true;
  for (const NodePtr& item : node->items()) {
    const auto known =
        std::any_of(out->fields.begin(), out->fields.end(), [&](const auto& f) { return f.first == item->text(); });
    std::vector<std::string> names;
    for (const auto& field : out->fields) names.push_back(field.first);
    const std::string near = ClosestMatch(item->text(), names);
    if (!known)
      ok = scope.Fail(item, "no property '" + item->text() + "' to require",
                      near.empty() ? "" : "did you mean '" + near + "'?");
    out->required.push_back(item->text());
  }
  return ok;
}

// `type:` itself: a name, or a list of a name and "null".
bool ReadTypeName(const NodePtr& node, const ReadScope& scope, TypeDecl* out) {
  const std::vector<NodePtr> names = node->is_sequence() ? node->items() : std::vector<NodePtr>{node};
  for (const NodePtr& name : names) {
    if (!name->is_scalar()) return scope.Mismatch(name, "the name of a type");
    if (node->is_sequence() && name->text() == "null") {
      out->nullable = true;
    } else if (out->name.empty()) {
      out->name = name->text();
    } else {
      return scope.Fail(name, "a field has one type; beside it only \"null\" may stand");
    }
  }
  if (out->name.empty()) return scope.Mismatch(node, "the name of a type");
  return true;
}

bool ReadType(const NodePtr& node, const ReadScope& scope, TypeDecl* out) {
  out->node = node;
  if (!node->is_map()) return ReadTypeName(node, scope, out);
  const NodePtr type = node->Find("type");
  const NodePtr properties = node->Find("properties"), items = node->Find("items"),
                values = node->Find("additionalProperties");
  if (!type && !properties)
    return scope.Fail(node, "a type is a name or {type: …}",
                      "names: string integer number boolean bytes timestamp date decimal array object map");
  bool ok = type ? ReadTypeName(type, scope, out) : true;
  const auto element = [&](const NodePtr& of, TypeDecl::Kind kind) {
    out->kind = kind;
    out->element.resize(1);
    ok &= ReadType(of, scope, &out->element[0]);
  };
  if (properties)
    ok &= ReadProperties(properties, scope, out);
  else if (items && out->name == "array")
    element(items, TypeDecl::Kind::kArray);
  else if (values && values->is_map() && (out->name == "object" || out->name == "map"))
    element(values, TypeDecl::Kind::kMap);
  if (const NodePtr required = node->Find("required"); required && properties) ok &= ReadRequired(required, scope, out);
  return ok;
}

}  // namespace

TypeInfo ConfigType<std::string>::Info() { return {TypeKind::kString, nullptr}; }
bool ConfigType<std::string>::Read(const NodePtr& node, const ReadScope& scope, std::string* out) {
  // A plain `012` or `yes` is taken as the text that stands there.
  if (!node->is_scalar() || node->IsNull()) return scope.Mismatch(node, "a string");
  *out = node->text();
  return CheckChoice(node, scope, *out);
}

TypeInfo ConfigType<Secret<std::string>>::Info() {
  TypeInfo info{TypeKind::kString, nullptr};
  info.secret = true;
  return info;
}
bool ConfigType<Secret<std::string>>::Read(const NodePtr& node, const ReadScope& scope, Secret<std::string>* out) {
  std::string text;
  const bool ok = ConfigType<std::string>::Read(node, scope, &text);
  *out = Secret<std::string>(std::move(text));
  return ok;
}

TypeInfo ConfigType<bool>::Info() { return {TypeKind::kBool, nullptr}; }
bool ConfigType<bool>::Read(const NodePtr& node, const ReadScope& scope, bool* out) {
  const std::optional<bool> value = node->AsBool();
  if (!value) return scope.Mismatch(node, "true or false");
  *out = *value;
  return true;
}

TypeInfo ConfigType<int64_t>::Info() { return {TypeKind::kInteger, nullptr}; }
bool ConfigType<int64_t>::Read(const NodePtr& node, const ReadScope& scope, int64_t* out) {
  const std::optional<int64_t> value = node->AsInt64();
  if (!value) return scope.Mismatch(node, "an integer");
  *out = *value;
  return CheckLimits<int64_t>(node, scope, *value, [](const std::string& text) { return Plain(text)->AsInt64(); });
}

TypeInfo ConfigType<double>::Info() { return {TypeKind::kNumber, nullptr}; }
bool ConfigType<double>::Read(const NodePtr& node, const ReadScope& scope, double* out) {
  const std::optional<double> value = node->AsDouble();
  if (!value) return scope.Mismatch(node, "a number");
  *out = *value;
  return CheckLimits<double>(node, scope, *value, [](const std::string& text) { return Plain(text)->AsDouble(); });
}

TypeInfo ConfigType<Duration>::Info() { return {TypeKind::kDuration, nullptr}; }
bool ConfigType<Duration>::Read(const NodePtr& node, const ReadScope& scope, Duration* out) {
  const auto parse = [](const std::string& text) -> std::optional<Duration> {
    const Result<Duration> result = ParseDuration(text);
    return result.ok() ? std::optional(*result) : std::nullopt;
  };
  if (!node->is_scalar() || node->IsNull() || node->AsBool())
    return scope.Mismatch(node, "a duration such as 30s or 1.5h");
  const Result<Duration> value = ParseDuration(node->text());
  if (!value.ok()) return scope.Fail(node, scope.what + ": " + value.status().message());
  *out = *value;
  if (scope.field.doc.min.empty() && value->us < 0) return scope.Fail(node, scope.what + " may not be negative");
  return CheckLimits<Duration>(node, scope, *value, parse);
}

TypeInfo ConfigType<ByteSize>::Info() { return {TypeKind::kByteSize, nullptr}; }
bool ConfigType<ByteSize>::Read(const NodePtr& node, const ReadScope& scope, ByteSize* out) {
  const auto parse = [](const std::string& text) -> std::optional<ByteSize> {
    const Result<ByteSize> result = ParseByteSize(text);
    return result.ok() ? std::optional(*result) : std::nullopt;
  };
  if (!node->is_scalar() || node->IsNull() || node->AsBool()) return scope.Mismatch(node, "a size such as 64MiB");
  const Result<ByteSize> value = ParseByteSize(node->text());
  if (!value.ok()) return scope.Fail(node, scope.what + ": " + value.status().message());
  *out = *value;
  return CheckLimits<ByteSize>(node, scope, *value, parse);
}

TypeInfo ConfigType<ExprSource>::Info() { return {TypeKind::kExpression, nullptr}; }
bool ConfigType<ExprSource>::Read(const NodePtr& node, const ReadScope& scope, ExprSource* out) {
  if (node->is_map() && !node->entries().empty()) return ReadExprMap(node, scope, out);
  if (!node->is_scalar() || node->IsNull()) return scope.Mismatch(node, "an expression");
  *out = {ExprForm::kExpression, node->text(), "", node};
  return true;
}

TypeInfo ConfigType<TypeDecl>::Info() { return {TypeKind::kSchema, nullptr}; }
bool ConfigType<TypeDecl>::Read(const NodePtr& node, const ReadScope& scope, TypeDecl* out) {
  return ReadType(node, scope, out);
}

TypeInfo ConfigType<SchemaDecl>::Info() { return {TypeKind::kSchema, nullptr}; }
bool ConfigType<SchemaDecl>::Read(const NodePtr& node, const ReadScope& scope, SchemaDecl* out) {
  out->row.node = node;
  if (!node->is_map()) return scope.Mismatch(node, "a schema such as {id: integer, name: string}");
  // {type: object, properties: …} is JSON Schema; a row may also simply have a field called `type`.
  const NodePtr properties = node->Find("properties"), type = node->Find("type");
  const bool json_schema = properties && properties->is_map() && (!type || type->text() == "object");
  if (!json_schema) return ReadProperties(node, scope, &out->row);
  bool ok = ReadType(node, scope, &out->row);
  return ok;
}

TypeInfo ConfigType<NodePtr>::Info() { return {TypeKind::kAny, nullptr}; }
bool ConfigType<NodePtr>::Read(const NodePtr& node, const ReadScope&, NodePtr* out) {
  *out = node;
  return true;
}

}  // namespace weir
