// The commit token of a sink that writes files: which hidden file becomes which, and how far those are written that are
// still open.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "engine/operator.h"
#include "env/atomic_file.h"

namespace weir {

/// One file of an epoch.
struct SinkFile {
  static constexpr int64_t kClosed = -1;
  AtomicFileToken file;
  int64_t size_bytes = kClosed;  // of a file that is still open: so much of it is in the epoch
  std::string state;             // FileBody::Suspend
  std::string path;              // as the sink calls it
  bool is_open() const { return size_bytes != kClosed; }
};

std::string PackTokens(const std::vector<SinkFile>& files);
/// Errors: Invalid when `token` is none that PackTokens made.
Result<std::vector<SinkFile>> UnpackTokens(const std::string& token);

/// Shows the closed files of a token. `again`: some may have been shown by an earlier run, and taken away since then.
Status ShowFiles(Env& env, const std::vector<SinkFile>& files, bool again);

/// The part of hidden names that says whose they are: at random, but of a durable run the same at every start.
std::string RunId(const OperatorContext& context);

/// The file for `path`, under a hidden name until it is committed. In a durable run objects are written to a folder of
/// the run's state first: files there can be cut and gone on with.
Result<std::unique_ptr<AtomicFile>> CreateSinkFile(const OperatorContext& context, const std::string& path,
                                                   const std::string& run_id);
/// The folder that holds the hidden file.
std::string FolderOf(const AtomicFileToken& token);
/// Where hidden files of a sink that writes into `folder` are.
std::string HiddenFolder(const OperatorContext& context, const std::string& folder);

/// Removes the hidden files of `run_id` in `folder` and, with `below`, in its folders, but for those that `kept` names
/// as open. A folder that is not there has none.
Status RemoveLeftovers(Env& env, const std::string& folder, bool below, const std::string& run_id,
                       const std::vector<SinkFile>& kept);

/// Makes names of new files durable: syncs `folders` and those above them up to `top`.
Status SyncFolders(Env& env, const std::set<std::string>& folders, const std::string& top);

}  // namespace weir
