// FileWatch: finds the files of a folder or glob as they become complete, each once.
//
// A file is complete when it got its name by a rename, or when it has not changed for the settle time. What was found
// is remembered by device, inode, size and time of change, so that a file that is renamed is not found again, and one
// that was written anew is.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "env/env.h"
#include "env/folder_notices.h"

namespace weir {

class FileWatch {
 public:
  struct Options {
    std::string path;  // a file, folder or glob, as in env/glob.h
    std::vector<std::string> extensions;
    int64_t settle_us = 1'000'000;
  };
  FileWatch(Options options, Env* env);

  struct Found {
    std::string path;
    std::string identity;  // FileIdentity
  };
  /// Files that an earlier run has found (their identities): they are not found again.
  void Know(std::set<std::string> identities) { known_ = std::move(identities); }
  /// The identities of all files that were found and are still there.
  std::vector<std::string> known() const;

  /// The files that became complete since the last call, in the order of (time of change, path). Cheap where nothing
  /// happened: the folder is listed when the system says so, else about once per second, less often where that takes
  /// long. A folder that is gone for the moment gives nothing, and nothing of it is forgotten.
  std::vector<Found> Look(int64_t now_us);

 private:
  using Identity = std::tuple<uint64_t, uint64_t, int64_t, EventTime>;  // device, inode, size, modified
  struct Candidate {
    EventTime modified;
    std::string path;
    std::string identity;
    bool operator<(const Candidate& other) const {
      return std::tie(modified, path) < std::tie(other.modified, other.path);
    }
  };
  void WatchFolders(const std::vector<std::string>& paths);
  bool IsComplete(const Identity& identity, const std::string& path, int64_t now_us);

  const Options options_;
  Env* const env_;
  FolderNotices notices_;
  std::set<std::string> watched_folders_;
  std::set<std::string> moved_in_;
  std::set<Identity> found_;               // of files that are still there
  std::set<std::string> known_;            // of an earlier run, until the first look
  std::map<Identity, int64_t> unsettled_;  // since when they are known
  int64_t next_look_us_ = 0;
};

}  // namespace weir
