// Reading a mapping by a list of fields, with every mistake said in the words of the person who wrote it.
#include "config/field.h"

#include <algorithm>

#include "base/check.h"

namespace weir {
namespace {

std::string Quoted(const std::string& text) { return "'" + text + "'"; }

// The value in short, for "not a string ('abc')"; nothing for what has no short form.
std::string ValueInBrackets(const NodePtr& node, bool secret) {
  constexpr size_t kMaxShown = 40;
  if (secret || node->is_secret() || !node->is_scalar() || node->IsNull()) return "";
  const std::string& text = node->text();
  if (text.size() > kMaxShown || text.find('\n') != std::string::npos) return "";
  return " (" + text + ")";
}

std::vector<std::string> KnownKeys(const FieldList& fields, const ReadOptions& options) {
  std::vector<std::string> keys;
  for (const FieldInfo& field : fields) keys.push_back(field.name);
  keys.insert(keys.end(), options.reserved_keys.begin(), options.reserved_keys.end());
  return keys;
}

std::string UnknownKeyHint(const std::string& key, const std::vector<std::string>& known) {
  const std::string near = ClosestMatch(key, known);
  if (!near.empty()) return "did you mean '" + near + "'?";
  if (known.empty()) return "it takes no settings";
  std::string list;
  for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
  return "known keys: " + list;
}

// "'fields'" and "total" give "'fields.total'"; "Filter" and "keep" give "'keep'".
std::string NameInside(const std::string& what, const std::string& key) {
  if (what.size() > 1 && what.front() == '\'' && what.back() == '\'')
    return what.substr(0, what.size() - 1) + "." + key + "'";
  return Quoted(key);
}

// The default as a node at `origin`. It is YAML: quoted where it must be, lists and maps in flow style.
NodePtr DefaultNode(const FieldDoc& doc, const NodePtr& origin) {
  if (doc.default_text.find_first_of("[{'\"") != 0) {
    return MakeScalarNode(doc.default_text, origin, ScalarStyle::kPlain);
  }
  Diagnostics ignored;
  const auto source = std::make_shared<SourceFile>("default", doc.default_text);
  const NodePtr node = LoadYaml(source, YamlLimits{}, &ignored);
  WEIR_CHECK(node != nullptr, "a default is valid YAML");
  return node->is_scalar() ? MakeScalarNode(node->text(), origin, node->style()) : node;
}

class MappingReader {
 public:
  MappingReader(const FieldList& fields, const ReadOptions& options, void* config, Diagnostics* diagnostics)
      : fields_(fields), options_(options), config_(config), diagnostics_(diagnostics) {}

  bool Read(const NodePtr& node) {
    bool ok = true;
    std::vector<const NodeEntry*> given(fields_.size(), nullptr);
    if (node && node->is_map()) Assign(node, &given);
    for (size_t i = 0; i < fields_.size(); ++i) ok &= ReadOne(fields_[i], given[i], node);
    return ok;
  }

 private:
  // Which entry of the mapping belongs to which field.
  void Assign(const NodePtr& node, std::vector<const NodeEntry*>* given) {
    for (const NodeEntry& entry : node->entries()) {
      const std::string& key = entry.key->text();
      const size_t index = IndexOf(key);
      if (index == fields_.size()) {
        const auto& reserved = options_.reserved_keys;
        if (std::find(reserved.begin(), reserved.end(), key) != reserved.end()) continue;
        diagnostics_->Error(entry.key->source(), entry.key->span(),
                            "unknown key " + Quoted(key) + " in " + options_.what,
                            UnknownKeyHint(key, KnownKeys(fields_, options_)));
        misspelled_.push_back(ClosestMatch(key, KnownKeys(fields_, options_)));
      } else if ((*given)[index] != nullptr) {
        diagnostics_->Error(entry.key->source(), entry.key->span(),
                            Quoted(key) + " and " + Quoted((*given)[index]->key->text()) + " are the same setting",
                            "give one of them");
      } else {
        (*given)[index] = &entry;
      }
    }
  }

  size_t IndexOf(const std::string& key) const {
    for (size_t i = 0; i < fields_.size(); ++i) {
      const auto& aliases = fields_[i].doc.aliases;
      if (fields_[i].name == key || std::find(aliases.begin(), aliases.end(), key) != aliases.end()) return i;
    }
    return fields_.size();
  }

  bool ReadOne(const FieldInfo& field, const NodeEntry* entry, const NodePtr& node) {
    const ReadScope scope{field, NameInside(options_.what, field.name), diagnostics_};
    if (entry != nullptr && !field.doc.deprecated.empty()) {
      diagnostics_->Warning(entry->key->source(), entry->key->span(), scope.what + " is deprecated",
                            field.doc.deprecated);
    }
    const bool is_null = entry != nullptr && entry->value->IsNull() && field.type.kind != TypeKind::kAny;
    if (entry != nullptr && !is_null) return field.read(entry->value, scope, config_);
    if (field.doc.required) {
      if (is_null) return scope.Mismatch(entry->value, field.TypeName());
      // The name that was misspelled is reported once, where it stands.
      const bool misspelled = std::find(misspelled_.begin(), misspelled_.end(), field.name) != misspelled_.end();
      return misspelled ? false : Missing(field, node);
    }
    if (!field.doc.has_default) return true;
    return field.read(DefaultNode(field.doc, options_.place ? options_.place : node), scope, config_);
  }

  bool Missing(const FieldInfo& field, const NodePtr& node) {
    const NodePtr& place = options_.place ? options_.place : node;
    const SourcePtr source = place ? place->source() : nullptr;
    Span span = place ? place->span() : Span{};
    if (place && !place->is_scalar()) span = FirstLine(place);
    std::string hint = field.doc.text;
    if (!field.doc.example.empty()) hint += " Example: " + field.name + ": " + field.doc.example;
    diagnostics_->Error(source, span, options_.what + " needs " + Quoted(field.name) + " (" + field.TypeName() + ")",
                        std::move(hint));
    return false;
  }

  // Of a step, its type is underlined; of another mapping its first key.
  static Span FirstLine(const NodePtr& node) {
    if (const NodePtr type = node->Find("type"); type && type->is_scalar()) return type->span();
    if (node->is_map() && !node->entries().empty() && node->entries()[0].key->span().begin >= node->span().begin) {
      return {node->span().begin, std::max(node->span().begin, node->entries()[0].key->span().end)};
    }
    return node->span();
  }

  const FieldList& fields_;
  const ReadOptions& options_;
  void* config_;
  Diagnostics* diagnostics_;
  std::vector<std::string> misspelled_;  // fields that an unknown key was probably meant for
};

}  // namespace

std::string ReadScope::Inside(const std::string& key) const { return NameInside(what, key); }

bool ReadScope::Fail(const NodePtr& node, std::string message, std::string hint) const {
  diagnostics->Error(node->source(), node->span(), std::move(message), std::move(hint));
  return false;
}

bool ReadScope::Mismatch(const NodePtr& node, const std::string& expected) const {
  return Fail(node,
              what + " must be " + expected + ", not " + node->Describe() + ValueInBrackets(node, field.IsSecret()));
}

bool ReadFields(const FieldList& fields, const NodePtr& node, const ReadOptions& options, void* config,
                Diagnostics* diagnostics) {
  if (node && !node->is_map() && !node->IsNull()) {
    diagnostics->Error(node->source(), node->span(),
                       "the settings of " + options.what + " must be a mapping, not " + node->Describe());
    return false;
  }
  return MappingReader(fields, options, config, diagnostics).Read(node && node->is_map() ? node : nullptr);
}

}  // namespace weir
