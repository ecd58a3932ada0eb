// Files, and three small HTTP protocols. Answers of containers and instances are the same JSON.
#include "net/aws_credentials.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <sstream>

#include "net/xml_scan.h"

namespace weir {
namespace {

/// Credentials are renewed so long before they expire, as AWS's own tools do.
constexpr int64_t kRenewAheadUs = int64_t{5} * 60 * 1'000'000;

std::string Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin));
}

/// Adds the settings of section `name` of an INI file; those that are there stay.
void AddSection(const std::string& text, const std::string& name, std::map<std::string, std::string>* out) {
  std::istringstream lines(text);
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    const bool nested = !line.empty() && (line[0] == ' ' || line[0] == '\t');  // "s3 =" and what belongs to it
    line = Trim(line);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      inside = Trim(std::string_view(line).substr(1, line.find(']') - 1)) == name;
      continue;
    }
    const size_t equals = line.find('=');
    if (!inside || equals == std::string::npos) continue;
    std::string key = Trim(line.substr(0, equals));
    std::transform(key.begin(), key.end(), key.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; });
    out->emplace((nested ? "." : "") + key, Trim(line.substr(equals + 1)));
  }
}

std::optional<EventTime> TimeOf(const std::string& text) {
  std::tm utc{};
  if (std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%d", &utc.tm_year, &utc.tm_mon, &utc.tm_mday, &utc.tm_hour, &utc.tm_min,
                  &utc.tm_sec) != 6) {
    return std::nullopt;
  }
  utc.tm_year -= 1900;
  utc.tm_mon -= 1;
  return static_cast<EventTime>(::timegm(&utc)) * 1'000'000;
}

Result<AwsCredentials> FromJson(const std::string& text, const std::string& place) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto field = [&](const char* name) {
    return json.is_object() && json.contains(name) && json[name].is_string() ? json[name].get<std::string>() : "";
  };
  AwsCredentials out{field("AccessKeyId"), Secret<std::string>(field("SecretAccessKey")), field("Token")};
  if (out.access_key_id.empty() || out.secret_access_key.Reveal().empty()) {
    return Status::IOError(place,
                           " gave no AWS credentials: ", field("Message").empty() ? "no keys" : field("Message"));
  }
  out.expires_us = TimeOf(field("Expiration")).value_or(kMaxEventTime);
  return out;
}

/// Twice, since these services answer at once or not at all.
Result<HttpAnswer> Ask(const HttpCall& call, int64_t timeout_ms) {
  HttpClientOptions options;
  options.connect_timeout_ms = std::min<int64_t>(timeout_ms, 1000);
  options.timeout_ms = timeout_ms;
  options.max_body_bytes = 1 << 20;
  WEIR_ASSIGN_OR_RETURN(auto client, HttpClient::Make(options));
  auto answer = client->Send(call);
  if (answer.ok() && !IsRetryableStatus(answer->status)) return answer;
  return client->Send(call);
}

Result<AwsCredentials> AskForJson(const HttpCall& call, int64_t timeout_ms) {
  WEIR_ASSIGN_OR_RETURN(const HttpAnswer answer, Ask(call, timeout_ms));
  if (answer.status != 200) return Status::IOError(RedactUrl(call.url), " answers ", answer.status);
  return FromJson(answer.body, RedactUrl(call.url));
}

}  // namespace

std::map<std::string, std::string> ReadAwsProfile(Env& env) {
  const std::string name = env.Variable("AWS_PROFILE").value_or("default");
  const std::string home = env.Variable("HOME").value_or("") + "/.aws/";
  std::map<std::string, std::string> settings;
  const auto read = [&](const char* variable, const char* file, const std::string& section) {
    const auto text = ReadFile(env.files(), env.Variable(variable).value_or(home + file), 1 << 20);
    if (text.ok()) AddSection(*text, section, &settings);
  };
  read("AWS_SHARED_CREDENTIALS_FILE", "credentials", name);
  read("AWS_CONFIG_FILE", "config", name == "default" ? name : "profile " + name);
  return settings;
}

std::string FindAwsRegion(Env& env) {
  for (const char* variable : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    const auto region = env.Variable(variable);
    if (region && !region->empty()) return *region;
  }
  return ReadAwsProfile(env)["region"];
}

std::string FindAwsEndpoint(Env& env, const std::string& service) {
  std::string upper = service;
  for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  for (const std::string& variable : {"AWS_ENDPOINT_URL_" + upper, std::string("AWS_ENDPOINT_URL")}) {
    const auto url = env.Variable(variable);
    if (url && !url->empty()) return *url;
  }
  return ReadAwsProfile(env)["endpoint_url"];
}

Result<std::optional<AwsCredentials>> AwsCredentialSource::FromWebIdentity() {
  const auto file = env_.Variable("AWS_WEB_IDENTITY_TOKEN_FILE"), role = env_.Variable("AWS_ROLE_ARN");
  if (!file || !role) return std::nullopt;
  WEIR_ASSIGN_OR_RETURN(const std::string token, ReadFile(env_.files(), *file, 1 << 20));
  const std::string region = FindAwsRegion(env_);
  std::string url = env_.Variable("AWS_ENDPOINT_URL_STS").value_or("");
  if (url.empty()) url = "https://sts." + (region.empty() ? "" : region + ".") + "amazonaws.com";
  const std::string form = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=" + AwsEncode(*role) +
                           "&RoleSessionName=" + AwsEncode(env_.Variable("AWS_ROLE_SESSION_NAME").value_or("weir")) +
                           "&WebIdentityToken=" + AwsEncode(Trim(token));
  HttpCall call{"POST", url + "/", {{"Content-Type", "application/x-www-form-urlencoded"}}, form};
  WEIR_ASSIGN_OR_RETURN(const HttpAnswer answer, Ask(call, 10'000));
  AwsCredentials out{XmlText(answer.body, "AccessKeyId"), Secret<std::string>(XmlText(answer.body, "SecretAccessKey")),
                     XmlText(answer.body, "SessionToken")};
  if (answer.status != 200 || out.access_key_id.empty()) {
    return Status::IOError("the role '", *role, "' was not given for the token of '", *file, "' (", answer.status, " ",
                           XmlText(answer.body, "Code"), "): ", XmlText(answer.body, "Message"));
  }
  out.expires_us = TimeOf(XmlText(answer.body, "Expiration")).value_or(kMaxEventTime);
  return out;
}

Result<std::optional<AwsCredentials>> AwsCredentialSource::FromContainer() {
  const auto relative = env_.Variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const auto full = env_.Variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (!relative && !full) return std::nullopt;
  HttpCall call;
  call.url = relative ? "http://169.254.170.2" + *relative : *full;
  std::string token = env_.Variable("AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or("");
  if (const auto file = env_.Variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
    WEIR_ASSIGN_OR_RETURN(token, ReadFile(env_.files(), *file, 1 << 20));
  }
  if (!token.empty()) call.headers.emplace_back("Authorization", Trim(token));
  WEIR_ASSIGN_OR_RETURN(AwsCredentials found, AskForJson(call, 5000));
  return found;
}

Result<std::optional<AwsCredentials>> AwsCredentialSource::FromInstance() {
  if (env_.Variable("AWS_EC2_METADATA_DISABLED").value_or("") == "true") return std::nullopt;
  const std::string base = env_.Variable("AWS_EC2_METADATA_SERVICE_ENDPOINT").value_or("http://169.254.169.254");
  auto token = Ask({"PUT", base + "/latest/api/token", {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}}, ""}, 1000);
  if (!token.ok() || token->status != 200) return std::nullopt;  // no such machine
  const HttpHeaders headers = {{"X-aws-ec2-metadata-token", Trim(token->body)}};
  const std::string url = base + "/latest/meta-data/iam/security-credentials/";
  WEIR_ASSIGN_OR_RETURN(const HttpAnswer role, Ask({"GET", url, headers, ""}, 2000));
  if (role.status != 200) return std::nullopt;  // a machine without a role
  WEIR_ASSIGN_OR_RETURN(AwsCredentials found,
                        AskForJson({"GET", url + Trim(role.body.substr(0, role.body.find('\n'))), headers, ""}, 2000));
  return found;
}

Result<AwsCredentials> AwsCredentialSource::Find() {
  const auto of = [&](const char* name) { return env_.Variable(name).value_or(""); };
  if (!of("AWS_ACCESS_KEY_ID").empty() && !of("AWS_SECRET_ACCESS_KEY").empty()) {
    return AwsCredentials{of("AWS_ACCESS_KEY_ID"), Secret<std::string>(of("AWS_SECRET_ACCESS_KEY")),
                          of("AWS_SESSION_TOKEN")};
  }
  WEIR_ASSIGN_OR_RETURN(std::optional<AwsCredentials> found, FromWebIdentity());
  if (found) return *found;
  auto profile = ReadAwsProfile(env_);
  if (!profile["aws_access_key_id"].empty() && !profile["aws_secret_access_key"].empty()) {
    return AwsCredentials{profile["aws_access_key_id"], Secret<std::string>(profile["aws_secret_access_key"]),
                          profile["aws_session_token"]};
  }
  WEIR_ASSIGN_OR_RETURN(found, FromContainer());
  if (found) return *found;
  WEIR_ASSIGN_OR_RETURN(found, FromInstance());
  if (found) return *found;
  return Status::IOError(
      "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile of "
      "~/.aws/credentials; no role of a container or an instance was found either");
}

Result<AwsCredentials> AwsCredentialSource::Get() {
  std::lock_guard lock(mutex_);
  if (known_ && (fixed_ || env_.WallTime() < known_->expires_us - kRenewAheadUs)) return *known_;
  auto found = Find();
  // Those that still hold are better than none: the service may be away for a moment.
  if (!found.ok() && known_ && env_.WallTime() < known_->expires_us) return *known_;
  WEIR_RETURN_NOT_OK(found.status());
  known_ = *found;
  return *known_;
}

void AwsCredentialSource::Refuse(const AwsCredentials& used) {
  std::lock_guard lock(mutex_);
  if (!fixed_ && known_ && known_->access_key_id == used.access_key_id && known_->session_token == used.session_token) {
    known_.reset();
  }
}

}  // namespace weir
