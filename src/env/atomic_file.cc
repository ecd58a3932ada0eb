// Write aside, sync, rename, sync the folder: in this order, or a crash could show an empty file under the final name.
#include "env/atomic_file.h"

#include <limits.h>
#include <stdlib.h>

#include "base/check.h"
#include "env/objects/object_store.h"
#include "env/objects/staged_object.h"

namespace weir {
namespace {

/// Where writing to `path` ends up when `path` is a link; `path` itself when there is nothing yet.
std::string ResolveLink(const std::string& path) {
  char resolved[PATH_MAX];
  return ::realpath(path.c_str(), resolved) ? std::string(resolved) : path;
}

/// An AppendFile as a stream. Its writes are large, or gathered by whoever makes them.
class AppendStream final : public WritableFile {
 public:
  explicit AppendStream(std::unique_ptr<AppendFile> file) : file_(std::move(file)), size_(file_->size_bytes()) {}
  Status Write(const void* data, int64_t nbytes) override {
    size_ += nbytes;
    return file_->Append({static_cast<const char*>(data), static_cast<size_t>(nbytes)});
  }
  using WritableFile::Write;
  Status Flush() override { return Status::OK(); }
  Status Sync() override { return file_->Sync(); }
  Result<int64_t> Tell() const override { return size_; }
  Status Close() override {
    file_.reset();
    return Status::OK();
  }
  bool closed() const override { return file_ == nullptr; }

 private:
  std::unique_ptr<AppendFile> file_;
  int64_t size_;
};

}  // namespace

std::string AtomicFile::TemporaryPath(const std::string& path, const std::string& run_id) {
  return JoinPath(DirectoryName(path), "." + BaseName(path) + ".weir-" + run_id + ".tmp");
}

Result<std::unique_ptr<AtomicFile>> AtomicFile::Create(Env& env, const std::string& path, const std::string& run_id,
                                                       const std::string& staging) {
  ObjectStore* store = ObjectStoreOf(path);
  if (store && !staging.empty()) {
    WEIR_RETURN_NOT_OK(env.files().MakeDirectories(staging));
    AtomicFileToken token{StagedPath(env, staging, path, run_id), path};
    WEIR_ASSIGN_OR_RETURN(auto stream, env.files().Create(token.temporary_path));
    return std::unique_ptr<AtomicFile>(new AtomicFile(env, std::move(token), std::move(stream)));
  }
  if (store) {
    WEIR_ASSIGN_OR_RETURN(auto upload, store->BeginUpload(path, ""));
    std::unique_ptr<AtomicFile> file(new AtomicFile(env, {"", path}, upload));
    file->upload_ = std::move(upload);
    return file;
  }
  WEIR_ASSIGN_OR_RETURN(FileInfo info, env.files().Stat(path));
  if (info.kind == FileKind::kDirectory) {
    return Status::IOError("cannot write '", path, "': a folder of that name exists");
  }
  AtomicFileToken token;
  token.final_path = info.kind == FileKind::kNone ? path : ResolveLink(path);
  if (info.kind == FileKind::kNone) WEIR_RETURN_NOT_OK(env.files().MakeDirectories(DirectoryName(path)));
  if (info.kind != FileKind::kOther) token.temporary_path = TemporaryPath(token.final_path, run_id);
  const std::string& target = token.temporary_path.empty() ? token.final_path : token.temporary_path;
  const bool direct = token.temporary_path.empty();
  WEIR_ASSIGN_OR_RETURN(auto stream, direct ? env.files().Create(target) : env.files().CreateUncached(target));
  return std::unique_ptr<AtomicFile>(new AtomicFile(env, std::move(token), std::move(stream)));
}

Result<std::unique_ptr<AtomicFile>> AtomicFile::GoOn(Env& env, AtomicFileToken token, int64_t size_bytes) {
  WEIR_ASSIGN_OR_RETURN(const FileInfo info, env.files().Stat(token.temporary_path));
  if (info.kind != FileKind::kFile || info.size_bytes < size_bytes) {
    return Status::IOError("cannot go on with '", token.final_path, "': '", token.temporary_path,
                           info.kind == FileKind::kFile ? "' is shorter than it was" : "', its beginning, is gone");
  }
  WEIR_ASSIGN_OR_RETURN(auto file, env.files().OpenAppend(token.temporary_path));
  WEIR_RETURN_NOT_OK(file->Truncate(size_bytes));
  auto stream = std::make_shared<AppendStream>(std::move(file));
  return std::unique_ptr<AtomicFile>(new AtomicFile(env, std::move(token), std::move(stream)));
}

AtomicFile::~AtomicFile() {
  if (state_ == State::kWriting || state_ == State::kPrepared) (void)Abort();
}

Status AtomicFile::Prepare() {
  WEIR_CHECK(state_ == State::kWriting, "a file is prepared once");
  if (upload_) {
    WEIR_ASSIGN_OR_RETURN(token_.temporary_path, upload_->Prepare());
    state_ = State::kPrepared;
    return Status::OK();
  }
  WEIR_RETURN_NOT_OK(stream_->Sync());
  WEIR_RETURN_NOT_OK(stream_->Close());
  state_ = State::kPrepared;
  return Status::OK();
}

Status AtomicFile::Commit() {
  if (state_ == State::kCommitted) return Status::OK();
  WEIR_CHECK(state_ == State::kPrepared, "a file is committed after it was prepared");
  if (!is_direct()) WEIR_RETURN_NOT_OK(CommitToken(env_, token_));
  state_ = State::kCommitted;
  return Status::OK();
}

Status AtomicFile::Abort() {
  if (state_ == State::kAborted) return Status::OK();
  WEIR_CHECK(state_ != State::kCommitted, "a committed file stays");
  state_ = State::kAborted;
  Status closed = stream_->Close();
  if (is_direct() || (upload_ && token_.temporary_path.empty())) return closed;
  return AbortToken(env_, token_);
}

void AtomicFile::Leave() {
  WEIR_CHECK(state_ == State::kWriting || state_ == State::kPrepared, "a file that is left was not committed");
  if (state_ == State::kWriting) (void)stream_->Close();  // what was not synced does not count
  state_ = State::kLeft;
}

Status AtomicFile::CommitToken(Env& env, const AtomicFileToken& token) {
  if (ObjectStore* store = ObjectStoreOf(token.final_path)) {
    if (IsStaged(token)) return CommitStaged(env, *store, token);
    return store->CommitUpload(token.final_path, token.temporary_path);
  }
  WEIR_ASSIGN_OR_RETURN(FileInfo aside, env.files().Stat(token.temporary_path));
  if (aside.kind == FileKind::kNone) {
    WEIR_ASSIGN_OR_RETURN(FileInfo committed, env.files().Stat(token.final_path));
    if (committed.kind == FileKind::kFile) return env.files().SyncDirectory(DirectoryName(token.final_path));
    return Status::IOError("cannot commit '", token.final_path, "': its prepared file '", token.temporary_path,
                           "' is gone");
  }
  WEIR_RETURN_NOT_OK(env.files().Rename(token.temporary_path, token.final_path));
  return env.files().SyncDirectory(DirectoryName(token.final_path));
}

Status AtomicFile::AbortToken(Env& env, const AtomicFileToken& token) {
  ObjectStore* store = ObjectStoreOf(token.final_path);
  if (store && !IsStaged(token)) {
    return store->AbortUpload(token.final_path, token.temporary_path);
  }
  return env.files().Remove(token.temporary_path);
}

}  // namespace weir
