// How often a file source reads: once, or without an end.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "connectors/files/storage_config.h"
#include "connectors/support/event_time.h"
#include "plan/binding.h"

namespace weir {

enum class FileMode { kOnce, kWatch, kTail, kSnapshot };

/// Settings of every file source.
struct FileModeConfig : EventTimeConfig, StorageConfig {
  bool watch = false;
  Duration settle;
  std::string mode;
  Duration every;
  static const FieldSet<FileModeConfig>& Fields();
};

/// nullopt after an error: settings that exclude each other. `tail`: of sources that know it.
std::optional<FileMode> FileModeOf(const FileModeConfig& config, bool tail, const std::string& path,
                                   BindContext& context);

/// Adds what explain says of a source that follows `path`, and of its times.
void AddModeNotes(FileMode mode, const std::string& path, const EventTimePlan& times, const arrow::Schema& schema,
                  StepBinding* binding);

/// The files that are there now of a path that is followed; may be none. nullopt after an error: a folder or file that
/// does not exist, unless `may_come_later`.
std::optional<std::vector<std::string>> ResolveFollowedPaths(BindContext& context, const std::string& path,
                                                             const std::vector<std::string>& extensions,
                                                             bool may_come_later);

}  // namespace weir
