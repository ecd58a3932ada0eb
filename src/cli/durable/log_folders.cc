// DIR/stages/NAME/log and DIR/edges/NAME/log, as cli/run/durable.h says; or segments in DIR.
#include "cli/durable/log_folders.h"

#include "env/env.h"
#include "log/log_format.h"

namespace weir {
namespace {

/// What StateFolder::FolderName made a folder's name of.
std::string NameOf(const std::string& folder) {
  auto digit = [](char c) { return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= '0' && c <= '9' ? c - '0' : -1; };
  std::string out;
  for (size_t i = 0; i < folder.size(); ++i) {
    const bool coded =
        folder[i] == '%' && i + 2 < folder.size() && digit(folder[i + 1]) >= 0 && digit(folder[i + 2]) >= 0;
    out += coded ? static_cast<char>(digit(folder[i + 1]) << 4 | digit(folder[i + 2])) : folder[i];
    if (coded) i += 2;
  }
  return out;
}

Result<bool> HoldsSegments(FileSystem& files, const std::string& folder) {
  WEIR_ASSIGN_OR_RETURN(const FileInfo info, files.Stat(folder));
  if (info.kind != FileKind::kDirectory) return false;
  WEIR_ASSIGN_OR_RETURN(const auto entries, files.List(folder));
  for (const DirectoryEntry& entry : entries) {
    if (ParseSegmentName(entry.name)) return true;
  }
  return false;
}

Status AddLogs(FileSystem& files, const std::string& folder, const std::string& kind, std::vector<LogFolder>* out) {
  WEIR_ASSIGN_OR_RETURN(const FileInfo info, files.Stat(folder));
  if (info.kind != FileKind::kDirectory) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(const auto entries, files.List(folder));
  for (const DirectoryEntry& entry : entries) {
    const std::string path = JoinPath(JoinPath(folder, entry.name), "log");
    WEIR_ASSIGN_OR_RETURN(const bool holds, HoldsSegments(files, path));
    const std::string name = NameOf(entry.name);
    if (holds) out->push_back({kind + " " + name, kind == "stage" ? name : "", path});
  }
  return Status::OK();
}

}  // namespace

Result<std::vector<LogFolder>> FindLogs(const std::string& folder) {
  FileSystem& files = Env::Real().files();
  WEIR_ASSIGN_OR_RETURN(const FileInfo info, files.Stat(folder));
  if (info.kind == FileKind::kNone) return Status::IOError("there is no folder '", folder, "'");
  if (info.kind != FileKind::kDirectory) return Status::IOError("'", folder, "' is not a folder");
  std::vector<LogFolder> found;
  WEIR_ASSIGN_OR_RETURN(const bool itself, HoldsSegments(files, folder));
  if (itself) found.push_back({"", "", folder});
  WEIR_RETURN_NOT_OK(AddLogs(files, JoinPath(folder, "stages"), "stage", &found));
  WEIR_RETURN_NOT_OK(AddLogs(files, JoinPath(folder, "edges"), "edge", &found));
  if (!found.empty()) return found;
  WEIR_ASSIGN_OR_RETURN(const FileInfo run, files.Stat(JoinPath(folder, "weir.json")));
  if (run.kind == FileKind::kFile) return found;
  return Status::IOError("'", folder, "' holds no log and no state of a run (weir run --state makes one)");
}

}  // namespace weir
