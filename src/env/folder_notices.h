// FolderNotices: hears of changes in folders.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace weir {

/// Where the system cannot tell (network folders, too many watches) it stays silent: who uses it looks by itself too,
/// only less often. One thread at a time.
class FolderNotices {
 public:
  FolderNotices();
  ~FolderNotices();
  FolderNotices(const FolderNotices&) = delete;
  FolderNotices& operator=(const FolderNotices&) = delete;

  /// Listens to what happens to files of `folder`, not below it. Again, or not there: no effect.
  void Watch(const std::string& folder);

  struct Changes {
    bool any = false;
    std::vector<std::string> moved_in;  // paths that got their name by a rename: they were written aside
  };
  /// What happened since the last call.
  Changes Take();

 private:
  int fd_ = -1;
  std::map<int, std::string> folders_;  // by watch
};

}  // namespace weir
