// Reading without exceptions, whatever the text holds.
#include "connectors/support/position.h"

#include <nlohmann/json.hpp>

namespace weir {

Result<nlohmann::json> ParsePosition(const std::string& text) {
  auto position = nlohmann::json::parse(text, nullptr, false);
  if (!position.is_object()) return Status::Invalid("the saved position is damaged: '", text.substr(0, 200), "'");
  return position;
}

std::string PrintPosition(const nlohmann::json& position) {
  return position.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

int64_t IntAt(const nlohmann::json& object, const char* key, int64_t otherwise) {
  if (!object.is_object()) return otherwise;
  const auto at = object.find(key);
  return at != object.end() && at->is_number_integer() ? at->get<int64_t>() : otherwise;
}

std::string TextAt(const nlohmann::json& object, const char* key) {
  if (!object.is_object()) return "";
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

const nlohmann::json& ListAt(const nlohmann::json& object, const char* key) {
  static const nlohmann::json none = nlohmann::json::array();
  if (!object.is_object()) return none;
  const auto at = object.find(key);
  return at != object.end() && at->is_array() ? *at : none;
}

uint64_t StableHash(std::string_view text, uint64_t seed) {
  uint64_t hash = seed ^ 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

std::string FileIdentity(const FileInfo& info) {
  return std::to_string(info.inode) + "/" + std::to_string(info.size_bytes) + "/" + std::to_string(info.modified);
}

}  // namespace weir
