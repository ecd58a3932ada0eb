// Aligned blocks by O_DIRECT, the tail through the page cache.
#include "env/uncached_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "env/file_descriptor.h"

namespace weir {

void UncachedOutput::Free::operator()(char* memory) const { std::free(memory); }

UncachedOutput::~UncachedOutput() {
  if (fd_ >= 0) ::close(fd_);
}

bool UncachedOutput::SetDirect(bool on) {
  const int flags = ::fcntl(fd_, F_GETFL);
  return flags >= 0 && ::fcntl(fd_, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

/// Writes the first `nbytes` of the block. Only whole blocks, one after the other from the start, stay aligned.
Status UncachedOutput::WriteBlock(int64_t nbytes) {
  if (mode_ == Mode::kUndecided && nbytes == kBlockBytes) mode_ = SetDirect(true) ? Mode::kDirect : Mode::kCached;
  for (int64_t done = 0; done < nbytes;) {
    if (mode_ == Mode::kDirect && nbytes - done != kBlockBytes) {
      if (!SetDirect(false)) return Status::IOError("cannot write '", path_, "': ", std::strerror(errno));
      mode_ = Mode::kCached;
    }
    const ssize_t n = RetryInterrupted([&] { return ::write(fd_, block_.get() + done, nbytes - done); });
    if (n < 0 && errno == EINVAL && mode_ == Mode::kDirect) {
      if (!SetDirect(false)) return Status::IOError("cannot write '", path_, "': ", std::strerror(errno));
      mode_ = Mode::kCached;  // the medium wants another alignment
      continue;
    }
    if (n < 0) return Status::IOError("cannot write '", path_, "': ", std::strerror(errno));
    done += n;
  }
  return Status::OK();
}

Status UncachedOutput::Write(const void* data, int64_t nbytes) {
  if (fd_ < 0) return Status::IOError("'", path_, "' is closed");
  if (!block_) block_.reset(static_cast<char*>(std::aligned_alloc(4096, kBlockBytes)));
  WEIR_CHECK(block_ != nullptr, "out of memory for a block of a file");
  position_ += nbytes;
  const char* from = static_cast<const char*>(data);
  while (nbytes > 0) {
    const int64_t taken = std::min(nbytes, kBlockBytes - filled_);
    std::memcpy(block_.get() + filled_, from, taken);
    filled_ += taken;
    from += taken;
    nbytes -= taken;
    if (filled_ < kBlockBytes) break;
    filled_ = 0;
    WEIR_RETURN_NOT_OK(WriteBlock(kBlockBytes));
  }
  return Status::OK();
}

Status UncachedOutput::Flush() {
  if (fd_ < 0 || filled_ == 0) return Status::OK();
  const int64_t nbytes = filled_;
  filled_ = 0;
  if (mode_ == Mode::kUndecided) mode_ = Mode::kCached;
  return WriteBlock(nbytes);
}

Status UncachedOutput::Sync() {
  WEIR_RETURN_NOT_OK(Flush());
  if (::fsync(fd_) == 0) return Status::OK();
  return Status::IOError("cannot sync '", path_, "': ", std::strerror(errno));
}

Status UncachedOutput::Close() {
  if (fd_ < 0) return Status::OK();
  Status status = Flush();
  const int fd = fd_;
  fd_ = -1;
  if (::close(fd) != 0 && status.ok()) status = Status::IOError("cannot close '", path_, "': ", std::strerror(errno));
  return status;
}

}  // namespace weir
