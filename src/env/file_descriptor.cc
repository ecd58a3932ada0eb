// Reading and writing file descriptors to the end, across signals and short transfers.
#include "env/file_descriptor.h"

#include <arrow/buffer.h>
#include <poll.h>
#include <unistd.h>

#include "env/system_error.h"

namespace weir {
namespace {

/// A buffer of at most `nbytes` that `read(out)` filled.
template <class F>
Result<std::shared_ptr<arrow::Buffer>> ReadBuffer(int64_t nbytes, F read) {
  WEIR_ASSIGN_OR_RETURN(auto buffer, arrow::AllocateResizableBuffer(nbytes));
  WEIR_ASSIGN_OR_RETURN(int64_t n, read(buffer->mutable_data()));
  WEIR_RETURN_NOT_OK(buffer->Resize(n, /*shrink_to_fit=*/false));
  return std::shared_ptr<arrow::Buffer>(std::move(buffer));
}

FileKind KindOf(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::kFile;
  if (S_ISDIR(mode)) return FileKind::kDirectory;
  return FileKind::kOther;
}

}  // namespace

FileInfo InfoOf(const struct stat& st) {
  const EventTime modified = int64_t{st.st_mtim.tv_sec} * 1000000 + st.st_mtim.tv_nsec / 1000;
  return {KindOf(st.st_mode), st.st_size, modified, st.st_dev, st.st_ino};
}

DescriptorInput::~DescriptorInput() {
  if (fd_ >= 0 && owned_) ::close(fd_);
}

Result<int64_t> DescriptorInput::Read(int64_t nbytes, void* out) {
  int64_t done = 0;
  while (done < nbytes) {
    ssize_t n = RetryInterrupted([&] { return ::read(fd_, static_cast<char*>(out) + done, nbytes - done); });
    if (n < 0) return SystemError(errno, "read", path_);
    if (n == 0) break;
    done += n;
  }
  position_ += done;
  return done;
}

Result<std::shared_ptr<arrow::Buffer>> DescriptorInput::Read(int64_t nbytes) {
  return ReadBuffer(nbytes, [&](void* out) { return Read(nbytes, out); });
}

Result<std::optional<int64_t>> DescriptorInput::ReadAvailable(int64_t nbytes, void* out) {
  struct pollfd ready = {fd_, POLLIN, 0};
  const int polled = RetryInterrupted([&] { return ::poll(&ready, 1, 0); });
  if (polled == 0) return std::nullopt;
  const ssize_t n = RetryInterrupted([&] { return ::read(fd_, out, static_cast<size_t>(nbytes)); });
  if (n < 0 && errno == EAGAIN) return std::nullopt;
  if (n < 0) return SystemError(errno, "read", path_);
  position_ += n;
  return n;
}

Status DescriptorInput::Close() {
  if (fd_ >= 0 && owned_) ::close(fd_);
  fd_ = -1;
  return Status::OK();
}

DescriptorFile::~DescriptorFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<FileInfo> DescriptorFile::Info() const {
  struct stat st;
  if (::fstat(fd_, &st) != 0) return SystemError(errno, "look at", path_);
  return InfoOf(st);
}

Result<int64_t> DescriptorFile::GetSize() {
  WEIR_ASSIGN_OR_RETURN(const FileInfo info, Info());
  return info.size_bytes;
}

Result<int64_t> DescriptorFile::ReadAt(int64_t position, int64_t nbytes, void* out) {
  int64_t done = 0;
  while (done < nbytes) {
    char* to = static_cast<char*>(out) + done;
    ssize_t n = RetryInterrupted([&] { return ::pread(fd_, to, nbytes - done, position + done); });
    if (n < 0) return SystemError(errno, "read", path_);
    if (n == 0) break;
    done += n;
  }
  return done;
}

Result<std::shared_ptr<arrow::Buffer>> DescriptorFile::ReadAt(int64_t position, int64_t nbytes) {
  return ReadBuffer(nbytes, [&](void* out) { return ReadAt(position, nbytes, out); });
}

Result<int64_t> DescriptorFile::Read(int64_t nbytes, void* out) {
  WEIR_ASSIGN_OR_RETURN(int64_t n, ReadAt(position_, nbytes, out));
  position_ += n;
  return n;
}

Result<std::shared_ptr<arrow::Buffer>> DescriptorFile::Read(int64_t nbytes) {
  return ReadBuffer(nbytes, [&](void* out) { return Read(nbytes, out); });
}

Status DescriptorFile::Seek(int64_t position) {
  if (position < 0) return Status::Invalid("cannot seek before the start of '", path_, "'");
  position_ = position;
  return Status::OK();
}

Status DescriptorFile::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  return Status::OK();
}

DescriptorOutput::~DescriptorOutput() {
  if (fd_ >= 0 && owned_) ::close(fd_);
}

Status DescriptorOutput::WriteAll(const char* data, int64_t nbytes) {
  while (nbytes > 0) {
    ssize_t n = RetryInterrupted([&] { return ::write(fd_, data, nbytes); });
    if (n < 0) return SystemError(errno, "write", path_);
    data += n;
    nbytes -= n;
  }
  return Status::OK();
}

Status DescriptorOutput::Write(const void* data, int64_t nbytes) {
  if (fd_ < 0) return Status::IOError("'", path_, "' is closed");
  position_ += nbytes;
  const char* bytes = static_cast<const char*>(data);
  if (buffer_.size() + nbytes > kBufferBytes) WEIR_RETURN_NOT_OK(Flush());
  if (static_cast<size_t>(nbytes) >= kBufferBytes) return WriteAll(bytes, nbytes);
  if (buffer_.capacity() == 0) buffer_.reserve(kBufferBytes);
  buffer_.insert(buffer_.end(), bytes, bytes + nbytes);
  return Status::OK();
}

Status DescriptorOutput::Flush() {
  if (fd_ < 0 || buffer_.empty()) return Status::OK();
  Status status = WriteAll(buffer_.data(), static_cast<int64_t>(buffer_.size()));
  buffer_.clear();
  return status;
}

Status DescriptorOutput::Sync() {
  WEIR_RETURN_NOT_OK(Flush());
  // Pipes and terminals cannot be synced and need not be.
  if (::fsync(fd_) != 0 && errno != EINVAL && errno != ENOTSUP && errno != EROFS) {
    return SystemError(errno, "sync", path_);
  }
  return Status::OK();
}

Status DescriptorOutput::Close() {
  if (fd_ < 0) return Status::OK();
  Status status = Flush();
  int fd = fd_;
  fd_ = -1;
  if (owned_ && ::close(fd) != 0 && status.ok()) {
    status = SystemError(errno, "close", path_);
  }
  return status;
}

}  // namespace weir
