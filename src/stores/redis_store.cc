// Redis as a store. A key is a hash {v: version, d: bytes}; a sorted set has all keys, for scans in their order. What
// belongs together is done by scripts, which Redis runs one at a time. How durable a write is, the server's settings
// say (appendonly, appendfsync).
#include "net/redis_client.h"
#include "stores/store_backend.h"

namespace weir {
namespace {

constexpr const char* kIndex = "{weir}:keys";  // the braces put all keys on one node of a cluster
constexpr const char* kPrefix = "{weir}:key:";

// KEYS: hash, index. ARGV: key, expected version (-1 any), new version, bytes.
constexpr const char* kWrite = R"(
local there = redis.call('HGET', KEYS[1], 'v') or '0'
if ARGV[2] ~= '-1' and there ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'v', ARGV[3], 'd', ARGV[4])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
return 1)";

// KEYS: hash, index. ARGV: key, expected version (-1 any).
constexpr const char* kDelete = R"(
local there = redis.call('HGET', KEYS[1], 'v')
if not there or (ARGV[2] ~= '-1' and there ~= ARGV[2]) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1)";

// KEYS: index. ARGV: lower bound, upper bound, limit, prefix of hashes.
constexpr const char* kScan = R"(
local out = {}
for _, key in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])) do
  local value = redis.call('HMGET', ARGV[4] .. key, 'v', 'd')
  out[#out + 1] = key
  out[#out + 1] = value[1]
  out[#out + 1] = value[2]
end
return out)";

class RedisStore final : public StoreBackend {
 public:
  explicit RedisStore(RedisAddress address) : address_(std::move(address)) {}

  Status Connect() override {
    client_.reset();
    return RedisClient::Connect(address_).Value(&client_);
  }

  Result<std::optional<StoreValue>> Get(const std::string& key) override {
    WEIR_ASSIGN_OR_RETURN(const RedisReply reply, Call({"HMGET", kPrefix + key, "v", "d"}));
    if (reply.items.size() != 2 || reply.items[0].is_nil()) return std::nullopt;
    return StoreValue{reply.items[1].text, ParseVersion(reply.items[0].text)};
  }

  Status Put(const std::string& key, const StoreValue& value) override {
    return Write(key, kAnyVersion, value).status();
  }

  Result<bool> CompareAndSet(const std::string& key, int64_t expected, const StoreValue& value) override {
    return Write(key, expected, value);
  }

  Result<bool> Delete(const std::string& key, int64_t expected) override {
    WEIR_ASSIGN_OR_RETURN(const RedisReply reply,
                          Call({"EVAL", kDelete, "2", kPrefix + key, kIndex, key, std::to_string(expected)}));
    return reply.integer == 1;
  }

  Result<std::vector<StoreEntry>> Scan(const std::string& prefix, const std::string& after, int limit) override {
    const std::string low = after < prefix ? "[" + prefix : "(" + after;
    const std::string end = EndOfPrefix(prefix);
    WEIR_ASSIGN_OR_RETURN(const RedisReply reply, Call({"EVAL", kScan, "1", kIndex, low, end.empty() ? "+" : "(" + end,
                                                        std::to_string(limit), kPrefix}));
    std::vector<StoreEntry> entries;
    for (size_t i = 0; i + 2 < reply.items.size(); i += 3) {
      entries.push_back({reply.items[i].text, {reply.items[i + 2].text, ParseVersion(reply.items[i + 1].text)}});
    }
    return entries;
  }

 private:
  Result<RedisReply> Call(const RedisCommand& command) {
    if (!client_) return Status::IOError("there is no connection");
    return client_->Call(command);
  }

  Result<bool> Write(const std::string& key, int64_t expected, const StoreValue& value) {
    WEIR_ASSIGN_OR_RETURN(const RedisReply reply,
                          Call({"EVAL", kWrite, "2", kPrefix + key, kIndex, key, std::to_string(expected),
                                std::to_string(value.version), value.bytes}));
    return reply.integer == 1;
  }

  const RedisAddress address_;
  std::unique_ptr<RedisClient> client_;
};

}  // namespace

Result<StoreBackendPtr> MakeRedisStore(const StoreUrl& url) {
  RedisAddress address;
  address.server = {url.host, url.port > 0 ? url.port : 6379};
  address.user = url.user;
  address.password = Secret<std::string>(url.password);
  for (const char c : url.path) {
    if (c < '0' || c > '9') return Status::Invalid("a database of Redis is a number, not '", url.path, "'");
    address.database = address.database * 10 + (c - '0');
  }
  return StoreBackendPtr(std::make_unique<RedisStore>(std::move(address)));
}

}  // namespace weir
