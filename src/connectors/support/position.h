// Positions of sources as JSON: what Source::Position gives and Source::Restore takes.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/status.h"
#include "env/file_system.h"

namespace weir {

/// An object. Errors: Invalid where the text is none: a damaged position, or one of another source.
Result<nlohmann::json> ParsePosition(const std::string& text);
/// One line of text. Bytes that are no UTF-8 are replaced.
std::string PrintPosition(const nlohmann::json& position);

/// The member `key`; `otherwise` where it is missing or of another type.
int64_t IntAt(const nlohmann::json& object, const char* key, int64_t otherwise = 0);
std::string TextAt(const nlohmann::json& object, const char* key);
/// The elements of the array `key`: none where it is missing or no array.
const nlohmann::json& ListAt(const nlohmann::json& object, const char* key);

/// FNV-1a (Fowler, Noll, Vo), from `seed` on: the same in every version and on every machine.
uint64_t StableHash(std::string_view text, uint64_t seed = 0);

/// Which file it is, by what no writer leaves as it was: size, time of change, and number. Not of its name, nor of the
/// device, whose number may be another one after a restart of the machine.
std::string FileIdentity(const FileInfo& info);

}  // namespace weir
