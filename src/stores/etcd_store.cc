// etcd as a store, over its HTTP gateway (etcd.io/docs, "Why gRPC gateway"). A value is eight bytes of version, then
// the bytes; writes with a condition compare the revision at which the version was seen.
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "net/http_client.h"
#include "stores/store_backend.h"

namespace weir {
namespace {

using Json = nlohmann::json;

std::string Packed(const StoreValue& value) {
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i) bytes[static_cast<size_t>(i)] = static_cast<char>(value.version >> (56 - 8 * i));
  return bytes + value.bytes;
}

Result<StoreValue> Unpacked(const std::string& bytes) {
  if (bytes.size() < 8) return Status::Invalid("etcd has a value that is not of a store of Weir");
  StoreValue value{bytes.substr(8), 0};
  for (int i = 0; i < 8; ++i) {
    value.version = static_cast<int64_t>(static_cast<uint64_t>(value.version) << 8) |
                    static_cast<unsigned char>(bytes[static_cast<size_t>(i)]);
  }
  return value;
}

/// A text of the answer in base64; empty where there is none.
std::string Text(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return "";
  return Base64Decode(found->get_ref<const std::string&>()).value_or("");
}

class EtcdStore final : public StoreBackend {
 public:
  explicit EtcdStore(const StoreUrl& url)
      : user_(url.user),
        password_(url.password),
        base_(url.Option("tls", "false") == "true" ? "https://" : "http://"),
        prefix_(url.Option("prefix", "weir/")) {
    base_ += url.host + ":" + std::to_string(url.port > 0 ? url.port : 2379);
  }

  Status Connect() override {
    HttpClientOptions options;
    options.timeout_ms = 10'000;
    WEIR_RETURN_NOT_OK(HttpClient::Make(std::move(options)).Value(&client_));
    token_.clear();
    if (!user_.empty()) {
      WEIR_ASSIGN_OR_RETURN(const Json answer,
                            Call("/v3/auth/authenticate", {{"name", user_}, {"password", password_}}));
      token_ = answer.value("token", "");
    }
    return Call("/v3/kv/range", {{"key", Base64Encode(prefix_)}}).status();
  }

  Result<std::optional<StoreValue>> Get(const std::string& key) override {
    WEIR_ASSIGN_OR_RETURN(const std::optional<Seen> seen, Look(key));
    if (!seen) return std::nullopt;
    return seen->value;
  }

  Status Put(const std::string& key, const StoreValue& value) override {
    return Call("/v3/kv/put", PutOf(key, value)).status();
  }

  Result<bool> CompareAndSet(const std::string& key, int64_t expected, const StoreValue& value) override {
    WEIR_ASSIGN_OR_RETURN(const std::optional<Seen> seen, Look(key));
    if ((seen ? seen->value.version : kAbsent) != expected) return false;
    return IfUnchanged(key, seen, {{"requestPut", PutOf(key, value)}});
  }

  Result<bool> Delete(const std::string& key, int64_t expected) override {
    for (;;) {
      WEIR_ASSIGN_OR_RETURN(const std::optional<Seen> seen, Look(key));
      if (!seen || (expected != kAnyVersion && seen->value.version != expected)) return false;
      WEIR_ASSIGN_OR_RETURN(const bool deleted,
                            IfUnchanged(key, seen, {{"requestDeleteRange", {{"key", KeyOf(key)}}}}));
      if (deleted) return true;
    }
  }

  Result<std::vector<StoreEntry>> Scan(const std::string& prefix, const std::string& after, int limit) override {
    const std::string low = after < prefix ? prefix : after + '\0';
    std::string end = EndOfPrefix(prefix_ + prefix);
    WEIR_ASSIGN_OR_RETURN(
        const Json answer,
        Call("/v3/kv/range", {{"key", KeyOf(low)},
                              {"range_end", end.empty() ? Base64Encode(std::string(1, '\0')) : Base64Encode(end)},
                              {"limit", limit},
                              {"sort_order", "ASCEND"},
                              {"sort_target", "KEY"}}));
    std::vector<StoreEntry> entries;
    const auto found = answer.find("kvs");
    if (found == answer.end()) return entries;
    for (const Json& entry : *found) {
      WEIR_ASSIGN_OR_RETURN(StoreValue value, Unpacked(Text(entry, "value")));
      entries.push_back({Text(entry, "key").substr(prefix_.size()), std::move(value)});
    }
    return entries;
  }

 private:
  struct Seen {
    StoreValue value;
    std::string revision;
  };

  std::string KeyOf(const std::string& key) const { return Base64Encode(prefix_ + key); }
  Json PutOf(const std::string& key, const StoreValue& value) const {
    return {{"key", KeyOf(key)}, {"value", Base64Encode(Packed(value))}};
  }

  Result<std::optional<Seen>> Look(const std::string& key) {
    WEIR_ASSIGN_OR_RETURN(const Json answer, Call("/v3/kv/range", {{"key", KeyOf(key)}}));
    const auto found = answer.find("kvs");
    if (found == answer.end() || found->empty()) return std::nullopt;
    const Json& entry = found->front();
    WEIR_ASSIGN_OR_RETURN(StoreValue value, Unpacked(Text(entry, "value")));
    return Seen{std::move(value), entry.value("mod_revision", "0")};
  }

  Result<bool> IfUnchanged(const std::string& key, const std::optional<Seen>& seen, const Json& then) {
    const Json compare = {
        {"key", KeyOf(key)}, {"target", "MOD"}, {"result", "EQUAL"}, {"modRevision", seen ? seen->revision : "0"}};
    WEIR_ASSIGN_OR_RETURN(const Json answer,
                          Call("/v3/kv/txn", {{"compare", Json::array({compare})}, {"success", Json::array({then})}}));
    return answer.value("succeeded", false);
  }

  Result<Json> Call(const char* path, const Json& request) {
    if (!client_) return Status::IOError("there is no connection");
    const std::string body = request.dump();
    HttpCall call{"POST", base_ + path, {{"Content-Type", "application/json"}}, body};
    if (!token_.empty()) call.headers.emplace_back("Authorization", token_);
    WEIR_ASSIGN_OR_RETURN(const HttpAnswer answer, client_->Send(call));
    Json json = Json::parse(answer.body, nullptr, false);
    if (answer.status == 200 && json.is_object()) return json;
    std::string text = json.is_object() ? json.value("error", json.value("message", "")) : "";
    if (text.empty()) text = "HTTP status " + std::to_string(answer.status);
    const bool may_pass = IsRetryableStatus(answer.status) || text.find("invalid auth token") != std::string::npos;
    return may_pass ? Status::IOError("etcd says: ", text) : Status::Invalid("etcd says: ", text);
  }

  const std::string user_, password_;
  std::string base_;
  const std::string prefix_;
  std::string token_;
  std::unique_ptr<HttpClient> client_;
};

}  // namespace

Result<StoreBackendPtr> MakeEtcdStore(const StoreUrl& url) { return StoreBackendPtr(std::make_unique<EtcdStore>(url)); }

}  // namespace weir
