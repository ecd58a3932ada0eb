// token = { file }, file = temporary path, final path, size, state, path, each as LENGTH ':' BYTES; size is a decimal
// number, -1 of a closed file.
#include "connectors/files/sinks/commit_token.h"

#include <cstdio>
#include <cstdlib>

#include "base/kill_point.h"
#include "connectors/support/position.h"
#include "env/objects/object_store.h"
#include "env/objects/staged_object.h"

namespace weir {
namespace {

void AppendNetstring(const std::string& text, std::string* out) { *out += std::to_string(text.size()) + ":" + text; }

Result<std::string> TakeNetstring(const std::string& token, size_t* at) {
  size_t colon = token.find(':', *at);
  size_t length = colon == std::string::npos ? 0 : std::strtoull(token.c_str() + *at, nullptr, 10);
  if (colon == std::string::npos || length > token.size() - colon - 1) return Status::Invalid("damaged commit token");
  *at = colon + 1 + length;
  return token.substr(colon + 1, length);
}

}  // namespace

std::string PackTokens(const std::vector<SinkFile>& files) {
  std::string token;
  for (const SinkFile& file : files) {
    AppendNetstring(file.file.temporary_path, &token);
    AppendNetstring(file.file.final_path, &token);
    AppendNetstring(std::to_string(file.size_bytes), &token);
    AppendNetstring(file.state, &token);
    AppendNetstring(file.path, &token);
  }
  return token;
}

Result<std::vector<SinkFile>> UnpackTokens(const std::string& token) {
  std::vector<SinkFile> files;
  for (size_t at = 0; at < token.size();) {
    SinkFile& file = files.emplace_back();
    WEIR_ASSIGN_OR_RETURN(file.file.temporary_path, TakeNetstring(token, &at));
    WEIR_ASSIGN_OR_RETURN(file.file.final_path, TakeNetstring(token, &at));
    WEIR_ASSIGN_OR_RETURN(const std::string size, TakeNetstring(token, &at));
    WEIR_ASSIGN_OR_RETURN(file.state, TakeNetstring(token, &at));
    WEIR_ASSIGN_OR_RETURN(file.path, TakeNetstring(token, &at));
    file.size_bytes = std::strtoll(size.c_str(), nullptr, 10);
  }
  return files;
}

Status ShowFiles(Env& env, const std::vector<SinkFile>& files, bool again) {
  KillPoint("files.commit.before");
  for (const SinkFile& file : files) {
    if (file.is_open()) continue;
    const bool is_upload = ObjectStoreOf(file.file.final_path) && !IsStaged(file.file);
    if (again && !is_upload) {
      WEIR_ASSIGN_OR_RETURN(const FileInfo aside, env.files().Stat(file.file.temporary_path));
      if (aside.kind == FileKind::kNone) continue;
    }
    WEIR_RETURN_NOT_OK(AtomicFile::CommitToken(env, file.file));
    KillPoint("files.commit.between");
  }
  KillPoint("files.commit.after");
  return Status::OK();
}

std::string RunId(const OperatorContext& context) {
  const uint64_t id =
      !context.durable_id.empty() ? StableHash(context.durable_id + "\n" + context.step) : context.env->RandomSeed();
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(id));
  return text;
}

std::string HiddenFolder(const OperatorContext& context, const std::string& folder) {
  return context.durable && ObjectStoreOf(folder) ? JoinPath(context.state_dir, "objects") : folder;
}

std::string FolderOf(const AtomicFileToken& token) {
  return DirectoryName(token.temporary_path.empty() ? token.final_path : token.temporary_path);
}

Result<std::unique_ptr<AtomicFile>> CreateSinkFile(const OperatorContext& context, const std::string& path,
                                                   const std::string& run_id) {
  const bool is_staged = context.durable && ObjectStoreOf(path);
  return AtomicFile::Create(*context.env, path, run_id, is_staged ? HiddenFolder(context, path) : "");
}

Status RemoveLeftovers(Env& env, const std::string& folder, bool below, const std::string& run_id,
                       const std::vector<SinkFile>& kept) {
  if (ObjectStoreOf(folder) != nullptr) return Status::OK();  // uploads that were not completed are not there
  WEIR_ASSIGN_OR_RETURN(const FileInfo info, env.files().Stat(folder));
  if (info.kind != FileKind::kDirectory) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, env.files().List(folder));
  const std::string ending = ".weir-" + run_id + ".tmp";
  std::set<uint64_t> kept_inodes;  // a path may have been given in another way
  for (const SinkFile& file : kept) {
    WEIR_ASSIGN_OR_RETURN(const FileInfo aside, env.files().Stat(file.file.temporary_path));
    if (aside.kind != FileKind::kNone) kept_inodes.insert(aside.inode);
  }
  for (const DirectoryEntry& entry : entries) {
    const std::string path = JoinPath(folder, entry.name);
    if (entry.kind == FileKind::kDirectory) {
      if (below) WEIR_RETURN_NOT_OK(RemoveLeftovers(env, path, below, run_id, kept));
      continue;
    }
    if (!entry.name.starts_with('.') || !entry.name.ends_with(ending)) continue;
    WEIR_ASSIGN_OR_RETURN(const FileInfo aside, env.files().Stat(path));
    if (kept_inodes.count(aside.inode) > 0) continue;
    WEIR_RETURN_NOT_OK(env.files().Remove(path));
    KillPoint("files.recover.unlinked");
  }
  return Status::OK();
}

Status SyncFolders(Env& env, const std::set<std::string>& folders, const std::string& top) {
  if (folders.empty()) return Status::OK();
  if (ObjectStoreOf(top)) {
    for (const std::string& folder : folders) WEIR_RETURN_NOT_OK(env.files().SyncDirectory(folder));
    return Status::OK();
  }
  std::set<std::string> all = folders;
  all.insert(DirectoryName(top));  // the top folder may be new as well
  for (std::string folder : folders) {
    while (folder.size() > top.size() && folder != DirectoryName(folder)) all.insert(folder = DirectoryName(folder));
  }
  for (const std::string& folder : all) WEIR_RETURN_NOT_OK(env.files().SyncDirectory(folder));
  return Status::OK();
}

}  // namespace weir
