// Lease: who may write a log. A number that grows with every owner, and a lock against a second one on this machine.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "env/file_system.h"

namespace weir {

/// The lock refuses a second living process at once. The number protects where locks do not hold (some network folders,
/// a process that was asleep): an owner checks before and after each commit that the number is still its own.
/// Used by one thread at a time.
class Lease {
 public:
  /// Takes the folder's lock and writes the next number after the last one and after `at_least`, durably. `holder` says
  /// who it is, for others' messages ("pid 4711"). Errors: IOError where somebody holds it, which is named.
  static Result<std::unique_ptr<Lease>> Take(FileSystem& files, const std::string& folder, int64_t at_least,
                                             const std::string& holder, bool reuse_number = false);

  int64_t owner() const { return owner_; }
  /// IOError where a later owner has taken the log.
  Status Check() const;

 private:
  Lease(FileSystem& files, std::string path, std::unique_ptr<FileLock> lock, int64_t owner)
      : files_(files), path_(std::move(path)), lock_(std::move(lock)), owner_(owner) {}

  FileSystem& files_;
  const std::string path_;
  const std::unique_ptr<FileLock> lock_;
  const int64_t owner_;
};

/// What the file `lease` of a log's folder says.
struct LeaseFacts {
  int64_t owner = 0;   // 0: there is none
  std::string holder;  // empty: unknown
};
Result<LeaseFacts> ReadLease(FileSystem& files, const std::string& folder);

}  // namespace weir
