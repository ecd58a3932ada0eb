// Configs printed without their secrets.
#include <nlohmann/json.hpp>

#include "config/component_spec.h"

namespace weir {
namespace {

constexpr const char* kHidden = "***";

const FieldInfo* FindField(const FieldList& fields, const std::string& key) {
  for (const FieldInfo& field : fields) {
    if (field.name == key) return &field;
    for (const std::string& alias : field.doc.aliases) {
      if (alias == key) return &field;
    }
  }
  return nullptr;
}

std::string Scalar(const Node& node) {
  if (node.is_secret()) return kHidden;
  if (node.style() == ScalarStyle::kPlain && node.text().find_first_of(",[]{}\n") == std::string::npos)
    return node.IsNull() ? "null" : node.text();
  return nlohmann::json(node.text()).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string Print(const NodePtr& node, const TypeInfo* type);

std::string PrintMap(const NodePtr& node, const FieldList* fields, const TypeInfo* element) {
  std::string out = "{";
  for (const NodeEntry& entry : node->entries()) {
    const FieldInfo* field = fields ? FindField(*fields, entry.key->text()) : nullptr;
    out += (out.size() > 1 ? ", " : "") + Scalar(*entry.key) + ": ";
    out += field && field->IsSecret() ? kHidden : Print(entry.value, field ? &field->type : element);
  }
  return out + "}";
}

std::string Print(const NodePtr& node, const TypeInfo* type) {
  if (type && type->secret) return kHidden;
  const TypeInfo* element = type && type->element ? type->element.get() : nullptr;
  if (node->is_scalar()) return Scalar(*node);
  if (node->is_map()) {
    // Under `.OrSingle()` a list's only item may stand alone.
    const TypeInfo* as_struct = type && type->fields ? type : element && element->fields ? element : nullptr;
    return PrintMap(node, as_struct && (type->fields || type->kind == TypeKind::kList) ? &as_struct->fields() : nullptr,
                    element);
  }
  std::string out = "[";
  for (const NodePtr& item : node->items()) out += (out.size() > 1 ? ", " : "") + Print(item, element);
  return out + "]";
}

}  // namespace

std::string Redacted(const NodePtr& config, const ComponentSpec& spec) {
  if (!config || !config->is_map()) return "{}";
  return PrintMap(config, &spec.fields(), nullptr);
}

}  // namespace weir
