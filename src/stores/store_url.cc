// Reading store URLs.
#include "stores/store_url.h"

#include <charconv>

namespace weir {
namespace {

std::string Decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const bool is_escape =
        text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3;
    if (!is_escape) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(value);
    i += 2;
  }
  return out;
}

/// Takes what stands before `mark` off the front of `text`; all of it where there is no mark.
std::string_view TakeUntil(char mark, std::string_view* text) {
  const size_t at = text->find(mark);
  const std::string_view taken = text->substr(0, at);
  text->remove_prefix(at == std::string_view::npos ? text->size() : at + 1);
  return taken;
}

Status ReadAuthority(std::string_view authority, StoreUrl* url) {
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    std::string_view user = authority.substr(0, at);
    url->user = Decoded(TakeUntil(':', &user));
    url->password = Decoded(user);
    authority.remove_prefix(at + 1);
  }
  std::string_view port;
  if (authority.starts_with('[')) {  // IPv6
    authority.remove_prefix(1);
    url->host = TakeUntil(']', &authority);
    port = authority.starts_with(':') ? authority.substr(1) : "";
  } else {
    url->host = TakeUntil(':', &authority);
    port = authority;
  }
  if (port.empty()) return Status::OK();
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url->port);
  if (error != std::errc() || end != port.data() + port.size() || url->port < 1 || url->port > 65535) {
    return Status::Invalid("'", port, "' is no port");
  }
  return Status::OK();
}

}  // namespace

Result<StoreUrl> StoreUrl::Parse(std::string_view text) {
  StoreUrl url;
  const size_t colon = text.find(':');
  if (text.empty()) return Status::Invalid("the URL of a store is empty; write for example sqlite:state.db");
  if (colon == std::string_view::npos) {  // a path
    url.scheme = "sqlite";
    url.path = text;
    return url;
  }
  url.scheme = text.substr(0, colon);
  if (url.scheme == "postgresql") url.scheme = "postgres";
  text.remove_prefix(colon + 1);
  const bool is_local = url.scheme == "memory" || url.scheme == "sqlite";
  const bool is_remote =
      url.scheme == "redis" || url.scheme == "postgres" || url.scheme == "dynamodb" || url.scheme == "etcd";
  if (!is_local && !is_remote) {
    return Status::Invalid("there is no store '", url.scheme,
                           ":'; known are memory:, sqlite:PATH, redis://, postgres://, dynamodb://TABLE and etcd://");
  }
  if (is_local) {
    url.path = text;
    if (url.scheme == "sqlite" && url.path.empty()) return Status::Invalid("'sqlite:' needs a path: sqlite:state.db");
    return url;
  }
  if (!text.starts_with("//")) {
    return Status::Invalid("'", url.scheme, ":' is followed by '//' and a ",
                           url.scheme == "dynamodb" ? "table" : "host");
  }
  text.remove_prefix(2);
  std::string_view before = TakeUntil('?', &text);
  std::string_view options = text;
  WEIR_RETURN_NOT_OK(ReadAuthority(TakeUntil('/', &before), &url));
  url.path = Decoded(before);
  if (url.host.empty())
    return Status::Invalid("'", url.scheme, "://' names no ", url.scheme == "dynamodb" ? "table" : "host");
  while (!options.empty()) {
    std::string_view option = TakeUntil('&', &options);
    const std::string name(TakeUntil('=', &option));
    url.options[name] = Decoded(option);
  }
  return url;
}

std::string StoreUrl::Option(const std::string& name, const std::string& otherwise) const {
  const auto found = options.find(name);
  return found == options.end() || found->second.empty() ? otherwise : found->second;
}

std::string StoreUrl::ToString() const {
  if (scheme == "memory" || scheme == "sqlite") return scheme + ":" + path;
  return scheme + "://" + host + (port > 0 ? ":" + std::to_string(port) : "") + (path.empty() ? "" : "/" + path);
}

}  // namespace weir
