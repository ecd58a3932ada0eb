// Which store a path belongs to.
#include "env/objects/object_store.h"

#include <map>
#include <memory>
#include <mutex>

namespace weir {
namespace {

struct Stores {
  std::mutex mutex;
  std::map<std::string, ObjectStore& (*)(), std::less<>> by_scheme;
};

Stores& TheStores() {
  static auto* stores = new Stores;  // threads may still ask while the process ends
  return *stores;
}

class UnavailableDetail final : public arrow::StatusDetail {
 public:
  const char* type_id() const override { return kType; }
  std::string ToString() const override { return "the store could not be reached"; }
  static constexpr char kType[] = "weir::UnavailableDetail";
};

}  // namespace

Status Unavailable(const Status& status) { return status.WithDetail(std::make_shared<UnavailableDetail>()); }

bool IsUnavailable(const Status& status) {
  return status.detail() && std::string_view(status.detail()->type_id()) == UnavailableDetail::kType;
}

std::string_view SchemeOf(std::string_view path) {
  const size_t at = path.find("://");
  return at == std::string_view::npos || path.find('/') < at ? std::string_view() : path.substr(0, at);
}

void RegisterObjectStore(const std::string& scheme, ObjectStore& (*get)()) {
  Stores& stores = TheStores();
  std::lock_guard lock(stores.mutex);
  stores.by_scheme.emplace(scheme, get);
}

ObjectStore* ObjectStoreOf(std::string_view path) {
  const std::string_view scheme = SchemeOf(path);
  if (scheme.empty()) return nullptr;
  ObjectStore& (*get)() = nullptr;
  {
    Stores& stores = TheStores();
    std::lock_guard lock(stores.mutex);
    const auto it = stores.by_scheme.find(scheme);
    if (it != stores.by_scheme.end()) get = it->second;
  }
  return get ? &get() : nullptr;
}

}  // namespace weir
