// KeyValueStore: small values that processes share, by key, each with a version that changes with every write. For
// leases, positions and other small state; not for data.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "stores/store_backend.h"

namespace weir {

/// What a conditional write came to.
enum class CasOutcome : uint8_t {
  kWritten,   // the value is there
  kConflict,  // the key has another version; nothing was written
  kUnknown,   // the connection was lost, and others have written since: it may have been there for a moment
};

struct CasResult {
  CasOutcome outcome = CasOutcome::kConflict;
  int64_t version = 0;  // of what was written
};

/// Thread-safe; calls of one object go one after the other. Errors of every call: Invalid for keys and values out of
/// bounds; IOError where the system cannot be reached after some tries, or refuses for the moment; others say what is
/// wrong with the system.
class KeyValueStore {
 public:
  static constexpr size_t kMaxKeyBytes = 1000;
  static constexpr size_t kMaxValueBytes = 256 << 10;
  static constexpr int64_t kAnyVersion = StoreBackend::kAnyVersion;
  static constexpr int64_t kAbsent = StoreBackend::kAbsent;

  /// Connects to the store that `url` names (store_url.h). Errors: Invalid for a URL that names none.
  static Result<std::unique_ptr<KeyValueStore>> Open(std::string_view url, Env& env);

  /// nullopt where the key is not there.
  Result<std::optional<StoreValue>> Get(const std::string& key);
  /// Writes whatever was there; the version of what is there now. The last of several writers wins.
  Result<int64_t> Put(const std::string& key, std::string bytes);
  /// Writes if the key has the version `expected`, or is not there (kAbsent). A call whose connection was lost is tried
  /// again, and then looks whether it had been successful: see CasOutcome.
  Result<CasResult> CompareAndSet(const std::string& key, int64_t expected, std::string bytes);
  /// Removes the key if it has the version `expected` (kAnyVersion: whatever it has). Whether it did; where the
  /// connection was lost meanwhile and the key is gone, it is taken for ours.
  Result<bool> Delete(const std::string& key, int64_t expected = kAnyVersion);
  /// Entries whose key begins with `prefix` and comes after `after`, in the order of bytes, at most `limit` (1 to
  /// 1,000). For the next page, `after` is the last key of this one. What is written meanwhile may be seen or not.
  Result<std::vector<StoreEntry>> Scan(const std::string& prefix, const std::string& after, int limit);

  /// "redis://host:6379": for messages.
  const std::string& name() const { return name_; }

 private:
  KeyValueStore(StoreBackendPtr backend, std::string name, Env& env)
      : backend_(std::move(backend)), name_(std::move(name)), env_(env) {}
  /// Calls `call` until it gives no IOError, connecting anew before each further try.
  template <class F>
  auto Retry(F&& call) -> decltype(call());
  int64_t NewVersion();

  const StoreBackendPtr backend_;
  const std::string name_;
  Env& env_;
  std::mutex mutex_;
};

}  // namespace weir
