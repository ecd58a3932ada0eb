// Hash tables over the bytes of keys and rows.
#include "connectors/tables/keyed_changes.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "state/hash/row_bytes.h"

namespace weir {
namespace {

/// One of the different rows of a key.
struct Version {
  std::string bytes;
  int64_t weight = 0;
  int64_t order = 0;
  KeyedRow row;
};

struct OneKey {
  std::vector<Version> versions;
};

std::string BytesOf(const Batch& batch, int64_t row, const std::vector<int>& columns) {
  std::string bytes;
  for (const int column : columns) AppendRowBytes(*batch.PlainColumn(column), row, &bytes);
  return bytes;
}

KeyedChanges LastOfEachKey(std::span<const Batch> rows, const std::vector<int>& key) {
  KeyedChanges changes;
  std::unordered_map<std::string, size_t> places;
  for (size_t b = 0; b < rows.size(); ++b) {
    for (int64_t row = 0; row < rows[b].num_rows(); ++row) {
      const KeyedRow at{static_cast<int32_t>(b), static_cast<int32_t>(row)};
      const auto [found, is_new] = places.try_emplace(BytesOf(rows[b], row, key), changes.upserts.size());
      if (is_new) {
        changes.upserts.push_back(at);
      } else {
        changes.upserts[found->second] = at;
      }
    }
  }
  return changes;
}

}  // namespace

KeyedChanges NetChanges(std::span<const Batch> rows, const std::vector<int>& key) {
  if (std::none_of(rows.begin(), rows.end(), [](const Batch& batch) { return batch.has_weight(); })) {
    return LastOfEachKey(rows, key);
  }
  std::vector<int> others;
  for (int i = 0; i < rows[0].num_columns(); ++i) {
    if (std::find(key.begin(), key.end(), i) == key.end()) others.push_back(i);
  }
  std::unordered_map<std::string, size_t> places;
  std::vector<OneKey> keys;
  int64_t order = 0;
  for (size_t b = 0; b < rows.size(); ++b) {
    const Batch& batch = rows[b];
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      const auto [found, is_new] = places.try_emplace(BytesOf(batch, row, key), keys.size());
      if (is_new) keys.emplace_back();
      auto& versions = keys[found->second].versions;
      std::string bytes = BytesOf(batch, row, others);
      auto version =
          std::find_if(versions.begin(), versions.end(), [&](const Version& other) { return other.bytes == bytes; });
      if (version == versions.end()) version = versions.insert(version, Version{std::move(bytes), 0, 0, {}});
      version->weight += batch.has_weight() ? batch.weight().at(row) : 1;
      version->order = ++order;
      version->row = {static_cast<int32_t>(b), static_cast<int32_t>(row)};
    }
  }
  KeyedChanges changes;
  for (const OneKey& one : keys) {
    const Version* stays = nullptr;
    const Version* goes = nullptr;
    for (const Version& version : one.versions) {
      if (version.weight > 0 && (stays == nullptr || stays->order < version.order)) stays = &version;
      if (version.weight < 0) goes = &version;
    }
    if (stays != nullptr) changes.upserts.push_back(stays->row);
    if (stays == nullptr && goes != nullptr) changes.deletes.push_back(goes->row);
  }
  return changes;
}

}  // namespace weir
