// token = { file }, file = netstring(temporary path) netstring(final path), netstring = LENGTH ':' BYTES
#include "connectors/files/sinks/commit_token.h"

#include <cstdlib>

namespace weir {
namespace {

void AppendNetstring(const std::string& text, std::string* out) { *out += std::to_string(text.size()) + ":" + text; }

Result<std::string> TakeNetstring(const std::string& token, size_t* at) {
  size_t colon = token.find(':', *at);
  size_t length = colon == std::string::npos ? 0 : std::strtoull(token.c_str() + *at, nullptr, 10);
  if (colon == std::string::npos || length > token.size() - colon - 1) return Status::Invalid("damaged commit token");
  *at = colon + 1 + length;
  return token.substr(colon + 1, length);
}

}  // namespace

std::string PackTokens(const std::vector<AtomicFileToken>& files) {
  std::string token;
  for (const AtomicFileToken& file : files) {
    AppendNetstring(file.temporary_path, &token);
    AppendNetstring(file.final_path, &token);
  }
  return token;
}

Result<std::vector<AtomicFileToken>> UnpackTokens(const std::string& token) {
  std::vector<AtomicFileToken> files;
  for (size_t at = 0; at < token.size();) {
    AtomicFileToken& file = files.emplace_back();
    WEIR_ASSIGN_OR_RETURN(file.temporary_path, TakeNetstring(token, &at));
    WEIR_ASSIGN_OR_RETURN(file.final_path, TakeNetstring(token, &at));
  }
  return files;
}

}  // namespace weir
