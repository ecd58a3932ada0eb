// Checks of mappings that every part of a pipeline file shares: unknown and reserved keys, texts.
#include <algorithm>

#include "plan/pipeline_tree.h"

namespace weir {

void ErrorAt(const NodePtr& node, std::string message, Diagnostics* diagnostics, std::string hint) {
  diagnostics->Error(node->source(), node->span(), std::move(message), std::move(hint));
}

std::string Shown(const NodePtr& node) {
  return node->is_scalar() && !node->IsNull() ? "'" + node->text() + "'" : node->Describe();
}

bool CheckKeys(const NodePtr& map, const KeySet& keys, const std::string& where, Diagnostics* diagnostics,
               const std::string& hint) {
  bool good = true;
  auto has = [](const std::vector<std::string>& list, const std::string& key) {
    return std::find(list.begin(), list.end(), key) != list.end();
  };
  for (const NodeEntry& entry : map->entries()) {
    const std::string& key = entry.key->text();
    if (has(keys.known, key)) continue;
    good = false;
    if (has(keys.reserved, key)) {
      ErrorAt(entry.key, "'" + key + "' of " + where + " is not in this version", diagnostics);
      continue;
    }
    std::string close = ClosestMatch(key, keys.known);
    std::string help = close.empty() ? hint : "did you mean '" + close + "'?";
    if (help.empty()) {
      for (const std::string& known : keys.known) help += (help.empty() ? "known keys: " : ", ") + known;
    }
    ErrorAt(entry.key, "unknown key '" + key + "' in " + where, diagnostics, std::move(help));
  }
  return good;
}

NodePtr FindText(const NodePtr& map, std::string_view key, Diagnostics* diagnostics) {
  NodePtr value = map->Find(key);
  if (!value) return nullptr;
  if (value->is_scalar() && !value->IsNull() && !value->text().empty()) return value;
  ErrorAt(value, "'" + std::string(key) + "' is a text; this is " + value->Describe(), diagnostics);
  return nullptr;
}

}  // namespace weir
