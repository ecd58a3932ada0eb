// Declared parameters, their overrides, and substitution.
#include "config/params.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "config/field_types.h"
#include "config/node_builder.h"

namespace weir {
namespace {

enum class ParamType { kInferred, kString, kInteger, kNumber, kBoolean, kDuration, kSize, kArray, kObject };

const std::vector<std::pair<std::string, ParamType>>& TypeWords() {
  static const std::vector<std::pair<std::string, ParamType>> words = {
      {"string", ParamType::kString},   {"integer", ParamType::kInteger},   {"number", ParamType::kNumber},
      {"boolean", ParamType::kBoolean}, {"duration", ParamType::kDuration}, {"size", ParamType::kSize},
      {"array", ParamType::kArray},     {"object", ParamType::kObject}};
  return words;
}

struct ParamDecl {
  ParamType type = ParamType::kInferred;
  NodePtr default_value;
  std::string description;
  std::vector<std::string> choices;
  bool secret = false;

  static const FieldSet<ParamDecl>& Fields() {
    static const FieldSet<ParamDecl> fields =
        FieldSet<ParamDecl>()
            .Enum("type", &ParamDecl::type, TypeWords(),
                  FieldDoc("Type of the value; without it, that of the default."))
            .Field("default", &ParamDecl::default_value,
                   FieldDoc("The value when none is given; without it, one must be given."))
            .Field("description", &ParamDecl::description, FieldDoc("What it is for.").Alias("doc"))
            .Field("choices", &ParamDecl::choices, FieldDoc("The values that it may have."))
            .Field("secret", &ParamDecl::secret, FieldDoc("Never print it.").Default("false"));
    return fields;
  }
};

struct Param {
  NodePtr value;  // null: refused or missing, already said
  bool secret = false;
};

ParamType InferType(const NodePtr& value) {
  if (!value || value->IsNull()) return ParamType::kString;
  if (value->is_sequence()) return ParamType::kArray;
  if (value->is_map()) return ParamType::kObject;
  if (value->AsBool()) return ParamType::kBoolean;
  if (value->AsInt64()) return ParamType::kInteger;
  return value->AsDouble() ? ParamType::kNumber : ParamType::kString;
}

std::string TypeWord(ParamType type) {
  for (const auto& [word, known] : TypeWords()) {
    if (known == type) return word;
  }
  return "string";
}

bool Fits(ParamType type, const NodePtr& value) {
  switch (type) {
    case ParamType::kInteger:
      return value->AsInt64().has_value();
    case ParamType::kNumber:
      return value->AsDouble().has_value();
    case ParamType::kBoolean:
      return value->AsBool().has_value();
    case ParamType::kDuration:
      return value->is_scalar() && ParseDuration(value->text()).ok();
    case ParamType::kSize:
      return value->is_scalar() && ParseByteSize(value->text()).ok();
    case ParamType::kArray:
      return value->is_sequence();
    case ParamType::kObject:
      return value->is_map();
    default:
      return value->is_scalar();
  }
}

// One ${…} of a text.
struct Reference {
  size_t begin = 0, end = 0;   // of the whole, in the text
  std::string kind, argument;  // "param" "day"; "env" "X:-default"
  bool escaped = false;        // $${
};

constexpr const char* kKinds[] = {"param", "env", "file", "secret"};

class Substituter {
 public:
  Substituter(const SubstitutionOptions& options, Diagnostics* diagnostics)
      : options_(options), diagnostics_(diagnostics) {}

  NodePtr Run(const NodePtr& root) {
    Declare(root->Find("params"));
    CheckOverrides();
    params_complete_ = true;
    if (!root->is_map()) return Substitute(root);
    std::vector<NodeEntry> entries = root->entries();
    for (NodeEntry& entry : entries) {
      if (entry.key->text() != "params") entry.value = Substitute(entry.value);
    }
    return NodeBuilder::Map(root->source(), root->span(), std::move(entries));
  }

 private:
  void Declare(const NodePtr& node);
  void DeclareOne(const NodeEntry& entry);
  void CheckOverrides();
  const std::string* Override(const std::string& name) const;
  NodePtr ParseOverride(const std::string& name, const std::string& text, const ParamDecl& decl);

  NodePtr Substitute(const NodePtr& node);
  NodePtr SubstituteScalar(const NodePtr& node);
  std::vector<Reference> FindReferences(const NodePtr& node);
  bool ReadReference(const NodePtr& node, size_t at, Reference* reference);
  /// The value to put in, or null after an error at the reference.
  Param Resolve(const Reference& reference, const NodePtr& node);
  Param ResolveEnvironment(const Reference& reference, const NodePtr& node);
  Param ResolveFile(const Reference& reference, const NodePtr& node);
  Param Fail(const NodePtr& node, const Reference& reference, std::string message, std::string hint = "") {
    diagnostics_->Error(node->source(), node->SpanOfText(reference.begin, reference.end), std::move(message),
                        std::move(hint));
    return {};
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& [name, param] : params_) names.push_back(name);
    return names;
  }

  const SubstitutionOptions& options_;
  Diagnostics* diagnostics_;
  std::map<std::string, Param> params_;
  bool params_complete_ = false;
  std::unordered_map<const Node*, NodePtr> done_;  // aliases share nodes: each is substituted once
};

void Substituter::Declare(const NodePtr& node) {
  if (!node || node->IsNull()) return;
  if (!node->is_map()) {
    diagnostics_->Error(node->source(), node->span(),
                        "'params' must be a mapping of names to values, not " + node->Describe());
    return;
  }
  for (const NodeEntry& entry : node->entries()) DeclareOne(entry);
}

void Substituter::DeclareOne(const NodeEntry& entry) {
  const std::string& name = entry.key->text();
  ParamDecl decl;
  Param& param = params_[name];
  const auto error = [&](const NodePtr& at, std::string message, std::string hint = "") {
    diagnostics_->Error(at->source(), at->span(), std::move(message), std::move(hint));
  };
  const bool usable = !name.empty() && name.find_first_of("${}:. \t\n") == std::string::npos;
  if (!usable) error(entry.key, "a parameter's name is a word without blanks, dots, colons and braces");
  if (entry.value->is_map()) {
    if (!ParseFields(ParamDecl::Fields(), entry.value, {"parameter '" + name + "'", entry.key, {}}, &decl,
                     diagnostics_))
      return;
  } else {
    decl.default_value = entry.value;
  }
  param.secret = decl.secret;
  if (decl.default_value) {
    const NodePtr substituted = Substitute(decl.default_value);
    param.secret |= substituted->is_secret();
    decl.default_value = substituted;
  }
  if (decl.type == ParamType::kInferred) decl.type = InferType(decl.default_value);
  NodePtr value = decl.default_value;
  if (const std::string* text = Override(name)) {
    value = ParseOverride(name, *text, decl);
    if (!value) return;
  } else if (!value) {
    return error(entry.key, "parameter '" + name + "' has no value", "give it with -p " + name + "=VALUE");
  } else if (!Fits(decl.type, value)) {
    return error(value, "the default of '" + name + "' must be " + TypeWord(decl.type) + ", not " + value->Describe());
  }
  const auto& choices = decl.choices;
  if (!choices.empty() && std::find(choices.begin(), choices.end(), value->text()) == choices.end()) {
    std::string list;
    for (const std::string& choice : choices) list += (list.empty() ? "" : ", ") + choice;
    return error(entry.key, "parameter '" + name + "' may not be '" + (param.secret ? "***" : value->text()) + "'",
                 "choices: " + list);
  }
  if (decl.type == ParamType::kString && value->is_scalar()) {
    value = NodeBuilder::Replace(value, value->text(), ScalarStyle::kDoubleQuoted, param.secret);
  }
  param.value = value;
}

const std::string* Substituter::Override(const std::string& name) const {
  const std::string* found = nullptr;
  for (const auto& [key, value] : options_.overrides) {
    if (key == name) found = &value;
  }
  return found;
}

NodePtr Substituter::ParseOverride(const std::string& name, const std::string& text, const ParamDecl& decl) {
  NodePtr value = MakeScalarNode(text, nullptr, ScalarStyle::kPlain);
  if (decl.type == ParamType::kArray || decl.type == ParamType::kObject) {
    Diagnostics ignored;
    value = LoadYaml(std::make_shared<SourceFile>("-p " + name, text), YamlLimits{}, &ignored);
  }
  if (value && Fits(decl.type, value)) return value;
  diagnostics_->Error(
      nullptr, {},
      "-p " + name + "=" + (decl.secret ? "***" : text) + ": '" + name + "' must be " + TypeWord(decl.type));
  return nullptr;
}

void Substituter::CheckOverrides() {
  for (const auto& [name, value] : options_.overrides) {
    if (params_.count(name) > 0) continue;
    const std::string near = ClosestMatch(name, Names());
    diagnostics_->Error(nullptr, {}, "-p " + name + ": the file declares no parameter of this name",
                        near.empty() ? "declare it under 'params:'" : "did you mean '" + near + "'?");
  }
}

NodePtr Substituter::Substitute(const NodePtr& node) {
  const auto [at, is_new] = done_.emplace(node.get(), node);
  if (!is_new) return at->second;
  NodePtr result = node;
  if (node->is_scalar()) {
    result = SubstituteScalar(node);
  } else if (node->is_map()) {
    std::vector<NodeEntry> entries = node->entries();
    bool changed = false;
    for (NodeEntry& entry : entries) {
      const NodePtr value = Substitute(entry.value);
      changed |= value != entry.value;
      entry.value = value;
    }
    if (changed) result = NodeBuilder::Map(node->source(), node->span(), std::move(entries));
  } else {
    std::vector<NodePtr> items = node->items();
    bool changed = false;
    for (NodePtr& item : items) {
      const NodePtr value = Substitute(item);
      changed |= value != item;
      item = value;
    }
    if (changed) result = NodeBuilder::Sequence(node->source(), node->span(), std::move(items));
  }
  done_[node.get()] = result;
  return result;
}

bool Substituter::ReadReference(const NodePtr& node, size_t at, Reference* reference) {
  const std::string& text = node->text();
  const size_t close = text.find('}', at);
  if (close == std::string::npos) return false;
  const std::string inside = text.substr(at + 2, close - at - 2);
  const size_t word = inside.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
  if (word == std::string::npos || word == 0 || (inside[word] != '.' && inside[word] != ':')) return false;
  reference->begin = at;
  reference->end = close + 1;
  reference->kind = inside.substr(0, word);
  reference->argument = inside.substr(word + 1);
  const bool is_param = reference->kind == "param";
  if (std::find(std::begin(kKinds), std::end(kKinds), reference->kind) != std::end(kKinds)) {
    if (is_param == (inside[word] == '.')) return true;
    Fail(node, *reference, "'${" + inside + "}' is not a known form",
         "write " + std::string(is_param ? "${param.NAME}" : "${" + reference->kind + ":…}"));
    return false;
  }
  // Other code may hold ${x.y}; what is nearly one of ours is a slip.
  const std::string near = ClosestMatch(reference->kind, {std::begin(kKinds), std::end(kKinds)});
  if (!near.empty())
    Fail(node, *reference, "'${" + inside + "}' is not a known form",
         "did you mean '" + near + "'? ($${ writes a literal ${)");
  return false;
}

std::vector<Reference> Substituter::FindReferences(const NodePtr& node) {
  const std::string& text = node->text();
  std::vector<Reference> found;
  for (size_t at = text.find("${"); at != std::string::npos; at = text.find("${", at)) {
    Reference reference;
    if (at > 0 && text[at - 1] == '$') {
      reference.begin = at - 1;
      reference.end = at + 2;
      reference.escaped = true;
      found.push_back(reference);
    } else if (ReadReference(node, at, &reference)) {
      found.push_back(reference);
    }
    at = std::max(at + 2, reference.end);
  }
  return found;
}

NodePtr Substituter::SubstituteScalar(const NodePtr& node) {
  if (node->text().find("${") == std::string::npos) return node;
  const std::vector<Reference> references = FindReferences(node);
  if (references.empty()) return node;
  const std::string& text = node->text();
  if (references.size() == 1 && !references[0].escaped && references[0].begin == 0 &&
      references[0].end == text.size()) {
    const Param param = Resolve(references[0], node);
    if (!param.value) return node;
    if (!param.value->is_scalar()) return param.value;
    const NodePtr placed = NodeBuilder::Replace(node, param.value->text(), param.value->style(), param.secret);
    return placed;
  }
  std::string out;
  std::vector<uint32_t> offsets;
  bool secret = node->is_secret();
  const auto put = [&](std::string_view part, size_t from, bool verbatim) {
    for (size_t i = 0; i < part.size(); ++i) {
      offsets.push_back(static_cast<uint32_t>(node->SpanOfText(verbatim ? from + i : from, from + i + 1).begin));
    }
    out += part;
  };
  size_t at = 0;
  for (const Reference& reference : references) {
    put(std::string_view(text).substr(at, reference.begin - at), at, true);
    at = reference.end;
    if (reference.escaped) {
      put("${", reference.begin, false);
      continue;
    }
    const Param param = Resolve(reference, node);
    if (!param.value) continue;
    if (!param.value->is_scalar()) {
      Fail(node, reference,
           "'" + reference.argument + "' is " + param.value->Describe() + "; it cannot stand inside a text");
      continue;
    }
    secret |= param.secret;
    put(param.value->text(), reference.begin, false);
  }
  put(std::string_view(text).substr(at), at, true);
  const NodePtr placed =
      NodeBuilder::Scalar(node->source(), node->span(), out, ScalarStyle::kDoubleQuoted, 0, std::move(offsets));
  return secret ? NodeBuilder::MarkSecret(placed) : placed;
}

Param Substituter::Resolve(const Reference& reference, const NodePtr& node) {
  if (reference.kind == "env") return ResolveEnvironment(reference, node);
  if (reference.kind == "file") return ResolveFile(reference, node);
  if (reference.kind == "secret")
    return Fail(node, reference, "'${secret:…}' is not in this version", "use ${env:NAME} or ${file:PATH}");
  const auto found = params_.find(reference.argument);
  if (found != params_.end()) return found->second;
  const std::string near = ClosestMatch(reference.argument, Names());
  const std::string hint = near.empty() ? "declare it under 'params:'" : "did you mean '" + near + "'?";
  return Fail(node, reference,
              std::string(params_complete_ ? "the file declares no parameter '"
                                           : "no parameter is declared before this one as '") +
                  reference.argument + "'",
              hint);
}

Param Substituter::ResolveEnvironment(const Reference& reference, const NodePtr& node) {
  const size_t separator = reference.argument.find(":-");
  const std::string name = reference.argument.substr(0, separator);
  std::optional<std::string> value = options_.environment ? options_.environment(name) : std::nullopt;
  if (separator != std::string::npos && (!value || value->empty())) {
    const std::string fallback = reference.argument.substr(separator + 2);
    return {MakeScalarNode(fallback, node, node->style()), false};
  }
  if (!value)
    return Fail(node, reference, "the environment has no variable '" + name + "'",
                "set it, or give a default: ${env:" + name + ":-…}");
  const NodePtr plain = MakeScalarNode(*value, node, ScalarStyle::kPlain);
  const bool keep = node->style() == ScalarStyle::kPlain && !plain->IsNull();
  return {MakeScalarNode(*value, node, keep ? ScalarStyle::kPlain : ScalarStyle::kDoubleQuoted), true};
}

Param Substituter::ResolveFile(const Reference& reference, const NodePtr& node) {
  if (!options_.read_file) return Fail(node, reference, "'${file:…}' cannot be used here");
  const Result<std::string> content = options_.read_file(reference.argument);
  if (!content.ok())
    return Fail(node, reference, "'" + reference.argument + "' cannot be read: " + content.status().message());
  std::string text = *content;
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (!text.empty() && text.back() == '\r') text.pop_back();
  return {MakeScalarNode(text, node, ScalarStyle::kDoubleQuoted), true};
}

}  // namespace

NodePtr SubstituteParams(const NodePtr& root, const SubstitutionOptions& options, Diagnostics* diagnostics) {
  if (!root) return root;
  const bool used = root->source() && root->source()->text().find("${") != std::string::npos;
  if (!used && options.overrides.empty() && !root->Find("params")) return root;
  return Substituter(options, diagnostics).Run(root);
}

}  // namespace weir
