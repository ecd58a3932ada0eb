// A file that appears whole or not at all: written aside under a hidden name in the same folder, then renamed.
//
// Life: Create → writes → Prepare → Commit, or Abort at any time before Commit. After Prepare the bytes are durable and
// the token alone is enough to commit or abort, also in another process. Nobody sees the final name before Commit. A
// file that is left (Leave) stays aside as it is; another process goes on with it (GoOn), from any length that was
// synced.
//
// A path of an object store is an upload there, which Prepare leaves with the store and Commit completes. With a folder
// for staging it is a file in there, which Commit uploads: such a file can be left and gone on with.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "env/env.h"

namespace weir {

class ObjectUpload;

/// What a prepared file needs to be committed: kept in a commit record.
struct AtomicFileToken {
  std::string temporary_path;  // of an object: its upload, as the store writes it down; empty before Prepare
  std::string final_path;
};

/// Used by one thread at a time. Destroying it before Commit() aborts.
class AtomicFile {
 public:
  /// Opens `.NAME.weir-<run_id>.tmp` beside `path`; makes missing folders. A link at `path` is followed; a device or a
  /// pipe
  /// (/dev/null) is written directly, and Commit() and Abort() then do nothing. `staging` is of objects only.
  static Result<std::unique_ptr<AtomicFile>> Create(Env& env, const std::string& path, const std::string& run_id,
                                                    const std::string& staging = "");
  /// Goes on with what was left aside, cut to its first `size_bytes`. Errors: IOError where it is gone or shorter.
  static Result<std::unique_ptr<AtomicFile>> GoOn(Env& env, AtomicFileToken token, int64_t size_bytes);
  ~AtomicFile();

  const std::shared_ptr<WritableFile>& stream() const { return stream_; }
  const AtomicFileToken& token() const { return token_; }

  /// Flush and sync. Closes stream(). No writes afterwards.
  Status Prepare();
  /// Renames and syncs the folder. Only after Prepare().
  Status Commit();
  /// Removes what was written. No error when there is nothing left to remove.
  Status Abort();

  /// Closes what is written aside and leaves it there: its token is kept somewhere. Nothing more is called.
  void Leave();

  /// Idempotent: fine when an earlier attempt already renamed.
  static Status CommitToken(Env& env, const AtomicFileToken& token);
  static Status AbortToken(Env& env, const AtomicFileToken& token);

  /// The hidden name for `path`.
  static std::string TemporaryPath(const std::string& path, const std::string& run_id);

 private:
  enum class State { kWriting, kPrepared, kCommitted, kAborted, kLeft };
  AtomicFile(Env& env, AtomicFileToken token, std::shared_ptr<WritableFile> stream)
      : env_(env), token_(std::move(token)), stream_(std::move(stream)) {}
  bool is_direct() const { return !upload_ && token_.temporary_path.empty(); }

  Env& env_;
  AtomicFileToken token_;
  std::shared_ptr<WritableFile> stream_;
  std::shared_ptr<ObjectUpload> upload_;  // the same as stream_, of an object
  State state_ = State::kWriting;
};

}  // namespace weir
