// Lists, compares with what is remembered, and forgets what is gone.
#include "connectors/files/endless/file_watch.h"

#include <algorithm>

#include "connectors/support/position.h"
#include "env/glob.h"

namespace weir {
namespace {

constexpr int64_t kLookEveryUs = 1'000'000;
constexpr int64_t kShareOfListing = 20;  // listing takes at most one part in so many of the time

/// The folder of a path up to its first glob.
std::string FixedFolder(const std::string& path) {
  const size_t glob = path.find_first_of("*?[{");
  return glob == std::string::npos ? path : DirectoryName(path.substr(0, glob) + "x");
}

}  // namespace

FileWatch::FileWatch(Options options, Env* env) : options_(std::move(options)), env_(env) {}

void FileWatch::WatchFolders(const std::vector<std::string>& paths) {
  std::set<std::string> folders = {FixedFolder(options_.path)};
  for (const std::string& path : paths) folders.insert(DirectoryName(path));
  for (const std::string& folder : folders) {
    if (watched_folders_.insert(folder).second) notices_.Watch(folder);
  }
}

bool FileWatch::IsComplete(const Identity& identity, const std::string& path, int64_t now_us) {
  if (moved_in_.count(path) > 0) return true;
  if (now_us - std::get<3>(identity) >= options_.settle_us) return true;
  // The clock of the files may be another one than ours: unchanged while we looked on is settled as well.
  const int64_t since = unsettled_.emplace(identity, now_us).first->second;
  return now_us - since >= options_.settle_us;
}

std::vector<std::string> FileWatch::known() const {
  std::vector<std::string> identities(known_.begin(), known_.end());
  for (const auto& [device, inode, size_bytes, modified] : found_) {
    identities.push_back(FileIdentity({.size_bytes = size_bytes, .modified = modified, .inode = inode}));
  }
  return identities;
}

std::vector<FileWatch::Found> FileWatch::Look(int64_t now_us) {
  FolderNotices::Changes changes = notices_.Take();
  moved_in_.insert(changes.moved_in.begin(), changes.moved_in.end());
  // What is being written gives a notice with each block: only a rename is worth a look at once.
  if (changes.moved_in.empty() && now_us < next_look_us_) return {};
  const int64_t start_ns = env_->SteadyTimeNs();
  if (watched_folders_.empty()) WatchFolders({});  // before the first listing, so that nothing falls between
  const auto listed = ListInputFiles(*env_, options_.path, options_.extensions);
  if (!listed.ok()) {
    next_look_us_ = now_us + kLookEveryUs;
    return {};
  }
  const std::vector<std::string>& paths = *listed;
  WatchFolders(paths);
  std::set<Identity> present;
  std::vector<Candidate> complete;
  bool settled = true;
  for (const std::string& path : paths) {
    const auto info = env_->files().Stat(path);
    if (!info.ok() || info->kind != FileKind::kFile) continue;
    const Identity identity{info->device, info->inode, info->size_bytes, info->modified};
    const std::string name = FileIdentity(*info);
    if (found_.count(identity) == 0 && known_.count(name) == 0) {
      if (!info->is_object && !IsComplete(identity, path, now_us)) {
        settled = false;
        continue;
      }
      complete.push_back({info->modified, path, name});
    }
    present.insert(identity);
    unsettled_.erase(identity);
  }
  found_ = std::move(present);
  known_.clear();
  if (settled) unsettled_.clear();
  moved_in_.clear();
  const int64_t took_us = (env_->SteadyTimeNs() - start_ns) / 1000;
  const int64_t pause_us =
      std::max(std::min(kLookEveryUs, std::max<int64_t>(options_.settle_us / 4, 10'000)), took_us * kShareOfListing);
  next_look_us_ = now_us + pause_us;
  std::sort(complete.begin(), complete.end());
  std::vector<Found> found;
  for (Candidate& candidate : complete) found.push_back({std::move(candidate.path), std::move(candidate.identity)});
  return found;
}

}  // namespace weir
