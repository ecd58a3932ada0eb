// ComponentSpec: the one declaration of a component. From it come its parser, its checks, its reference page, its JSON
// Schema and the redaction of its secrets.
//
//   struct FilterConfig { ExprSource keep; std::string language; };
//
//   ComponentSpec Spec() {
//     return ComponentSpec::Transform<FilterConfig>("Filter")
//         .Summary("Keep the rows for which a condition is true.")
//         .Field("keep", &FilterConfig::keep, FieldDoc("What must be true of a row.").Required().Example("amount >
//         10")) .Example("large amounts", R"(pipeline: …)");
//   }
#pragma once

#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

#include "base/check.h"
#include "config/field.h"
#include "config/field_types.h"

namespace weir {

enum class ComponentKind { kSource, kTransform, kSink };

/// A whole pipeline file that shows the component at work; every one is parsed and validated by a test.
struct ComponentExample {
  std::string title;
  std::string yaml;
};

template <class C>
class SpecBuilder;

class ComponentSpec {
 public:
  template <class C>
  static SpecBuilder<C> Source(std::string name) {
    return SpecBuilder<C>(ComponentKind::kSource, std::move(name));
  }
  template <class C>
  static SpecBuilder<C> Transform(std::string name) {
    return SpecBuilder<C>(ComponentKind::kTransform, std::move(name));
  }
  template <class C>
  static SpecBuilder<C> Sink(std::string name) {
    return SpecBuilder<C>(ComponentKind::kSink, std::move(name));
  }

  ComponentKind kind() const { return kind_; }
  const std::string& name() const { return name_; }
  const std::string& summary() const { return summary_; }        // one sentence
  const std::string& doc() const { return doc_; }                // Markdown, may be empty
  const std::string& guarantees() const { return guarantees_; }  // Markdown, may be empty
  /// Its output rows have the fields of its first input, whatever its settings are.
  bool keeps_fields() const { return keeps_fields_; }
  const FieldList& fields() const { return fields_; }
  const std::vector<ComponentExample>& examples() const { return examples_; }
  const std::type_info& config_type() const { return *config_type_; }

 private:
  template <class C>
  friend class SpecBuilder;
  ComponentKind kind_ = ComponentKind::kTransform;
  std::string name_, summary_, doc_, guarantees_;
  bool keeps_fields_ = false;
  FieldList fields_;
  std::vector<ComponentExample> examples_;
  const std::type_info* config_type_ = nullptr;
};

template <class C>
class SpecBuilder {
 public:
  SpecBuilder(ComponentKind kind, std::string name) {
    spec_.kind_ = kind;
    spec_.name_ = std::move(name);
    spec_.config_type_ = &typeid(C);
  }
  SpecBuilder& Summary(std::string sentence) {
    spec_.summary_ = std::move(sentence);
    return *this;
  }
  SpecBuilder& Doc(std::string markdown) {
    spec_.doc_ = std::move(markdown);
    return *this;
  }
  SpecBuilder& Guarantees(std::string markdown) {
    spec_.guarantees_ = std::move(markdown);
    return *this;
  }
  /// Its output rows have the fields of its first input: steps behind it can be checked even if its own settings are
  /// wrong.
  SpecBuilder& KeepsFields() {
    spec_.keeps_fields_ = true;
    return *this;
  }
  SpecBuilder& Example(std::string title, std::string yaml) {
    spec_.examples_.push_back({std::move(title), std::move(yaml)});
    return *this;
  }
  template <class T, class B>
  SpecBuilder& Field(std::string name, T B::*member, FieldDoc doc) {
    fields_.Field(std::move(name), member, std::move(doc));
    return *this;
  }
  template <class E, class B>
  SpecBuilder& Enum(std::string name, E B::*member, std::vector<std::pair<std::string, E>> words, FieldDoc doc) {
    fields_.Enum(std::move(name), member, std::move(words), std::move(doc));
    return *this;
  }
  /// Settings shared by several components, whose configs derive from B.
  template <class B>
  requires std::derived_from<C, B> SpecBuilder& Fields(const FieldSet<B>& shared) {
    fields_.Include(shared);
    return *this;
  }
  operator ComponentSpec() const {  // NOLINT: the end of a declaration
    ComponentSpec spec = spec_;
    spec.fields_ = fields_.list();
    return spec;
  }

 private:
  ComponentSpec spec_;
  FieldSet<C> fields_;
};

/// Reads `config` (null: none given) into *out. Mistakes, all of them, go to `diagnostics`; true when there were none.
/// `place`, the step's node, is where a missing setting is reported when there is no config. `reserved_keys` are read
/// by somebody else.
template <class C>
bool ParseConfig(const ComponentSpec& spec, const NodePtr& config, const NodePtr& place,
                 const std::vector<std::string>& reserved_keys, C* out, Diagnostics* diagnostics) {
  WEIR_CHECK(spec.config_type() == typeid(C), "a component is parsed into the config that its spec declares");
  return ReadFields(spec.fields(), config, {spec.name(), place, reserved_keys}, out, diagnostics);
}

/// `config` as YAML in one line, secrets as ***. For logs, `explain` and stored plans.
std::string Redacted(const NodePtr& config, const ComponentSpec& spec);

}  // namespace weir
