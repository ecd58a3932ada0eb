// The file system of the operating system.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "env/file_descriptor.h"
#include "env/file_system.h"
#include "env/objects/object_store.h"
#include "env/system_error.h"
#include "env/uncached_output.h"

namespace weir {
namespace {

Status SystemError(const char* action, const std::string& path) { return weir::SystemError(errno, action, path); }

class RealAppendFile final : public AppendFile {
 public:
  RealAppendFile(int fd, std::string path, int64_t size_bytes) : fd_(fd), path_(std::move(path)), size_(size_bytes) {}
  ~RealAppendFile() override { ::close(fd_); }

  Status Append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = RetryInterrupted([&] { return ::pwrite(fd_, bytes.data(), bytes.size(), size_); });
      if (n < 0) return SystemError("write", path_);
      size_ += n;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return Status::OK();
  }

  Status Truncate(int64_t size_bytes) override {
    if (RetryInterrupted([&] { return ::ftruncate(fd_, size_bytes); }) != 0) return SystemError("cut", path_);
    size_ = size_bytes;
    return Status::OK();
  }

  Status Sync() override { return ::fdatasync(fd_) == 0 ? Status::OK() : SystemError("sync", path_); }
  int64_t size_bytes() const override { return size_; }

 private:
  const int fd_;
  const std::string path_;
  int64_t size_;
};

class RealFileLock final : public FileLock {
 public:
  explicit RealFileLock(int fd) : fd_(fd) {}
  ~RealFileLock() override { ::close(fd_); }

 private:
  const int fd_;
};

/// Names directly below an object store's "folder".
Result<std::vector<DirectoryEntry>> ListOneLevel(ObjectStore& store, const std::string& path) {
  const std::string prefix = path.ends_with('/') ? path : path + "/";
  WEIR_ASSIGN_OR_RETURN(const auto objects, store.List(prefix, /*one_level=*/true));
  std::vector<DirectoryEntry> entries;
  for (const ListedObject& object : objects) {
    std::string name = object.path.substr(prefix.size());
    if (name.ends_with('/')) name.pop_back();
    if (!name.empty()) entries.push_back({std::move(name), object.info.kind});
  }
  return entries;
}

class RealFiles final : public FileSystem {
 public:
  Result<std::shared_ptr<arrow::io::InputStream>> Open(const std::string& path) override {
    if (ObjectStore* store = ObjectStoreOf(path)) return store->Open(path);
    int fd = RetryInterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); });
    if (fd < 0) return SystemError("open", path);
    struct stat st;
    if (::fstat(fd, &st) != 0) {
      Status error = SystemError("open", path);
      ::close(fd);
      return error;
    }
    if (S_ISDIR(st.st_mode)) {
      ::close(fd);
      return Status::IOError("cannot open '", path, "': it is a folder");
    }
    if (!S_ISREG(st.st_mode)) return std::make_shared<DescriptorInput>(fd, path, /*owned=*/true);
    return std::make_shared<DescriptorFile>(fd, path);
  }

  Result<std::shared_ptr<WritableFile>> Create(const std::string& path) override {
    int fd = RetryInterrupted([&] { return ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666); });
    if (fd < 0) return SystemError("create", path);
    return std::make_shared<DescriptorOutput>(fd, path, /*owned=*/true);
  }

  Result<std::shared_ptr<WritableFile>> CreateUncached(const std::string& path) override {
    int fd = RetryInterrupted([&] { return ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666); });
    if (fd < 0) return SystemError("create", path);
    return std::make_shared<UncachedOutput>(fd, path);
  }

  Result<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path) override {
    const int fd = RetryInterrupted([&] { return ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666); });
    if (fd < 0) return SystemError("open", path);
    struct stat st;
    if (::fstat(fd, &st) != 0) {
      const Status error = SystemError("look at", path);
      ::close(fd);
      return error;
    }
    return std::make_unique<RealAppendFile>(fd, path, st.st_size);
  }

  Result<std::unique_ptr<FileLock>> TryLock(const std::string& path) override {
    const int fd = RetryInterrupted([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666); });
    if (fd < 0) return SystemError("open", path);
    if (RetryInterrupted([&] { return ::flock(fd, LOCK_EX | LOCK_NB); }) == 0) {
      return std::make_unique<RealFileLock>(fd);
    }
    const int reason = errno;
    ::close(fd);
    if (reason == EWOULDBLOCK) return nullptr;
    return weir::SystemError(reason, "lock", path);
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (std::rename(from.c_str(), to.c_str()) == 0) return Status::OK();
    return SystemError("rename", from + "' to '" + to);
  }

  Status Remove(const std::string& path) override {
    if (ObjectStore* store = ObjectStoreOf(path)) return store->Remove(path);
    if (std::remove(path.c_str()) == 0 || errno == ENOENT) return Status::OK();
    return SystemError("remove", path);
  }

  Status SyncDirectory(const std::string& path) override {
    if (ObjectStoreOf(path)) return Status::OK();
    int fd = RetryInterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (fd < 0) return SystemError("open", path);
    int rc = ::fsync(fd);
    // Some network file systems cannot sync a folder and say so with EINVAL; there is nothing more to ask of them.
    Status status = rc == 0 || errno == EINVAL ? Status::OK() : SystemError("sync", path);
    ::close(fd);
    return status;
  }

  Result<std::vector<DirectoryEntry>> List(const std::string& path) override {
    if (ObjectStore* store = ObjectStoreOf(path)) return ListOneLevel(*store, path);
    DIR* dir = ::opendir(path.c_str());
    if (!dir) return SystemError("list", path);
    std::vector<DirectoryEntry> entries;
    errno = 0;
    for (dirent* entry; (entry = ::readdir(dir)) != nullptr; errno = 0) {
      std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      FileKind kind = entry->d_type == DT_REG ? FileKind::kFile : FileKind::kDirectory;
      if (entry->d_type != DT_REG && entry->d_type != DT_DIR) {
        struct stat st;
        kind = ::stat(JoinPath(path, name).c_str(), &st) == 0 ? InfoOf(st).kind : FileKind::kOther;
      }
      entries.push_back({std::move(name), kind});
    }
    Status status = errno == 0 ? Status::OK() : SystemError("list", path);
    ::closedir(dir);
    WEIR_RETURN_NOT_OK(status);
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return entries;
  }

  Result<FileInfo> Stat(const std::string& path) override {
    if (ObjectStore* store = ObjectStoreOf(path)) return store->Stat(path);
    struct stat st;
    if (::stat(path.c_str(), &st) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return FileInfo{};
      return SystemError("look at", path);
    }
    return InfoOf(st);
  }

  Status MakeDirectories(const std::string& path) override {
    if (ObjectStoreOf(path)) return Status::OK();
    if (path.empty()) return Status::OK();
    for (size_t end = 0; end != std::string::npos;) {
      end = path.find('/', end + 1);
      std::string part = path.substr(0, end);
      if (::mkdir(part.c_str(), 0777) == 0) continue;
      int reason = errno;
      struct stat st;
      if (::stat(part.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) continue;
      errno = reason == EEXIST ? ENOTDIR : reason;
      return SystemError("create folder", part);
    }
    return Status::OK();
  }
};

}  // namespace

FileSystem& RealFileSystem() {
  static RealFiles files;
  return files;
}

}  // namespace weir
