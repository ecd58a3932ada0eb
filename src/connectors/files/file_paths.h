// Paths in the settings of file sources and sinks: where they start from, which files they name, how mistakes are
// reported.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plan/binding.h"

namespace weir {

/// `path` against the pipeline's base folder; `-` absolute paths and those of object stores (s3://…) as they
/// are.
std::string ResolvePath(const BindContext& context, const std::string& path);

/// False after an error about the setting `key`: `path` has a scheme that nothing here knows.
bool CheckReachable(BindContext& context, const std::string& key, const std::string& path);

/// The same for what must be a file of this machine.
bool CheckLocal(BindContext& context, const std::string& key, const std::string& path);

/// The files that `path`, the setting `key` of the step, names (env/glob.h), at least one. nullopt after an error.
std::optional<std::vector<std::string>> ResolveInputPaths(BindContext& context, const std::string& key,
                                                          const std::string& path,
                                                          const std::vector<std::string>& extensions);

/// Where the setting `key` of a sink says to write. nullopt after an error.
std::optional<std::string> ResolveOutputPath(BindContext& context, const std::string& key, const std::string& path);

/// An error about the setting `key`, at its value if it is there, else at the step.
void ConfigError(BindContext& context, const std::string& key, std::string message, std::string hint = "");

/// "3 files, a.csv … c.csv", for explain.
std::string FilesNote(const std::vector<std::string>& paths);

}  // namespace weir
