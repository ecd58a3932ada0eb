// Canonical request → string to sign → key of the day → Authorization.
#include "net/aws_signature.h"

#include <algorithm>
#include <ctime>
#include <map>

#include "net/sha256.h"

namespace weir {
namespace {

/// "20150830T123600Z".
std::string DateText(EventTime now_us) {
  const std::time_t seconds = static_cast<std::time_t>(now_us / 1'000'000);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[20];
  std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc);
  return text;
}

struct UrlParts {
  std::string host, path, query;  // the host with a port that is not the scheme's own
};

UrlParts Split(std::string_view url) {
  UrlParts parts;
  const size_t host = std::min(url.find("://") + 3, url.size());
  const size_t path = std::min(url.find_first_of("/?", host), url.size());
  const size_t query = std::min(url.find('?', path), url.size());
  parts.host = url.substr(host, path - host);
  const std::string_view standard_port = url.starts_with("https:") ? ":443" : ":80";
  if (parts.host.ends_with(standard_port)) parts.host.resize(parts.host.size() - standard_port.size());
  parts.path = url.substr(path, query - path);
  if (parts.path.empty()) parts.path = "/";
  if (query < url.size()) parts.query = url.substr(query + 1);
  return parts;
}

/// Pairs in order, each with a '='.
std::string CanonicalQuery(const std::string& query) {
  std::vector<std::string> pairs;
  for (size_t begin = 0; begin < query.size();) {
    const size_t end = std::min(query.find('&', begin), query.size());
    std::string pair = query.substr(begin, end - begin);
    if (pair.find('=') == std::string::npos) pair += '=';
    pairs.push_back(std::move(pair));
    begin = end + 1;
  }
  // By name, then value: a '=' sorts behind the digits that may follow a shorter name.
  std::sort(pairs.begin(), pairs.end(), [](const std::string& a, const std::string& b) {
    const size_t at = a.find('='), bt = b.find('=');
    const int names = a.compare(0, at, b, 0, bt);
    return names != 0 ? names < 0 : a.compare(at, std::string::npos, b, bt, std::string::npos) < 0;
  });
  std::string out;
  for (const std::string& pair : pairs) out += (out.empty() ? "" : "&") + pair;
  return out;
}

std::string LowerCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; });
  return text;
}

}  // namespace

std::string AwsEncode(std::string_view text, bool keep_slash) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~' || (c == '/' && keep_slash);
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return out;
}

void SignAwsRequest(const AwsCredentials& credentials, const AwsScope& scope, EventTime now_us, HttpCall* call) {
  const UrlParts url = Split(call->url);
  const std::string time = DateText(now_us), day = time.substr(0, 8);
  const std::string payload = HexOf(Sha256(call->body));
  call->headers.emplace_back("x-amz-date", time);
  call->headers.emplace_back("x-amz-content-sha256", payload);
  if (!credentials.session_token.empty()) {
    call->headers.emplace_back("x-amz-security-token", credentials.session_token);
  }
  std::map<std::string, std::string> signed_headers = {{"host", url.host}};
  for (const auto& [name, value] : call->headers) {
    const std::string lower = LowerCase(name);
    if (lower.starts_with("x-amz-") || lower == "content-type") signed_headers[lower] = value;
  }
  std::string header_lines, header_names;
  for (const auto& [name, value] : signed_headers) {
    header_lines += name + ":" + value + "\n";
    header_names += (header_names.empty() ? "" : ";") + name;
  }
  const std::string canonical = call->method + "\n" + url.path + "\n" + CanonicalQuery(url.query) + "\n" +
                                header_lines + "\n" + header_names + "\n" + payload;
  const std::string scope_text = day + "/" + scope.region + "/" + scope.service + "/aws4_request";
  const std::string to_sign = "AWS4-HMAC-SHA256\n" + time + "\n" + scope_text + "\n" + HexOf(Sha256(canonical));
  Sha256Digest key = HmacSha256("AWS4" + credentials.secret_access_key.Reveal(), day);
  for (const std::string_view part :
       {std::string_view(scope.region), std::string_view(scope.service), std::string_view("aws4_request")}) {
    key = HmacSha256(BytesOf(key), part);
  }
  const std::string signature = HexOf(HmacSha256(BytesOf(key), to_sign));
  call->headers.emplace_back("Authorization", "AWS4-HMAC-SHA256 Credential=" + credentials.access_key_id + "/" +
                                                  scope_text + ", SignedHeaders=" + header_names +
                                                  ", Signature=" + signature);
}

}  // namespace weir
