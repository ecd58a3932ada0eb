// Temporary folders that clean up after crashed owners.
#include "env/temp_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace weir {
namespace {

constexpr char kPrefix[] = "weir-tmp-";
constexpr char kLockName[] = ".lock";
/// Between making a folder and taking its lock there is a moment in which it looks abandoned.
constexpr EventTime kGraceTimeUs = EventTime{3600} * 1000000;

/// A lock file that this process now holds, or -1.
int TryLock(const std::string& path, int flags) {
  int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
  if (fd < 0) return -1;
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  ::close(fd);
  return -1;
}

/// Removes folders of dead owners. Best effort: what cannot be removed is somebody else's.
void RemoveAbandoned(Env& env, const std::string& parent) {
  auto entries = env.files().List(parent);
  if (!entries.ok()) return;
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.name.starts_with(kPrefix) || entry.kind != FileKind::kDirectory) continue;
    std::string folder = JoinPath(parent, entry.name);
    struct stat st;
    if (::lstat(folder.c_str(), &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != ::geteuid()) continue;
    std::string lock = JoinPath(folder, kLockName);
    bool has_lock = ::access(lock.c_str(), F_OK) == 0;
    if (!has_lock) {
      EventTime made = int64_t{st.st_mtim.tv_sec} * 1000000;
      if (env.WallTime() - made > kGraceTimeUs) (void)RemoveTree(env.files(), folder);
      continue;
    }
    int fd = TryLock(lock, 0);
    if (fd < 0) continue;
    (void)RemoveTree(env.files(), folder);
    ::close(fd);
  }
}

}  // namespace

Result<std::unique_ptr<TempDirectory>> TempDirectory::Create(Env& env, const std::string& parent_or_empty) {
  std::string parent = parent_or_empty;
  if (parent.empty()) parent = env.Variable("TMPDIR").value_or("");
  if (parent.empty()) parent = "/tmp";
  WEIR_RETURN_NOT_OK(env.files().MakeDirectories(parent));
  RemoveAbandoned(env, parent);
  for (int attempt = 0; attempt < 16; ++attempt) {
    char name[32];
    std::snprintf(name, sizeof name, "%s%016llx", kPrefix, static_cast<unsigned long long>(env.RandomSeed()));
    std::string path = JoinPath(parent, name);
    if (::mkdir(path.c_str(), 0700) != 0) {
      if (errno == EEXIST) continue;
      return Status::IOError("cannot create a temporary folder in '", parent, "': ", std::strerror(errno));
    }
    int fd = TryLock(JoinPath(path, kLockName), O_CREAT);
    // Another process that starts took the unlocked folder for an abandoned one.
    if (fd < 0 && (errno == EWOULDBLOCK || errno == ENOENT)) continue;
    if (fd < 0) return Status::IOError("cannot lock the temporary folder '", path, "': ", std::strerror(errno));
    return std::unique_ptr<TempDirectory>(new TempDirectory(env, std::move(path), fd));
  }
  return Status::IOError("cannot find a free name for a temporary folder in '", parent, "'");
}

TempDirectory::~TempDirectory() {
  (void)RemoveTree(env_.files(), path_);
  ::close(lock_fd_);
}

}  // namespace weir
