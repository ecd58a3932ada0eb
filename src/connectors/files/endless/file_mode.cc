// The settings by which a file source never ends.
#include "connectors/files/endless/file_mode.h"

#include "connectors/files/file_paths.h"
#include "env/env.h"
#include "env/glob.h"
#include "env/objects/object_store.h"

namespace weir {

const FieldSet<FileModeConfig>& FileModeConfig::Fields() {
  static const auto fields =
      FieldSet<FileModeConfig>()
          .Field(
              "watch", &FileModeConfig::watch,
              FieldDoc("Go on with the files that come later, without an end. Each is read whole, in the order of "
                       "the times of their last change: once in a run, and again if it is written anew. Files are best "
                       "written aside and renamed.")
                  .Default("false"))
          .Field("settle", &FileModeConfig::settle,
                 FieldDoc("With `watch`: a file is complete when it did not change for so long. One that gets its name "
                          "by a rename is complete at once.")
                     .Default("1s")
                     .Min("0s")
                     .Advanced())
          .Field("mode", &FileModeConfig::mode,
                 FieldDoc("`rows`: each row that is read. `snapshot`: all files are read again and again, without an "
                          "end, and what has changed since the last time comes as changes: rows that are new, and rows "
                          "that are gone with a negative weight. The rows of the last reading are kept in memory.")
                     .Default("rows")
                     .OneOf({"rows", "snapshot"}))
          .Field("every", &FileModeConfig::every,
                 FieldDoc("With `mode: snapshot`: how often.").Default("1m").Min("10ms"))
          .Include(EventTimeConfig::Fields())
          .Include(StorageConfig::Fields());
  return fields;
}

std::optional<FileMode> FileModeOf(const FileModeConfig& config, bool tail, const std::string& path,
                                   BindContext& context) {
  if (!ApplyStorage(config, path, context)) return std::nullopt;
  const bool snapshot = config.mode == "snapshot";
  if (config.watch + tail + snapshot > 1) {
    ConfigError(context, tail ? "tail" : "watch", "'watch', 'tail' and 'mode: snapshot' exclude each other",
                "'watch' reads files that do not change any more, 'tail' files that grow, 'mode: snapshot' files that "
                "are replaced");
    return std::nullopt;
  }
  if (tail && !SchemeOf(path).empty()) {
    ConfigError(context, "tail", "objects do not grow", "write 'watch: true' to get the objects that come");
    return std::nullopt;
  }
  if (path == "-" && (config.watch || snapshot)) {
    ConfigError(context, "path", "standard input can be read only once",
                "write 'tail: true' to get its rows as they come");
    return std::nullopt;
  }
  return config.watch ? FileMode::kWatch : tail ? FileMode::kTail : snapshot ? FileMode::kSnapshot : FileMode::kOnce;
}

void AddModeNotes(FileMode mode, const std::string& path, const EventTimePlan& times, const arrow::Schema& schema,
                  StepBinding* binding) {
  if (mode == FileMode::kWatch) binding->notes.push_back("follows the files of " + path);
  if (mode == FileMode::kTail) binding->notes.push_back("follows the end of " + path);
  if (mode == FileMode::kSnapshot) {
    binding->notes.push_back("reads " + path + " again and again, and gives the difference");
    binding->notes.push_back("state: the rows of the last reading; as large as they are");
  }
  for (std::string& note : times.Notes(schema)) binding->notes.push_back(std::move(note));
}

std::optional<std::vector<std::string>> ResolveFollowedPaths(BindContext& context, const std::string& path,
                                                             const std::vector<std::string>& extensions,
                                                             bool may_come_later) {
  if (!CheckReachable(context, "path", path)) return std::nullopt;
  const std::string resolved = ResolvePath(context, path);
  auto paths = ListInputFiles(context.env(), resolved, extensions);
  if (paths.ok()) return *paths;
  if (may_come_later) return std::vector<std::string>{};
  ConfigError(context, "path", paths.status().message(), "a folder that is followed must be there from the start");
  return std::nullopt;
}

}  // namespace weir
