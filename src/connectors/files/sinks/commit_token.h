// The commit token of a sink that writes several files: which hidden file becomes which.
#pragma once

#include <string>
#include <vector>

#include "env/atomic_file.h"

namespace weir {

std::string PackTokens(const std::vector<AtomicFileToken>& files);
/// Errors: Invalid when `token` is none that PackTokens made.
Result<std::vector<AtomicFileToken>> UnpackTokens(const std::string& token);

}  // namespace weir
