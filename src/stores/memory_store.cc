// The store of one process: for tests, and for runs that need no memory of others. Lost when the process ends.
#include <map>
#include <mutex>

#include "stores/store_backend.h"

namespace weir {
namespace {

struct Shelf {
  std::mutex mutex;
  std::map<std::string, StoreValue> values;
};

/// Stores of one name are one store.
std::shared_ptr<Shelf> FindShelf(const std::string& name) {
  static std::mutex mutex;
  static auto* const shelves = new std::map<std::string, std::shared_ptr<Shelf>>;
  std::lock_guard lock(mutex);
  std::shared_ptr<Shelf>& shelf = (*shelves)[name];
  if (!shelf) shelf = std::make_shared<Shelf>();
  return shelf;
}

class MemoryStore final : public StoreBackend {
 public:
  explicit MemoryStore(std::shared_ptr<Shelf> shelf) : shelf_(std::move(shelf)) {}

  Status Connect() override { return Status::OK(); }

  Result<std::optional<StoreValue>> Get(const std::string& key) override {
    std::lock_guard lock(shelf_->mutex);
    const auto found = shelf_->values.find(key);
    if (found == shelf_->values.end()) return std::nullopt;
    return found->second;
  }

  Status Put(const std::string& key, const StoreValue& value) override {
    std::lock_guard lock(shelf_->mutex);
    shelf_->values[key] = value;
    return Status::OK();
  }

  Result<bool> CompareAndSet(const std::string& key, int64_t expected, const StoreValue& value) override {
    std::lock_guard lock(shelf_->mutex);
    const auto found = shelf_->values.find(key);
    const int64_t version = found == shelf_->values.end() ? kAbsent : found->second.version;
    if (version != expected) return false;
    shelf_->values[key] = value;
    return true;
  }

  Result<bool> Delete(const std::string& key, int64_t expected) override {
    std::lock_guard lock(shelf_->mutex);
    const auto found = shelf_->values.find(key);
    if (found == shelf_->values.end()) return false;
    if (expected != kAnyVersion && found->second.version != expected) return false;
    shelf_->values.erase(found);
    return true;
  }

  Result<std::vector<StoreEntry>> Scan(const std::string& prefix, const std::string& after, int limit) override {
    std::lock_guard lock(shelf_->mutex);
    std::vector<StoreEntry> entries;
    auto at = after < prefix ? shelf_->values.lower_bound(prefix) : shelf_->values.upper_bound(after);
    for (; at != shelf_->values.end() && at->first.starts_with(prefix); ++at) {
      if (entries.size() == static_cast<size_t>(limit)) break;
      entries.push_back({at->first, at->second});
    }
    return entries;
  }

 private:
  const std::shared_ptr<Shelf> shelf_;
};

}  // namespace

Result<StoreBackendPtr> MakeMemoryStore(const StoreUrl& url) {
  return StoreBackendPtr(std::make_unique<MemoryStore>(FindShelf(url.path)));
}

}  // namespace weir
