// UncachedOutput: a written file that goes to the medium without passing through the page cache.
#pragma once

#include <memory>
#include <string>

#include "env/file_system.h"

namespace weir {

/// For large files that are synced before they are visible: copying them into the page cache costs more processor time
/// than making them, and they have to reach the medium all the same. The first kBlockBytes of a file, what follows a
/// Flush(), and file systems that cannot do it (tmpfs) are written as usual.
class UncachedOutput final : public WritableFile {
 public:
  /// Takes `fd`, open for writing at its start.
  UncachedOutput(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~UncachedOutput() override;
  Status Write(const void* data, int64_t nbytes) override;
  using WritableFile::Write;
  Status Flush() override;
  Status Sync() override;
  Result<int64_t> Tell() const override { return position_; }
  Status Close() override;
  bool closed() const override { return fd_ < 0; }

 private:
  static constexpr int64_t kBlockBytes = int64_t{1} << 20;
  enum class Mode { kUndecided, kDirect, kCached };
  Status WriteBlock(int64_t nbytes);
  bool SetDirect(bool on);

  int fd_;
  std::string path_;
  int64_t position_ = 0;
  Mode mode_ = Mode::kUndecided;
  struct Free {
    void operator()(char* memory) const;
  };
  std::unique_ptr<char, Free> block_;  // aligned as the medium wants it
  int64_t filled_ = 0;
};

}  // namespace weir
