// A table of DynamoDB as a store. All keys are in one partition ("p"), so that a scan is one query in their order;
// the table is made where there is none, and paid by request.
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/base64.h"
#include "net/dynamodb_client.h"
#include "stores/store_backend.h"

namespace weir {
namespace {

using Json = nlohmann::json;

constexpr const char* kPartition = "weir";
constexpr int kMaxWaitsForTable = 300;
constexpr auto kWaitForTable = std::chrono::milliseconds(200);

Json Binary(const std::string& bytes) { return {{"B", Base64Encode(bytes)}}; }
Json Number(int64_t value) { return {{"N", std::to_string(value)}}; }

/// The text of an attribute of that type; empty where there is none.
std::string AttributeOf(const Json& item, const char* name, const char* type) {
  const auto found = item.find(name);
  if (found == item.end() || !found->contains(type)) return "";
  return (*found)[type].get<std::string>();
}

StoreValue ValueOf(const Json& item) {
  const std::string version = AttributeOf(item, "v", "N");
  return {Base64Decode(AttributeOf(item, "d", "B")).value_or(""), ParseVersion(version)};
}

class DynamoDbStore final : public StoreBackend {
 public:
  DynamoDbStore(std::unique_ptr<DynamoDbClient> client, std::string table)
      : client_(std::move(client)), table_(std::move(table)) {}

  Status Connect() override {
    for (int waits = 0; waits < kMaxWaitsForTable; ++waits) {
      WEIR_ASSIGN_OR_RETURN(const DynamoDbAnswer answer,
                            client_->Call("DescribeTable", Json{{"TableName", table_}}.dump()));
      if (answer.ok()) {
        const Json body = Json::parse(answer.body, nullptr, false);
        const bool is_active =
            body.is_object() && body.contains("Table") && body["Table"].value("TableStatus", "") == "ACTIVE";
        if (is_active) return Status::OK();
      } else if (answer.error == "ResourceNotFoundException") {
        WEIR_RETURN_NOT_OK(CreateTable());
      } else {
        return DynamoDbClient::ErrorOf(answer);
      }
      std::this_thread::sleep_for(kWaitForTable);  // allowed: the service makes a table in its own time
    }
    return Status::IOError("table '", table_, "' of DynamoDB is not ready");
  }

  Result<std::optional<StoreValue>> Get(const std::string& key) override {
    WEIR_ASSIGN_OR_RETURN(const Json body, Call("GetItem", {{"Key", KeyOf(key)}, {"ConsistentRead", true}}));
    if (!body.contains("Item")) return std::nullopt;
    return ValueOf(body["Item"]);
  }

  Status Put(const std::string& key, const StoreValue& value) override {
    return Call("PutItem", {{"Item", ItemOf(key, value)}}).status();
  }

  Result<bool> CompareAndSet(const std::string& key, int64_t expected, const StoreValue& value) override {
    return CallIf("PutItem", expected, {{"Item", ItemOf(key, value)}});
  }

  Result<bool> Delete(const std::string& key, int64_t expected) override {
    if (expected != kAnyVersion) return CallIf("DeleteItem", expected, {{"Key", KeyOf(key)}});
    WEIR_ASSIGN_OR_RETURN(const Json body, Call("DeleteItem", {{"Key", KeyOf(key)}, {"ReturnValues", "ALL_OLD"}}));
    return body.contains("Attributes");
  }

  Result<std::vector<StoreEntry>> Scan(const std::string& prefix, const std::string& after, int limit) override {
    Json request = {{"ConsistentRead", true},
                    {"Limit", limit},
                    {"KeyConditionExpression", "p = :p"},
                    {"ExpressionAttributeValues", {{":p", {{"S", kPartition}}}}}};
    if (!prefix.empty()) {
      request["KeyConditionExpression"] = "p = :p AND begins_with(k, :k)";
      request["ExpressionAttributeValues"][":k"] = Binary(prefix);
    }
    if (after > prefix) {
      // A start that is not in the range is refused, so one outside of the prefix means that nothing comes.
      if (!after.starts_with(prefix)) return std::vector<StoreEntry>{};
      request["ExclusiveStartKey"] = KeyOf(after);
    }
    std::vector<StoreEntry> entries;
    while (entries.size() < static_cast<size_t>(limit)) {
      request["Limit"] = limit - static_cast<int>(entries.size());
      WEIR_ASSIGN_OR_RETURN(const Json body, Call("Query", request));
      for (const Json& item : body.value("Items", Json::array())) {
        entries.push_back({Base64Decode(AttributeOf(item, "k", "B")).value_or(""), ValueOf(item)});
      }
      if (!body.contains("LastEvaluatedKey")) break;  // an answer has at most 1 MB
      request["ExclusiveStartKey"] = body["LastEvaluatedKey"];
    }
    if (!entries.empty() && entries[0].key == after) entries.erase(entries.begin());
    return entries;
  }

 private:
  static Json KeyOf(const std::string& key) { return {{"p", {{"S", kPartition}}}, {"k", Binary(key)}}; }
  static Json ItemOf(const std::string& key, const StoreValue& value) {
    Json item = KeyOf(key);
    item["v"] = Number(value.version);
    item["d"] = Binary(value.bytes);
    return item;
  }

  Status CreateTable() {
    const auto attribute = [](const char* name, const char* key, const char* value) {
      return Json{{"AttributeName", name}, {key, value}};
    };
    const Json request = {
        {"TableName", table_},
        {"BillingMode", "PAY_PER_REQUEST"},
        {"AttributeDefinitions", {attribute("p", "AttributeType", "S"), attribute("k", "AttributeType", "B")}},
        {"KeySchema", {attribute("p", "KeyType", "HASH"), attribute("k", "KeyType", "RANGE")}}};
    WEIR_ASSIGN_OR_RETURN(const DynamoDbAnswer answer, client_->Call("CreateTable", request.dump()));
    const bool is_there = answer.ok() || answer.error == "ResourceInUseException";
    return is_there ? Status::OK() : DynamoDbClient::ErrorOf(answer);
  }

  Result<Json> Call(const std::string& operation, Json request) {
    request["TableName"] = table_;
    WEIR_ASSIGN_OR_RETURN(const DynamoDbAnswer answer, client_->Call(operation, request.dump()));
    if (!answer.ok()) return DynamoDbClient::ErrorOf(answer);
    Json body = Json::parse(answer.body, nullptr, false);
    if (!body.is_object()) return Status::IOError("DynamoDB's answer is no JSON");
    return body;
  }

  /// Whether the condition held.
  Result<bool> CallIf(const std::string& operation, int64_t expected, Json request) {
    request["TableName"] = table_;
    if (expected == kAbsent) {
      request["ConditionExpression"] = "attribute_not_exists(k)";
    } else {
      request["ConditionExpression"] = "v = :v";
      request["ExpressionAttributeValues"] = {{":v", Number(expected)}};
    }
    WEIR_ASSIGN_OR_RETURN(const DynamoDbAnswer answer, client_->Call(operation, request.dump()));
    if (answer.ok()) return true;
    if (answer.error == "ConditionalCheckFailedException") return false;
    return DynamoDbClient::ErrorOf(answer);
  }

  const std::unique_ptr<DynamoDbClient> client_;
  const std::string table_;
};

}  // namespace

Result<StoreBackendPtr> MakeDynamoDbStore(const StoreUrl& url, Env& env) {
  WEIR_ASSIGN_OR_RETURN(auto client, DynamoDbClient::Make({url.Option("region", ""), url.Option("endpoint", "")}, env));
  return StoreBackendPtr(std::make_unique<DynamoDbStore>(std::move(client), url.host));
}

}  // namespace weir
