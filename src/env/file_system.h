// FileSystem: the operations on files that Weir needs, each with what it promises after a crash.
//
// Durability follows POSIX: a written byte is safe after Sync() of its file; a created, renamed or removed name is safe
// after SyncDirectory() of its folder. A simulated file system may lose everything else.
#pragma once

#include <arrow/io/interfaces.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_time.h"
#include "base/status.h"

namespace weir {

enum class FileKind : uint8_t { kNone, kFile, kDirectory, kOther };  // kOther: pipe, device, socket

struct FileInfo {
  FileKind kind = FileKind::kNone;
  int64_t size_bytes = 0;
  EventTime modified = 0;          // µs
  uint64_t device = 0, inode = 0;  // which file it is, whatever it is called; of an object its path and its version
  bool is_object = false;          // of an object store: complete from the moment it is there
};

struct DirectoryEntry {
  std::string name;  // without the folder
  FileKind kind = FileKind::kNone;
};

/// A file open for appending. Used by one thread at a time. Small writes are gathered into larger ones.
/// Close() flushes; a file that is destroyed without Close() may have lost what was not flushed.
class WritableFile : public arrow::io::OutputStream {
 public:
  /// Flushes, then waits until the bytes are on the medium. After an error the content of the file is unknown: never
  /// retry.
  virtual Status Sync() = 0;
};

/// A file that grows at its end and can be cut: a log. Not buffered. Used by one thread at a time; closed when
/// destroyed. Errors are SystemErrors (env/system_error.h).
class AppendFile {
 public:
  virtual ~AppendFile() = default;
  /// Writes `bytes` at the end. After an error some of them may be there: Truncate() takes them back.
  virtual Status Append(std::string_view bytes) = 0;
  /// Cuts the file to its first `size_bytes`.
  virtual Status Truncate(int64_t size_bytes) = 0;
  /// Waits until the bytes and the size are on the medium. After an error the content of the file is unknown: never
  /// retry.
  virtual Status Sync() = 0;
  virtual int64_t size_bytes() const = 0;
};

/// Held until it is destroyed, or its process ends in whatever way.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

/// Paths are those of the operating system, relative ones against the working directory, and those of object stores
/// (env/objects/object_store.h), which know Open, Stat, List and Remove; folders there need not be made. Errors are
/// IOErrors that name the path and the reason. Every method may be called from any thread.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  /// A regular file comes back as an arrow::io::RandomAccessFile (ReadAt may be called from many threads), a pipe or a
  /// device as a plain InputStream.
  virtual Result<std::shared_ptr<arrow::io::InputStream>> Open(const std::string& path) = 0;
  /// Creates the file or empties the one that is there. Its folder must exist.
  virtual Result<std::shared_ptr<WritableFile>> Create(const std::string& path) = 0;
  /// The same for a large file that will be synced before anybody reads it: its bytes need not pass through the page
  /// cache.
  virtual Result<std::shared_ptr<WritableFile>> CreateUncached(const std::string& path) { return Create(path); }
  /// Creates the file or opens the one that is there, to go on at its end.
  virtual Result<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path) = 0;
  /// Locks the file `path`, made where it is missing, against other processes and other callers of this one. Null where
  /// somebody holds it. Never waits.
  virtual Result<std::unique_ptr<FileLock>> TryLock(const std::string& path) = 0;
  /// Atomic; replaces `to`.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  /// A file, a link or an empty folder. Not there: no error.
  virtual Status Remove(const std::string& path) = 0;
  virtual Status SyncDirectory(const std::string& path) = 0;
  /// Entries in byte order of their names, without "." and "..". A link has the kind of what it points to.
  virtual Result<std::vector<DirectoryEntry>> List(const std::string& path) = 0;
  /// Follows links. Kind kNone when there is nothing.
  virtual Result<FileInfo> Stat(const std::string& path) = 0;
  /// With all its parents; already there is no error.
  virtual Status MakeDirectories(const std::string& path) = 0;
};

/// Open() for what must be a regular file.
Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenRandomAccess(FileSystem& files, const std::string& path);

/// All bytes of a file, pipe or device. CapacityError beyond `max_bytes`.
Result<std::string> ReadFile(FileSystem& files, const std::string& path, int64_t max_bytes = 64 << 20);

/// Removes `path` and all below it. Links are removed, not followed.
Status RemoveTree(FileSystem& files, const std::string& path);

/// Folder of `path` ("." when it has none) and the last part of it.
std::string DirectoryName(const std::string& path);
std::string BaseName(const std::string& path);
std::string JoinPath(const std::string& directory, const std::string& name);

/// The file system of the operating system.
FileSystem& RealFileSystem();

}  // namespace weir
