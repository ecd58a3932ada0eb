// DynamoDB: POST of JSON, the operation in a header.
#include "net/dynamodb_client.h"

#include <nlohmann/json.hpp>

#include "env/env.h"

namespace weir {
namespace {

/// "com.amazonaws.dynamodb.v20120810#ThrottlingException" as its last word.
std::string ErrorName(const nlohmann::json& body) {
  if (!body.is_object()) return "";
  const auto found = body.find("__type");
  if (found == body.end() || !found->is_string()) return "";
  const std::string type = found->get<std::string>();
  return type.substr(type.rfind('#') == std::string::npos ? 0 : type.rfind('#') + 1);
}

bool MayPass(const std::string& error) {
  for (const char* name : {"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded",
                           "InternalServerError", "ServiceUnavailable", "TransactionInProgressException",
                           "TransactionConflictException", "ExpiredTokenException"}) {
    if (error == name) return true;
  }
  return false;
}

}  // namespace

Result<std::unique_ptr<DynamoDbClient>> DynamoDbClient::Make(const DynamoDbAddress& address, Env& env) {
  HttpClientOptions options;
  options.timeout_ms = 20'000;
  WEIR_ASSIGN_OR_RETURN(auto http, HttpClient::Make(std::move(options)));
  std::string region = address.region.empty() ? FindAwsRegion(env) : address.region;
  if (region.empty()) region = "us-east-1";
  std::string endpoint = address.endpoint.empty() ? FindAwsEndpoint(env, "dynamodb") : address.endpoint;
  if (endpoint.empty()) endpoint = "https://dynamodb." + region + ".amazonaws.com";
  if (!endpoint.ends_with('/')) endpoint += '/';
  return std::unique_ptr<DynamoDbClient>(
      new DynamoDbClient(std::move(endpoint), std::move(region), std::move(http), env));
}

Result<DynamoDbAnswer> DynamoDbClient::Call(const std::string& operation, const std::string& body) {
  WEIR_ASSIGN_OR_RETURN(const AwsCredentials credentials, credentials_.Get());
  HttpCall call{"POST",
                endpoint_,
                {{"Content-Type", "application/x-amz-json-1.0"}, {"X-Amz-Target", "DynamoDB_20120810." + operation}},
                body};
  SignAwsRequest(credentials, {region_, "dynamodb"}, env_.WallTime(), &call);
  WEIR_ASSIGN_OR_RETURN(HttpAnswer answer, http_->Send(call));
  DynamoDbAnswer out{answer.status, std::move(answer.body), ""};
  if (out.status == 200) return out;
  out.error = ErrorName(nlohmann::json::parse(out.body, nullptr, false));
  if (out.error == "ExpiredTokenException") credentials_.Refuse(credentials);
  if (out.error.empty()) out.error = "HTTP status " + std::to_string(out.status);
  if (IsRetryableStatus(out.status) || MayPass(out.error)) {
    return Status::IOError("DynamoDB at ", RedactUrl(endpoint_), ": ", operation, ": ", out.error);
  }
  return out;
}

Status DynamoDbClient::ErrorOf(const DynamoDbAnswer& answer) {
  const auto body = nlohmann::json::parse(answer.body, nullptr, false);
  std::string text;
  for (const char* key : {"message", "Message"}) {
    if (body.is_object() && text.empty() && body.contains(key) && body[key].is_string())
      text = body[key].get<std::string>();
  }
  return Status::Invalid("DynamoDB says: ", answer.error, text.empty() ? "" : ": ", text);
}

}  // namespace weir
