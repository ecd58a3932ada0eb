// Write aside, sync, rename, sync the folder: in this order, or a crash could show an empty file under the final name.
#include "env/atomic_file.h"

#include <limits.h>
#include <stdlib.h>

#include "base/check.h"
#include "env/object_store.h"

namespace weir {
namespace {

/// Where writing to `path` ends up when `path` is a link; `path` itself when there is nothing yet.
std::string ResolveLink(const std::string& path) {
  char resolved[PATH_MAX];
  return ::realpath(path.c_str(), resolved) ? std::string(resolved) : path;
}

}  // namespace

std::string AtomicFile::TemporaryPath(const std::string& path, const std::string& run_id) {
  return JoinPath(DirectoryName(path), "." + BaseName(path) + ".weir-" + run_id + ".tmp");
}

Result<std::unique_ptr<AtomicFile>> AtomicFile::Create(Env& env, const std::string& path, const std::string& run_id) {
  if (ObjectStore* store = ObjectStoreOf(path)) {
    WEIR_ASSIGN_OR_RETURN(auto upload, store->BeginUpload(path));
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

Status AtomicFile::CommitToken(Env& env, const AtomicFileToken& token) {
  if (ObjectStore* store = ObjectStoreOf(token.final_path)) {
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
  if (ObjectStore* store = ObjectStoreOf(token.final_path)) {
    return store->AbortUpload(token.final_path, token.temporary_path);
  }
  return env.files().Remove(token.temporary_path);
}

}  // namespace weir
