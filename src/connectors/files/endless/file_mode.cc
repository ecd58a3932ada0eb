// The settings by which a file source never ends.
#include "connectors/files/endless/file_mode.h"

#include "connectors/files/file_paths.h"
#include "env/env.h"
#include "env/glob.h"

namespace weir {

const FieldSet<FileModeConfig>& FileModeConfig::Fields() {
  static const auto fields =
      FieldSet<FileModeConfig>()
          .Field(
              "watch", &FileModeConfig::watch,
              FieldDoc("Go on with the files that come later, without an end. Each is read once, whole, in the order "
                       "of the times of their last change.")
                  .Default("false"))
          .Field("settle", &FileModeConfig::settle,
                 FieldDoc("With `watch`: a file is complete when it did not change for so long. One that gets its name "
                          "by a rename is complete at once.")
                     .Default("1s")
                     .Min("0s")
                     .Advanced())
          .Include(EventTimeConfig::Fields());
  return fields;
}

void AddModeNotes(FileMode mode, const std::string& path, const EventTimePlan& times, const arrow::Schema& schema,
                  StepBinding* binding) {
  if (mode == FileMode::kWatch) binding->notes.push_back("follows the files of " + path);
  if (mode == FileMode::kTail) binding->notes.push_back("follows the end of " + path);
  for (std::string& note : times.Notes(schema)) binding->notes.push_back(std::move(note));
}

std::optional<std::vector<std::string>> ResolveFollowedPaths(BindContext& context, const std::string& path,
                                                             const std::vector<std::string>& extensions,
                                                             bool may_come_later) {
  if (!CheckLocal(context, "path", path)) return std::nullopt;
  const std::string resolved = ResolvePath(context, path);
  auto paths = ListInputFiles(context.env(), resolved, extensions);
  if (paths.ok()) return *paths;
  if (may_come_later) return std::vector<std::string>{};
  ConfigError(context, "path", paths.status().message(), "a folder that is followed must be there from the start");
  return std::nullopt;
}

}  // namespace weir
