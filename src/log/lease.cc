// The file `lease` is three lines: "weir lease 1", "owner N", "holder WHO". It is replaced by a rename, so that it is
// whole at any moment; the lock is on a file of its own, which stays.
#include "log/lease.h"

#include <algorithm>
#include <charconv>

#include "base/kill_point.h"

namespace weir {
namespace {

constexpr std::string_view kFirstLine = "weir lease 1\n";

LeaseFacts ParseLease(std::string_view text) {
  LeaseFacts facts;
  if (!text.starts_with(kFirstLine)) return facts;
  text.remove_prefix(kFirstLine.size());
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with("owner ")) std::from_chars(line.data() + 6, line.data() + line.size(), facts.owner);
    if (line.starts_with("holder ")) facts.holder = line.substr(7);
  }
  return facts;
}

Status WriteLease(FileSystem& files, const std::string& folder, const LeaseFacts& facts) {
  const std::string path = JoinPath(folder, "lease");
  WEIR_ASSIGN_OR_RETURN(auto file, files.Create(path + ".tmp"));
  std::string text(kFirstLine);
  text += "owner " + std::to_string(facts.owner) + "\n";
  if (!facts.holder.empty()) text += "holder " + facts.holder + "\n";
  WEIR_RETURN_NOT_OK(file->Write(text.data(), static_cast<int64_t>(text.size())));
  WEIR_RETURN_NOT_OK(file->Sync());
  WEIR_RETURN_NOT_OK(file->Close());
  KillPoint("log.lease.rename.before");
  WEIR_RETURN_NOT_OK(files.Rename(path + ".tmp", path));
  KillPoint("log.lease.rename.after");
  return files.SyncDirectory(folder);
}

}  // namespace

Result<LeaseFacts> ReadLease(FileSystem& files, const std::string& folder) {
  const std::string path = JoinPath(folder, "lease");
  WEIR_ASSIGN_OR_RETURN(const FileInfo info, files.Stat(path));
  if (info.kind != FileKind::kFile) return LeaseFacts{};
  WEIR_ASSIGN_OR_RETURN(const std::string text, ReadFile(files, path, 1 << 16));
  return ParseLease(text);
}

Result<std::unique_ptr<Lease>> Lease::Take(FileSystem& files, const std::string& folder, int64_t at_least,
                                           const std::string& holder, bool reuse_number) {
  WEIR_ASSIGN_OR_RETURN(std::unique_ptr<FileLock> lock, files.TryLock(JoinPath(folder, "lock")));
  WEIR_ASSIGN_OR_RETURN(const LeaseFacts last, ReadLease(files, folder));
  if (!lock) {
    return Status::IOError("'", folder, "' is in use by another process",
                           last.holder.empty() ? "" : " (" + last.holder + ")",
                           ": a log has one writer; stop it, or use another folder");
  }
  const int64_t owner = std::max(last.owner, at_least) + (reuse_number ? 0 : 1);
  WEIR_RETURN_NOT_OK(WriteLease(files, folder, {std::max<int64_t>(owner, 1), holder}));
  return std::unique_ptr<Lease>(
      new Lease(files, JoinPath(folder, "lease"), std::move(lock), std::max<int64_t>(owner, 1)));
}

Status Lease::Check() const {
  WEIR_ASSIGN_OR_RETURN(const LeaseFacts now, ReadLease(files_, DirectoryName(path_)));
  if (now.owner == owner_) return Status::OK();
  return Status::IOError("'", DirectoryName(path_), "' has been taken by owner ", now.owner,
                         now.holder.empty() ? "" : " (" + now.holder + ")", " since owner ", owner_,
                         " opened it: nothing more is committed here");
}

}  // namespace weir
