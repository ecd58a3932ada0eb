// Two pictures of each file and of the names, what processes see and what the medium has, and the changes between them.
#include "env/simulated/simulated_file_system.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "env/system_error.h"

namespace weir {
namespace {

constexpr size_t kSectorBytes = 512;

class MemoryFile final : public arrow::io::RandomAccessFile {
 public:
  explicit MemoryFile(std::function<const std::string&()> bytes) : bytes_(std::move(bytes)) {}
  Result<int64_t> GetSize() override { return static_cast<int64_t>(bytes_().size()); }
  Result<int64_t> ReadAt(int64_t position, int64_t nbytes, void* out) override {
    const std::string& bytes = bytes_();
    const int64_t left = static_cast<int64_t>(bytes.size()) - position;
    const int64_t n = std::clamp<int64_t>(left, 0, nbytes);
    if (n > 0) std::memcpy(out, bytes.data() + position, static_cast<size_t>(n));
    return n;
  }
  Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t nbytes) override {
    std::string read(static_cast<size_t>(nbytes), '\0');
    WEIR_ASSIGN_OR_RETURN(const int64_t n, ReadAt(position, nbytes, read.data()));
    read.resize(static_cast<size_t>(n));
    return arrow::Buffer::FromString(std::move(read));
  }
  Result<int64_t> Read(int64_t nbytes, void* out) override {
    WEIR_ASSIGN_OR_RETURN(const int64_t n, ReadAt(position_, nbytes, out));
    position_ += n;
    return n;
  }
  Result<std::shared_ptr<arrow::Buffer>> Read(int64_t nbytes) override {
    WEIR_ASSIGN_OR_RETURN(auto buffer, ReadAt(position_, nbytes));
    position_ += buffer->size();
    return buffer;
  }
  Status Seek(int64_t position) override {
    position_ = position;
    return Status::OK();
  }
  Result<int64_t> Tell() const override { return position_; }
  Status Close() override {
    closed_ = true;
    return Status::OK();
  }
  bool closed() const override { return closed_; }

 private:
  const std::function<const std::string&()> bytes_;
  int64_t position_ = 0;
  bool closed_ = false;
};

}  // namespace

/// An open file: of one boot, and dead after it.
class SimulatedHandle final : public AppendFile, public WritableFile {
 public:
  SimulatedHandle(SimulatedFileSystem* files, std::string path, SimulatedFileSystem::FilePtr file)
      : files_(files), path_(std::move(path)), file_(std::move(file)), boot_(files->boots_) {}

  Status Append(std::string_view bytes) override {
    WEIR_RETURN_NOT_OK(Alive());
    bool shortened = false;
    const Status status = files_->Begin("write", path_, &shortened);
    if (!status.ok() && !shortened) return status;
    if (shortened) bytes = bytes.substr(0, bytes.size() / 2);
    Change({size_bytes(), std::string(bytes), -1});
    files_->Done();
    return status;
  }
  Status Truncate(int64_t size) override {
    WEIR_RETURN_NOT_OK(Alive());
    WEIR_RETURN_NOT_OK(files_->Begin("cut", path_));
    Change({0, "", size});
    files_->Done();
    return Status::OK();
  }
  Status Sync() override {
    WEIR_RETURN_NOT_OK(Alive());
    WEIR_RETURN_NOT_OK(files_->Begin("sync", path_));
    file_->synced = file_->bytes;
    file_->unsynced.clear();
    files_->Done();
    return Status::OK();
  }
  int64_t size_bytes() const override { return static_cast<int64_t>(file_->bytes.size()); }

  // As a WritableFile.
  Status Write(const void* data, int64_t nbytes) override {
    return Append({static_cast<const char*>(data), static_cast<size_t>(nbytes)});
  }
  using WritableFile::Write;
  Result<int64_t> Tell() const override { return size_bytes(); }
  Status Close() override {
    closed_ = true;
    return Status::OK();
  }
  bool closed() const override { return closed_; }

 private:
  Status Alive() const {
    return boot_ == files_->boots_ ? Status::OK() : Status::IOError("'", path_, "' was opened before the crash");
  }
  void Change(SimulatedFileSystem::Write write) {
    SimulatedFileSystem::Apply(write, &file_->bytes);
    file_->unsynced.push_back(std::move(write));
  }

  SimulatedFileSystem* const files_;
  const std::string path_;
  const SimulatedFileSystem::FilePtr file_;
  const int64_t boot_;
  bool closed_ = false;
};

class SimulatedLock final : public FileLock {
 public:
  SimulatedLock(SimulatedFileSystem* files, std::string path)
      : files_(files), path_(std::move(path)), boot_(files->boots_) {}
  ~SimulatedLock() override {
    if (boot_ == files_->boots_) files_->locks_.erase(path_);
  }

 private:
  SimulatedFileSystem* const files_;
  const std::string path_;
  const int64_t boot_;
};

std::unique_ptr<SimulatedFileSystem> SimulatedFileSystem::Clone() const {
  auto clone = std::make_unique<SimulatedFileSystem>();
  std::map<const File*, FilePtr> copies;
  auto copy = [&](const FilePtr& file) -> FilePtr {
    if (!file) return nullptr;
    FilePtr& made = copies[file.get()];
    if (!made) made = std::make_shared<File>(*file);
    return made;
  };
  for (const auto& [name, file] : names_) clone->names_[name] = copy(file);
  for (const auto& [name, file] : synced_names_) clone->synced_names_[name] = copy(file);
  for (const NameChange& change : unsynced_names_) {
    clone->unsynced_names_.push_back({change.folder, change.removed, change.added, copy(change.file)});
  }
  clone->next_number_ = next_number_;
  clone->ignore_locks_ = ignore_locks_;
  return clone;
}

Status SimulatedFileSystem::Begin(const char* action, const std::string& path, bool* shortened) {
  const int64_t number = operations_++;
  if (stop_at_ >= 0 && number >= stop_at_)
    return Status::IOError("cannot ", action, " '", path, "': the power is gone");
  if (failure_.at < 0 || number < failure_.at || (number > failure_.at && !failure_.for_ever)) return Status::OK();
  switch (failure_.kind) {
    case InjectedFailure::Kind::kEio:
      return SystemError(EIO, action, path);
    case InjectedFailure::Kind::kEintr:
      return SystemError(EINTR, action, path);
    case InjectedFailure::Kind::kShort:
      if (shortened) *shortened = true;
      break;
    case InjectedFailure::Kind::kEnospc:
      break;
  }
  return SystemError(ENOSPC, action, path);
}

void SimulatedFileSystem::Done() {
  if (on_operation_) on_operation_();
}

void SimulatedFileSystem::Apply(const Write& write, std::string* bytes) {
  if (write.cut >= 0) {
    bytes->resize(static_cast<size_t>(write.cut));
    return;
  }
  const size_t end = static_cast<size_t>(write.offset) + write.bytes.size();
  if (bytes->size() < end) bytes->resize(end);
  std::memcpy(bytes->data() + write.offset, write.bytes.data(), write.bytes.size());
}

void SimulatedFileSystem::Apply(const NameChange& change, Names* names) {
  if (!change.removed.empty()) names->erase(change.removed);
  if (!change.added.empty()) (*names)[change.added] = change.file;
}

void SimulatedFileSystem::Change(NameChange change) {
  Apply(change, &names_);
  unsynced_names_.push_back(std::move(change));
}

void SimulatedFileSystem::LoseWrites(File* file, Unsynced unsynced, std::mt19937_64* random) {
  std::string medium = file->synced;
  for (Write& write : file->unsynced) {
    if (unsynced == Unsynced::kDropped) continue;
    const uint64_t fate = unsynced == Unsynced::kKept ? 0 : (*random)() % 3;
    if (fate == 0) Apply(write, &medium);
    if (fate != 2 || write.cut >= 0) continue;
    // Some sectors of it; the size may have grown all the same.
    const size_t end = static_cast<size_t>(write.offset) + write.bytes.size();
    if ((*random)() % 2 == 0 && medium.size() < end) medium.resize(end);
    for (size_t at = static_cast<size_t>(write.offset); at < end;) {
      const size_t next = std::min(end, (at / kSectorBytes + 1) * kSectorBytes);
      const std::string part = write.bytes.substr(at - static_cast<size_t>(write.offset), next - at);
      if ((*random)() % 2 == 0) Apply({static_cast<int64_t>(at), part, -1}, &medium);
      at = next;
    }
  }
  file->bytes = file->synced = std::move(medium);
  file->unsynced.clear();
}

void SimulatedFileSystem::Crash(Unsynced unsynced, uint64_t seed) {
  std::mt19937_64 random(seed);
  for (const NameChange& change : unsynced_names_) {
    if (unsynced == Unsynced::kKept || (unsynced == Unsynced::kTorn && random() % 2 == 0)) {
      Apply(change, &synced_names_);
    }
  }
  unsynced_names_.clear();
  // What lies in a folder that is gone is gone.
  for (auto it = synced_names_.begin(); it != synced_names_.end();) {
    const bool lost = it->first != "/" && synced_names_.count(DirectoryName(it->first)) == 0;
    it = lost ? synced_names_.erase(it) : std::next(it);
  }
  names_ = synced_names_;
  std::set<File*> done;
  for (const auto& [name, file] : names_) {
    if (file && done.insert(file.get()).second) LoseWrites(file.get(), unsynced, &random);
  }
  locks_.clear();
  ++boots_;
  stop_at_ = -1;
  failure_ = {};
}

std::string* SimulatedFileSystem::Bytes(const std::string& path) {
  const auto found = names_.find(path);
  return found == names_.end() || !found->second ? nullptr : &found->second->bytes;
}

Result<std::shared_ptr<arrow::io::InputStream>> SimulatedFileSystem::Open(const std::string& path) {
  const auto found = names_.find(path);
  if (found == names_.end()) return SystemError(ENOENT, "open", path);
  if (!found->second) return SystemError(EISDIR, "open", path);
  const FilePtr file = found->second;
  return std::make_shared<MemoryFile>([file]() -> const std::string& { return file->bytes; });
}

Result<std::shared_ptr<WritableFile>> SimulatedFileSystem::Create(const std::string& path) {
  WEIR_ASSIGN_OR_RETURN(std::unique_ptr<AppendFile> file, OpenAppend(path));
  std::shared_ptr<SimulatedHandle> handle(static_cast<SimulatedHandle*>(file.release()));
  if (static_cast<AppendFile&>(*handle).size_bytes() > 0) WEIR_RETURN_NOT_OK(handle->Truncate(0));
  return handle;
}

Result<std::unique_ptr<AppendFile>> SimulatedFileSystem::OpenAppend(const std::string& path) {
  const auto found = names_.find(path);
  if (found != names_.end()) {
    if (!found->second) return SystemError(EISDIR, "open", path);
    return std::make_unique<SimulatedHandle>(this, path, found->second);
  }
  WEIR_RETURN_NOT_OK(Begin("create", path));
  if (names_.count(DirectoryName(path)) == 0) return SystemError(ENOENT, "create", path);
  auto file = std::make_shared<File>();
  file->number = next_number_++;
  Change({DirectoryName(path), "", path, file});
  Done();
  return std::make_unique<SimulatedHandle>(this, path, file);
}

Result<std::unique_ptr<FileLock>> SimulatedFileSystem::TryLock(const std::string& path) {
  WEIR_RETURN_NOT_OK(OpenAppend(path).status());
  if (!ignore_locks_ && !locks_.insert(path).second) return nullptr;
  return std::make_unique<SimulatedLock>(this, path);
}

Status SimulatedFileSystem::Rename(const std::string& from, const std::string& to) {
  WEIR_RETURN_NOT_OK(Begin("rename", from));
  const auto found = names_.find(from);
  if (found == names_.end()) return SystemError(ENOENT, "rename", from);
  Change({DirectoryName(to), from, to, found->second});
  Done();
  return Status::OK();
}

Status SimulatedFileSystem::Remove(const std::string& path) {
  WEIR_RETURN_NOT_OK(Begin("remove", path));
  if (names_.count(path) == 0) return Status::OK();
  Change({DirectoryName(path), path, "", nullptr});
  Done();
  return Status::OK();
}

Status SimulatedFileSystem::SyncDirectory(const std::string& path) {
  WEIR_RETURN_NOT_OK(Begin("sync", path));
  if (names_.count(path) == 0) return SystemError(ENOENT, "sync", path);
  std::vector<NameChange> others;
  for (NameChange& change : unsynced_names_) {
    if (change.folder == path) {
      Apply(change, &synced_names_);
    } else {
      others.push_back(std::move(change));
    }
  }
  unsynced_names_ = std::move(others);
  Done();
  return Status::OK();
}

Result<std::vector<DirectoryEntry>> SimulatedFileSystem::List(const std::string& path) {
  if (names_.count(path) == 0) return SystemError(ENOENT, "list", path);
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, file] : names_) {
    if (name == path || DirectoryName(name) != path) continue;
    entries.push_back({BaseName(name), file ? FileKind::kFile : FileKind::kDirectory});
  }
  return entries;
}

Result<FileInfo> SimulatedFileSystem::Stat(const std::string& path) {
  const auto found = names_.find(path);
  if (found == names_.end()) return FileInfo{};
  FileInfo info;
  info.kind = found->second ? FileKind::kFile : FileKind::kDirectory;
  if (found->second) info.size_bytes = static_cast<int64_t>(found->second->bytes.size());
  if (found->second) info.inode = found->second->number;
  return info;
}

Status SimulatedFileSystem::MakeDirectories(const std::string& path) {
  const auto found = names_.find(path);
  if (found != names_.end()) return found->second ? SystemError(ENOTDIR, "create folder", path) : Status::OK();
  WEIR_RETURN_NOT_OK(MakeDirectories(DirectoryName(path)));
  WEIR_RETURN_NOT_OK(Begin("create folder", path));
  Change({DirectoryName(path), "", path, nullptr});
  Done();
  return Status::OK();
}

}  // namespace weir
