// By inotify(7).
#include "env/folder_notices.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <climits>
#include <cstring>

#include "env/file_descriptor.h"

namespace weir {

FolderNotices::FolderNotices() : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

FolderNotices::~FolderNotices() {
  if (fd_ >= 0) ::close(fd_);
}

void FolderNotices::Watch(const std::string& folder) {
  if (fd_ < 0) return;
  constexpr uint32_t kMask =
      IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR;
  const int watch = ::inotify_add_watch(fd_, folder.c_str(), kMask);
  if (watch >= 0) folders_[watch] = folder;
}

FolderNotices::Changes FolderNotices::Take() {
  Changes changes;
  if (fd_ < 0) return changes;
  alignas(inotify_event) char buffer[16 * (sizeof(inotify_event) + NAME_MAX + 1)];
  for (;;) {
    const ssize_t bytes = RetryInterrupted([&] { return ::read(fd_, buffer, sizeof(buffer)); });
    if (bytes <= 0) return changes;
    changes.any = true;
    for (ssize_t at = 0; at < bytes;) {
      inotify_event event;
      std::memcpy(&event, buffer + at, sizeof(event));
      const char* name = buffer + at + sizeof(event);
      const auto folder = folders_.find(event.wd);
      if ((event.mask & IN_MOVED_TO) != 0 && event.len > 0 && folder != folders_.end()) {
        changes.moved_in.push_back(JoinPath(folder->second, name));
      }
      if ((event.mask & IN_IGNORED) != 0 && folder != folders_.end()) folders_.erase(folder);
      at += static_cast<ssize_t>(sizeof(event) + event.len);
    }
  }
}

}  // namespace weir
