// Byte streams over file descriptors: what pipes, devices, standard streams and written files have in common.
#pragma once

#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "env/file_system.h"

namespace weir {

/// Calls `call` again as long as a signal interrupts it.
template <class F>
auto RetryInterrupted(F call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

FileInfo InfoOf(const struct stat& st);

/// Reads what comes: Read() returns short only at the end, so that a slow pipe looks like a file.
class DescriptorInput final : public arrow::io::InputStream {
 public:
  DescriptorInput(int fd, std::string path, bool owned) : fd_(fd), path_(std::move(path)), owned_(owned) {}
  ~DescriptorInput() override;
  Result<int64_t> Read(int64_t nbytes, void* out) override;
  Result<std::shared_ptr<arrow::Buffer>> Read(int64_t nbytes) override;
  /// Reads at most `nbytes` of what is there now, without waiting. 0: the end; nothing: there may be more later.
  Result<std::optional<int64_t>> ReadAvailable(int64_t nbytes, void* out);
  Result<int64_t> Tell() const override { return position_; }
  Status Close() override;
  bool closed() const override { return fd_ < 0; }

 private:
  int fd_;
  std::string path_;
  bool owned_;
  int64_t position_ = 0;
};

/// A regular file. ReadAt() may be called from many threads, also beside Read() and Seek() of one thread.
class DescriptorFile final : public arrow::io::RandomAccessFile {
 public:
  DescriptorFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~DescriptorFile() override;
  Result<int64_t> GetSize() override;
  /// Of the file that is open, also after it was renamed or removed.
  Result<FileInfo> Info() const;
  Result<int64_t> ReadAt(int64_t position, int64_t nbytes, void* out) override;
  Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t nbytes) override;
  Result<int64_t> Read(int64_t nbytes, void* out) override;
  Result<std::shared_ptr<arrow::Buffer>> Read(int64_t nbytes) override;
  Status Seek(int64_t position) override;
  Result<int64_t> Tell() const override { return position_; }
  Status Close() override;
  bool closed() const override { return fd_ < 0; }

 private:
  int fd_;
  std::string path_;
  int64_t position_ = 0;
};

/// Writes through a buffer of kBufferBytes; larger pieces go to the system directly.
class DescriptorOutput final : public WritableFile {
 public:
  DescriptorOutput(int fd, std::string path, bool owned) : fd_(fd), path_(std::move(path)), owned_(owned) {}
  ~DescriptorOutput() override;
  Status Write(const void* data, int64_t nbytes) override;
  using WritableFile::Write;
  Status Flush() override;
  Status Sync() override;
  Result<int64_t> Tell() const override { return position_; }
  Status Close() override;
  bool closed() const override { return fd_ < 0; }

 private:
  static constexpr size_t kBufferBytes = size_t{256} << 10;
  Status WriteAll(const char* data, int64_t nbytes);

  int fd_;
  std::string path_;
  bool owned_;
  int64_t position_ = 0;
  std::vector<char> buffer_;
};

}  // namespace weir
