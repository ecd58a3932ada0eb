// From a staged file to an object.
#include "env/objects/staged_object.h"

#include <string>
#include <vector>

#include "base/kill_point.h"

namespace weir {
namespace {

constexpr int64_t kCopyBytes = int64_t{1} << 20;

/// The same as long as the file is, whoever commits it: its name is no other's.
std::string MarkOf(const AtomicFileToken& token) {
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char c : token.temporary_path) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return std::to_string(hash);
}

/// An empty file beside it that says that an upload was begun: parts of it may be with the store.
std::string BegunPath(const AtomicFileToken& token) {
  return JoinPath(DirectoryName(token.temporary_path), ".begun" + BaseName(token.temporary_path));
}

Status Upload(Env& env, ObjectStore& store, const AtomicFileToken& token, const std::string& mark) {
  WEIR_ASSIGN_OR_RETURN(auto in, env.files().Open(token.temporary_path));
  WEIR_ASSIGN_OR_RETURN(auto upload, store.BeginUpload(token.final_path, mark));
  std::vector<char> bytes(kCopyBytes);
  for (;;) {
    WEIR_ASSIGN_OR_RETURN(const int64_t count, in->Read(kCopyBytes, bytes.data()));
    if (count == 0) break;
    WEIR_RETURN_NOT_OK(upload->Write(bytes.data(), count));
  }
  KillPoint("objects.upload.before");
  WEIR_ASSIGN_OR_RETURN(const std::string prepared, upload->Prepare());
  KillPoint("objects.complete.before");
  const Status shown = store.CommitUpload(token.final_path, prepared);
  if (!shown.ok()) (void)store.AbortUpload(token.final_path, prepared);  // the next try uploads it anew
  return shown;
}

}  // namespace

std::string StagedPath(Env& env, const std::string& staging, const std::string& path, const std::string& run_id) {
  const std::string number = std::to_string(env.RandomSeed());
  return JoinPath(staging, "." + BaseName(path).substr(0, 150) + "-" + number + ".weir-" + run_id + ".tmp");
}

bool IsStaged(const AtomicFileToken& token) { return token.temporary_path.find('\n') == std::string::npos; }

Status CommitStaged(Env& env, ObjectStore& store, const AtomicFileToken& token) {
  WEIR_ASSIGN_OR_RETURN(const FileInfo aside, env.files().Stat(token.temporary_path));
  if (aside.kind == FileKind::kNone) {
    WEIR_ASSIGN_OR_RETURN(const FileInfo committed, store.Stat(token.final_path));
    if (committed.kind == FileKind::kFile) return Status::OK();
    return Status::IOError("cannot commit '", token.final_path, "': its prepared file '", token.temporary_path,
                           "' is gone");
  }
  const std::string mark = MarkOf(token);
  const std::string begun = BegunPath(token);
  WEIR_ASSIGN_OR_RETURN(const bool shown, store.IsFrom(token.final_path, mark));
  if (!shown) {
    WEIR_ASSIGN_OR_RETURN(const FileInfo earlier, env.files().Stat(begun));
    if (earlier.kind == FileKind::kNone) {
      WEIR_ASSIGN_OR_RETURN(auto file, env.files().Create(begun));
      WEIR_RETURN_NOT_OK(file->Close());
    } else {
      WEIR_RETURN_NOT_OK(store.AbortUpload(token.final_path, ""));
    }
    WEIR_RETURN_NOT_OK(Upload(env, store, token, mark));
  }
  KillPoint("objects.complete.after");
  WEIR_RETURN_NOT_OK(env.files().Remove(begun));
  return env.files().Remove(token.temporary_path);
}

}  // namespace weir
