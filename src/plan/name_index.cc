// Looking up steps by name or type, as references in `input`, `output`, `after` and tests do.
#include <algorithm>
#include <unordered_set>

#include "plan/pipeline_tree.h"

namespace weir {
namespace {

/// Beam renames these by their language before it looks up references, so the type of a *named* one is no name of it.
bool IsLanguageType(const std::string& type) {
  return type == "AssignTimestamps" || type == "Combine" || type == "Filter" || type == "MapToFields" ||
         type == "Partition";
}

}  // namespace

NameIndex::NameIndex(const TreeItem& composite) : composite_(composite) {
  for (size_t i = 0; i < composite.items.size(); ++i) {
    const TreeItem& item = composite.items[i];
    if (!item.name.empty()) by_name_[item.name].push_back(static_cast<int>(i));
    if (!item.type.empty() && item.type != item.name) by_type_[item.type].push_back(static_cast<int>(i));
  }
}

std::vector<int> NameIndex::Candidates(const std::string& name) const {
  std::vector<int> found;
  if (auto it = by_name_.find(name); it != by_name_.end()) found = it->second;
  auto it = by_type_.find(name);
  if (it == by_type_.end()) return found;
  // A pipeline of thousands of steps of one type asks for that type at most to be told that it is ambiguous.
  if (found.size() + it->second.size() == 1 || !IsLanguageType(name)) {
    for (size_t i = 0; i < it->second.size() && found.size() < 8; ++i) found.push_back(it->second[i]);
    return found;
  }
  const size_t named = found.size();
  for (int item : it->second) {
    if (composite_.items[item].name.empty() && found.size() < 8) found.push_back(item);
  }
  if (found.size() == named && named == 0) {
    found.assign(it->second.begin(), it->second.begin() + std::min<size_t>(8, it->second.size()));
  }
  return found;
}

NameIndex::Match NameIndex::Find(const std::string& text) const {
  Match match;
  match.items = Candidates(text);
  for (size_t dot = text.rfind('.'); match.items.empty() && dot != std::string::npos && dot > 0;
       dot = text.rfind('.', dot - 1)) {
    match.items = Candidates(text.substr(0, dot));
    if (!match.items.empty()) match.output = text.substr(dot + 1);
  }
  return match;
}

std::vector<std::string> NameIndex::Names() const {
  std::vector<std::string> names;
  std::unordered_set<std::string> seen;
  for (const TreeItem& item : composite_.items) {
    if (seen.insert(item.EffectiveName()).second) names.push_back(item.EffectiveName());
  }
  return names;
}

}  // namespace weir
