// Retries, limits and unknown outcomes, the same in front of every system.
#include "stores/key_value_store.h"

#include <charconv>
#include <chrono>
#include <thread>
#include <utility>

#include "env/env.h"

namespace weir {
namespace {

constexpr int kMaxTries = 9;
constexpr int64_t kFirstPauseMs = 20;  // doubles: 5 s in all, enough for a server that starts again

Status CheckKey(const std::string& key) {
  if (!key.empty() && key.size() <= KeyValueStore::kMaxKeyBytes) return Status::OK();
  return Status::Invalid("a key has 1 to ", KeyValueStore::kMaxKeyBytes, " bytes, not ", key.size());
}

Status CheckValue(const std::string& bytes) {
  if (bytes.size() <= KeyValueStore::kMaxValueBytes) return Status::OK();
  return Status::Invalid("a value has at most ", KeyValueStore::kMaxValueBytes, " bytes, not ", bytes.size());
}

const Status& StatusOf(const Status& status) { return status; }
template <class T>
const Status& StatusOf(const Result<T>& result) {
  return result.status();
}

Result<StoreBackendPtr> MakeBackend(const StoreUrl& url, Env& env) {
  if (url.scheme == "memory") return MakeMemoryStore(url);
  if (url.scheme == "sqlite") return MakeSqliteStore(url);
  if (url.scheme == "redis") return MakeRedisStore(url);
  if (url.scheme == "postgres") return MakePostgresStore(url);
  if (url.scheme == "dynamodb") return MakeDynamoDbStore(url, env);
  return MakeEtcdStore(url);
}

}  // namespace

int64_t ParseVersion(std::string_view text) {
  int64_t version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

std::string EndOfPrefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

Result<std::unique_ptr<KeyValueStore>> KeyValueStore::Open(std::string_view text, Env& env) {
  WEIR_ASSIGN_OR_RETURN(const StoreUrl url, StoreUrl::Parse(text));
  WEIR_ASSIGN_OR_RETURN(StoreBackendPtr backend, MakeBackend(url, env));
  std::unique_ptr<KeyValueStore> store(new KeyValueStore(std::move(backend), url.ToString(), env));
  const Status connected = store->backend_->Connect();
  if (!connected.ok()) return connected.WithMessage("store ", store->name_, ": ", connected.message());
  return store;
}

template <class F>
auto KeyValueStore::Retry(F&& call) -> decltype(call()) {
  auto result = call();
  int64_t pause_ms = kFirstPauseMs;
  for (int tries = 1; StatusOf(result).IsIOError() && tries < kMaxTries; ++tries) {
    // allowed: a server of the world is waited for, by its clock
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
    pause_ms *= 2;
    if (Status connected = backend_->Connect(); !connected.ok()) {
      result = connected;
    } else {
      result = call();
    }
  }
  if (StatusOf(result).ok()) return result;
  return StatusOf(result).WithMessage("store ", name_, ": ", StatusOf(result).message());
}

int64_t KeyValueStore::NewVersion() {
  const auto version = static_cast<int64_t>(env_.RandomSeed() >> 1);
  return version > 0 ? version : 1;
}

Result<std::optional<StoreValue>> KeyValueStore::Get(const std::string& key) {
  WEIR_RETURN_NOT_OK(CheckKey(key));
  std::lock_guard lock(mutex_);
  return Retry([&] { return backend_->Get(key); });
}

Result<int64_t> KeyValueStore::Put(const std::string& key, std::string bytes) {
  WEIR_RETURN_NOT_OK(CheckKey(key));
  WEIR_RETURN_NOT_OK(CheckValue(bytes));
  std::lock_guard lock(mutex_);
  const StoreValue value{std::move(bytes), NewVersion()};
  WEIR_RETURN_NOT_OK(Retry([&] { return backend_->Put(key, value); }));
  return value.version;
}

Result<CasResult> KeyValueStore::CompareAndSet(const std::string& key, int64_t expected, std::string bytes) {
  WEIR_RETURN_NOT_OK(CheckKey(key));
  WEIR_RETURN_NOT_OK(CheckValue(bytes));
  if (expected < 0) return Status::Invalid("compare-and-set needs a version, or kAbsent");
  std::lock_guard lock(mutex_);
  const StoreValue value{std::move(bytes), NewVersion()};
  int tries = 0;
  WEIR_ASSIGN_OR_RETURN(const bool written, Retry([&] {
                          ++tries;
                          return backend_->CompareAndSet(key, expected, value);
                        }));
  if (written) return CasResult{CasOutcome::kWritten, value.version};
  if (tries == 1) return CasResult{};
  // An earlier try whose answer was lost may be what this one found. No two writes have the same version.
  WEIR_ASSIGN_OR_RETURN(const auto there, Retry([&] { return backend_->Get(key); }));
  if (there && there->version == value.version) return CasResult{CasOutcome::kWritten, value.version};
  return CasResult{CasOutcome::kUnknown, 0};
}

Result<bool> KeyValueStore::Delete(const std::string& key, int64_t expected) {
  WEIR_RETURN_NOT_OK(CheckKey(key));
  std::lock_guard lock(mutex_);
  int tries = 0;
  WEIR_ASSIGN_OR_RETURN(const bool deleted, Retry([&] {
                          ++tries;
                          return backend_->Delete(key, expected);
                        }));
  if (deleted || tries == 1) return deleted;
  WEIR_ASSIGN_OR_RETURN(const auto there, Retry([&] { return backend_->Get(key); }));
  return !there;
}

Result<std::vector<StoreEntry>> KeyValueStore::Scan(const std::string& prefix, const std::string& after, int limit) {
  if (limit < 1 || limit > 1000) return Status::Invalid("a page has 1 to 1000 entries, not ", limit);
  std::lock_guard lock(mutex_);
  return Retry([&] { return backend_->Scan(prefix, after, limit); });
}

}  // namespace weir
