// Base64 (RFC 4648, section 4): bytes as text, with padding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir {

std::string Base64Encode(std::string_view bytes);
/// nullopt where `text` is no base64 with its padding.
std::optional<std::string> Base64Decode(std::string_view text);

}  // namespace weir
