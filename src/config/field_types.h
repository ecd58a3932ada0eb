// The C++ types that a setting can have, and how each is read from YAML.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_size.h"
#include "base/duration.h"
#include "base/secret.h"
#include "config/field.h"

namespace weir {

enum class ExprForm { kNone, kExpression, kCallable, kFile };

/// Text of an expression and the node that it came from: node->SpanOfText(begin, end) leads from an offset in `text` to
/// the file. A scalar of any kind, or {expression: …}; where the field allows it also {callable: …} and {path: FILE,
/// name: FUNCTION}.
struct ExprSource {
  ExprForm form = ExprForm::kNone;
  std::string text;           // the expression, the callable's source, or the path
  std::string function_name;  // kFile only
  NodePtr node;               // the scalar that holds `text`
  bool empty() const { return form == ExprForm::kNone; }
};

/// The type of a field as a pipeline file says it: a name ("integer", "array<string>") or JSON Schema ({type: array,
/// items: …}).
struct TypeDecl {
  enum class Kind { kNamed, kArray, kMap, kObject };
  Kind kind = Kind::kNamed;
  std::string name;      // kNamed: as written; who knows the types checks it
  bool nullable = true;  // JSON Schema: `type` alone says nothing about null; a list with "null" in it says yes
  std::vector<TypeDecl> element;                           // kArray, kMap: exactly one
  std::vector<std::pair<std::string, TypeDecl>> fields{};  // kObject; {}: clang asks for it
  std::vector<std::string> required;                       // kObject
  NodePtr node;                                            // for diagnostics
};

/// Fields of a row: {type: object, properties: {name: type}, required: […]}, or shorter {name: type}. kind is kObject.
struct SchemaDecl {
  TypeDecl row;
  bool empty() const { return row.node == nullptr; }
};

/// How a T is read and described. Specialise it by giving the two functions, or give T a static Fields() (see
/// FieldSet).
template <class T>
struct ConfigType;

#define WEIR_CONFIG_TYPE(T)                                                \
  template <>                                                              \
  struct ConfigType<T> {                                                   \
    static TypeInfo Info();                                                \
    static bool Read(const NodePtr& node, const ReadScope& scope, T* out); \
  }
WEIR_CONFIG_TYPE(std::string);
WEIR_CONFIG_TYPE(bool);
WEIR_CONFIG_TYPE(int64_t);
WEIR_CONFIG_TYPE(double);
WEIR_CONFIG_TYPE(Duration);
WEIR_CONFIG_TYPE(ByteSize);
WEIR_CONFIG_TYPE(ExprSource);
WEIR_CONFIG_TYPE(SchemaDecl);
WEIR_CONFIG_TYPE(TypeDecl);
WEIR_CONFIG_TYPE(NodePtr);
WEIR_CONFIG_TYPE(Secret<std::string>);
#undef WEIR_CONFIG_TYPE

template <class T>
struct ConfigType<std::optional<T>> {
  static TypeInfo Info() { return ConfigType<T>::Info(); }
  static bool Read(const NodePtr& node, const ReadScope& scope, std::optional<T>* out) {
    T value{};
    if (!ConfigType<T>::Read(node, scope, &value)) return false;
    *out = std::move(value);
    return true;
  }
};

template <class T>
struct ConfigType<std::vector<T>> {
  static TypeInfo Info() { return {TypeKind::kList, std::make_shared<TypeInfo>(ConfigType<T>::Info())}; }
  static bool Read(const NodePtr& node, const ReadScope& scope, std::vector<T>* out) {
    if (!node->is_sequence() && !scope.field.doc.or_single) return scope.Mismatch(node, scope.field.TypeName());
    const std::vector<NodePtr> items = node->is_sequence() ? node->items() : std::vector<NodePtr>{node};
    bool ok = true;
    for (size_t i = 0; i < items.size(); ++i) {
      T value{};
      const std::string what = node->is_sequence() ? scope.what + " item " + std::to_string(i + 1) : scope.what;
      ok &= ConfigType<T>::Read(items[i], {scope.field, what, scope.diagnostics}, &value);
      out->push_back(std::move(value));
    }
    return ok;
  }
};

template <class T>
struct ConfigType<std::vector<std::pair<std::string, T>>> {
  static TypeInfo Info() { return {TypeKind::kMap, std::make_shared<TypeInfo>(ConfigType<T>::Info())}; }
  static bool Read(const NodePtr& node, const ReadScope& scope, std::vector<std::pair<std::string, T>>* out) {
    if (!node->is_map()) return scope.Mismatch(node, scope.field.TypeName());
    bool ok = true;
    for (const NodeEntry& entry : node->entries()) {
      T value{};
      const std::string what = scope.Inside(entry.key->text());
      ok &= ConfigType<T>::Read(entry.value, {scope.field, what, scope.diagnostics}, &value);
      out->emplace_back(entry.key->text(), std::move(value));
    }
    return ok;
  }
};

/// A struct that says what its fields are: `static const FieldSet<T>& Fields();`
template <class T>
concept ConfigStruct = requires {
  { T::Fields().list() } -> std::same_as<const FieldList&>;
};

template <ConfigStruct T>
struct ConfigType<T> {
  static TypeInfo Info() {
    TypeInfo info{TypeKind::kStruct, nullptr};
    info.fields = []() -> const FieldList& { return T::Fields().list(); };
    return info;
  }
  static bool Read(const NodePtr& node, const ReadScope& scope, T* out) {
    if (!node->is_map()) return scope.Mismatch(node, "a mapping");
    return ReadFields(T::Fields().list(), node, {scope.what, nullptr, {}}, out, scope.diagnostics);
  }
};

/// The settings of struct C. One object per struct, made once:
///   static const FieldSet<Pane> fields = FieldSet<Pane>().Field("index", &Pane::index, FieldDoc("…"));
template <class C>
class FieldSet {
 public:
  template <class T, class B>
  requires std::derived_from<C, B> FieldSet& Field(std::string name, T B::*member, FieldDoc doc) {
    return Add<T>(std::move(name), std::move(doc), [member](const NodePtr& node, const ReadScope& scope, void* config) {
      return ConfigType<T>::Read(node, scope, &(static_cast<C*>(config)->*member));
    });
  }

  /// A setting whose words stand for values of an enum; the words become the choices.
  template <class E, class B>
  requires std::derived_from<C, B> FieldSet& Enum(std::string name, E B::*member,
                                                  std::vector<std::pair<std::string, E>> words, FieldDoc doc) {
    for (const auto& [word, value] : words) doc.choices.push_back(word);
    return Add<std::string>(std::move(name), std::move(doc),
                            [member, words](const NodePtr& node, const ReadScope& scope, void* config) {
                              std::string text;
                              if (!ConfigType<std::string>::Read(node, scope, &text)) return false;
                              for (const auto& [word, value] : words) {
                                if (word == text) static_cast<C*>(config)->*member = value;
                              }
                              return true;
                            });
  }

  /// The fields of a base class.
  template <class B>
  requires std::derived_from<C, B> FieldSet& Include(const FieldSet<B>& shared) {
    for (FieldInfo field : shared.list()) {
      field.read = [read = field.read](const NodePtr& node, const ReadScope& scope, void* config) {
        return read(node, scope, static_cast<B*>(static_cast<C*>(config)));
      };
      list_.push_back(std::move(field));
    }
    return *this;
  }

  const FieldList& list() const { return list_; }

 private:
  template <class T>
  FieldSet& Add(std::string name, FieldDoc doc, std::function<bool(const NodePtr&, const ReadScope&, void*)> read) {
    list_.push_back({std::move(name), ConfigType<T>::Info(), std::move(doc), std::move(read)});
    return *this;
  }
  FieldList list_;
};

/// Reads a mapping that belongs to no component (windowing, error_handling, options …).
template <class C>
bool ParseFields(const FieldSet<C>& fields, const NodePtr& node, const ReadOptions& options, C* out,
                 Diagnostics* diagnostics) {
  return ReadFields(fields.list(), node, options, out, diagnostics);
}

}  // namespace weir
