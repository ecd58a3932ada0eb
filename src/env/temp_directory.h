// A folder of this process's own for spill files, gone when the process is.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "env/env.h"

namespace weir {

/// `weir-<random>` below a parent folder, with a lock file that this process holds. Folders whose owner died are
/// removed when the next one is made: a lock that can be taken has no owner. (A process number would lie across
/// containers.) The path may be used from any thread; destroying the object removes the folder and all in it.
class TempDirectory {
 public:
  /// `parent` empty: $TMPDIR, else /tmp. Makes `parent` when it is not there.
  static Result<std::unique_ptr<TempDirectory>> Create(Env& env, const std::string& parent = "");
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  TempDirectory(Env& env, std::string path, int lock_fd) : env_(env), path_(std::move(path)), lock_fd_(lock_fd) {}

  Env& env_;
  std::string path_;
  int lock_fd_;
};

}  // namespace weir
