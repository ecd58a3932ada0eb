// What one setting of a component is: its type, its documentation, how it is read. Everything that shows or checks
// settings (parser, reference page, JSON Schema, redaction) works from these descriptions.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/node.h"

namespace weir {

struct FieldInfo;
using FieldList = std::vector<FieldInfo>;

enum class TypeKind {
  kString,
  kBool,
  kInteger,
  kNumber,
  kDuration,
  kByteSize,
  kExpression,
  kSchema,
  kAny,   // raw YAML
  kList,  // of `element`
  kMap,   // name → `element`, in the order of the file
  kStruct
};

/// The type of a setting, as data.
struct TypeInfo {
  TypeKind kind = TypeKind::kString;
  std::shared_ptr<const TypeInfo> element;
  const FieldList& (*fields)() = nullptr;  // of a struct; a function, so that a struct may contain itself
  bool secret = false;
};

/// Documentation and limits of one setting, in the order in which they read well:
///   FieldDoc("How long a key is remembered.").Default("10m").Min("1s")
struct FieldDoc {
  explicit FieldDoc(std::string doc) : text(std::move(doc)) {}
  FieldDoc& Required() {
    required = true;
    return *this;
  }
  /// As it would be written in YAML; read by the same reader when the key is absent.
  FieldDoc& Default(std::string yaml) {
    default_text = std::move(yaml);
    has_default = true;
    return *this;
  }
  FieldDoc& OneOf(std::vector<std::string> words) {
    choices = std::move(words);
    return *this;
  }
  /// Inclusive limits, as written in YAML: of numbers, durations and sizes.
  FieldDoc& Min(std::string yaml) {
    min = std::move(yaml);
    return *this;
  }
  FieldDoc& Max(std::string yaml) {
    max = std::move(yaml);
    return *this;
  }
  FieldDoc& Example(std::string yaml) {
    example = std::move(yaml);
    return *this;
  }
  /// Never printed. Secret<T> members are secret without it.
  FieldDoc& Secret() {
    secret = true;
    return *this;
  }
  /// Another key that is accepted for it.
  FieldDoc& Alias(std::string key) {
    aliases.push_back(std::move(key));
    return *this;
  }
  /// Still read, with a warning that says what to use instead.
  FieldDoc& Deprecated(std::string instead) {
    deprecated = std::move(instead);
    return *this;
  }
  /// Left out of the short description.
  FieldDoc& Advanced() {
    advanced = true;
    return *this;
  }
  /// A list may be given as its only item.
  FieldDoc& OrSingle() {
    or_single = true;
    return *this;
  }
  /// An expression may also be {callable: …} or {path: …, name: …}.
  FieldDoc& AllowCallable() {
    allow_callable = true;
    return *this;
  }
  /// For raw YAML: what it is called, and its JSON Schema.
  FieldDoc& Type(std::string name) {
    type_name = std::move(name);
    return *this;
  }
  FieldDoc& JsonSchema(std::string json) {
    json_schema = std::move(json);
    return *this;
  }

  std::string text;
  bool required = false;
  bool has_default = false;
  std::string default_text;
  std::vector<std::string> choices;
  std::string min, max, example;
  bool secret = false;
  std::vector<std::string> aliases;
  std::string deprecated;
  bool advanced = false, or_single = false, allow_callable = false;
  std::string type_name, json_schema;
};

/// What a reader of one value needs besides the value.
struct ReadScope {
  const FieldInfo& field;
  std::string what;  // "'keep'", "'fields.total'": how messages call the value
  Diagnostics* diagnostics;

  /// How messages call the value of `key` inside this one: "'fields'" and "total" give "'fields.total'".
  std::string Inside(const std::string& key) const;
  /// "'keep' must be `expected`, not a string ('x')", at the value. Returns false.
  bool Mismatch(const NodePtr& node, const std::string& expected) const;
  bool Fail(const NodePtr& node, std::string message, std::string hint = "") const;
};

struct FieldInfo {
  std::string name;
  TypeInfo type;
  FieldDoc doc{""};
  /// Reads a value into the member of the config struct at `config`; false when it was refused (and said so).
  std::function<bool(const NodePtr& value, const ReadScope& scope, void* config)> read;
  /// "string", "list of integer", "map of expression", "duration" …
  std::string TypeName() const;
  bool IsSecret() const { return doc.secret || type.secret || (type.element && type.element->secret); }
};

struct ReadOptions {
  std::string what;                        // "Filter", "windowing": whose settings these are
  NodePtr place;                           // where a missing setting is reported; null: at the mapping
  std::vector<std::string> reserved_keys;  // read by somebody else
};

/// Reads the mapping `node` (null or null-valued: empty) into the struct at `config`. All mistakes go to `diagnostics`:
/// unknown keys, missing settings, wrong types, values out of range. True when the struct can be used: every setting
/// was read. (A key that nobody knows is an error but leaves the rest usable, so that what depends on it can be checked
/// as well.)
bool ReadFields(const FieldList& fields, const NodePtr& node, const ReadOptions& options, void* config,
                Diagnostics* diagnostics);

}  // namespace weir
