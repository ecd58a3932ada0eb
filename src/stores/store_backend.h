// StoreBackend: what a system does to be a key-value store. KeyValueStore (key_value_store.h) is in front of it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "stores/store_url.h"

namespace weir {

class Env;

struct StoreValue {
  std::string bytes;
  int64_t version = 0;  // above 0; no two writes of a key have the same
};

struct StoreEntry {
  std::string key;
  StoreValue value;
};

/// Called by one thread at a time. Errors of every call: IOError where the connection was lost or the system is busy:
/// the call may have had its effect or not, and is tried again after Connect; others are final.
class StoreBackend {
 public:
  static constexpr int64_t kAnyVersion = -1;
  static constexpr int64_t kAbsent = 0;  // as an expected version: the key is not there

  virtual ~StoreBackend() = default;
  /// Connects, or connects anew; makes the table where there is none.
  virtual Status Connect() = 0;
  virtual Result<std::optional<StoreValue>> Get(const std::string& key) = 0;
  virtual Status Put(const std::string& key, const StoreValue& value) = 0;
  /// Writes `value` if the key has the version `expected`. Whether it did.
  virtual Result<bool> CompareAndSet(const std::string& key, int64_t expected, const StoreValue& value) = 0;
  /// Whether there was something with that version (kAnyVersion: any).
  virtual Result<bool> Delete(const std::string& key, int64_t expected) = 0;
  /// Entries whose key begins with `prefix` and comes after `after` in the order of bytes; at most `limit`.
  virtual Result<std::vector<StoreEntry>> Scan(const std::string& prefix, const std::string& after, int limit) = 0;
};

using StoreBackendPtr = std::unique_ptr<StoreBackend>;
Result<StoreBackendPtr> MakeMemoryStore(const StoreUrl& url);
Result<StoreBackendPtr> MakeSqliteStore(const StoreUrl& url);
Result<StoreBackendPtr> MakeRedisStore(const StoreUrl& url);
Result<StoreBackendPtr> MakePostgresStore(const StoreUrl& url);
Result<StoreBackendPtr> MakeDynamoDbStore(const StoreUrl& url, Env& env);
Result<StoreBackendPtr> MakeEtcdStore(const StoreUrl& url);

/// The number that a system says as text; 0 where it is none.
int64_t ParseVersion(std::string_view text);

/// The first key after all that begin with `prefix`; empty where there is none (only bytes 255).
std::string EndOfPrefix(std::string prefix);

}  // namespace weir
