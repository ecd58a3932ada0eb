// Mistakes that are planted must be caught: a test that finds nothing wrong in them proves nothing. And two owners of
// one log, of which the first does not know that it has lost it.
#include "crash/workload.h"
#include "log/chunk_log.h"

namespace weir {
namespace {

constexpr int64_t kOperations = 300;

Status Disown(const PlantedFaults& faults, bool later_owner_commits) {
  SimulatedFileSystem files;
  files.IgnoreLocks();
  ChunkLogOptions options;
  options.faults = faults;
  options.holder = "the second";
  WEIR_ASSIGN_OR_RETURN(auto first, ChunkLog::Open(files, kFolder, options));
  WEIR_RETURN_NOT_OK(first->Commit(1, "first 1"));
  WEIR_ASSIGN_OR_RETURN(auto second, ChunkLog::Open(files, kFolder, options));
  if (later_owner_commits) WEIR_RETURN_NOT_OK(second->Commit(2, "second 2"));
  const Status late = first->Commit(2, "first 2");
  if (late.ok()) return Status::Invalid("a commit of an owner that has lost the log is acknowledged");
  if (late.message().find("has been taken by owner 2 (the second)") == std::string::npos) return late;
  if (first->Commit(3, "first 3").ok()) return Status::Invalid("and the next one too");
  if (!later_owner_commits) WEIR_RETURN_NOT_OK(second->Commit(2, "second 2"));
  WEIR_RETURN_NOT_OK(second->Commit(3, "second 3"));
  WEIR_ASSIGN_OR_RETURN(const LogTail tail, FindTail(files, kFolder));
  return tail.payload == "second 3" ? Status::OK() : Status::Invalid("the log ends with \"", tail.payload, "\"");
}

/// What a late owner has written, checked or not, is no part of the log.
Status IgnoreLateWrites() {
  SimulatedFileSystem files;
  files.IgnoreLocks();
  WEIR_ASSIGN_OR_RETURN(auto first, ChunkLog::Open(files, kFolder, {}));
  WEIR_RETURN_NOT_OK(first->Commit(1, "first 1"));
  WEIR_ASSIGN_OR_RETURN(auto second, ChunkLog::Open(files, kFolder, {}));
  // More than gathers in memory: it goes to the file before any commit.
  WEIR_RETURN_NOT_OK(first->Append(kFirstUserKind, std::string(2 << 20, 'x')).status());
  WEIR_ASSIGN_OR_RETURN(LogTail tail, FindTail(files, kFolder));
  if (tail.payload != "first 1" || tail.epoch != 1) return Status::Invalid("a late append counts");
  WEIR_RETURN_NOT_OK(second->Commit(2, "second 2"));
  WEIR_ASSIGN_OR_RETURN(tail, FindTail(files, kFolder));
  return tail.payload == "second 2" ? Status::OK() : Status::Invalid("a late append hides a commit");
}

}  // namespace

Findings TwoOwners(const PlantedFaults& faults) {
  Findings findings;
  for (const bool commits : {true, false}) {
    findings.Case();
    const Status status = Disown(faults, commits);
    if (!status.ok()) findings.Wrong(status.message());
  }
  findings.Case();
  const Status status = IgnoreLateWrites();
  if (!status.ok()) findings.Wrong(status.message());
  return findings;
}

Findings PlantedFaultsAreCaught(uint64_t seed) {
  Findings findings;
  const auto expect = [&](const char* name, const Findings& found) {
    findings.Case();
    if (found.wrong() == 0) findings.Wrong(std::string(name) + " is not caught");
  };
  PlantedFaults faults;
  faults.skip_sync = true;
  expect("a sync that is left out", CrashAfterEveryOperation(seed, kOperations, faults));
  faults = {};
  faults.acknowledge_before_commit = true;
  expect("an acknowledgement before the commit", CrashAfterEveryOperation(seed, kOperations, faults));
  faults = {};
  faults.skip_directory_sync = true;
  expect("a sync of the folder that is left out", CrashAfterEveryOperation(seed, kOperations, faults));
  faults = {};
  faults.skip_tail_trim = true;
  expect("a torn end that is not cut off", CrashAfterEveryOperation(seed, kOperations, faults));
  faults = {};
  faults.reuse_owner = true;
  expect("an owner's number that is used again", TwoOwners(faults));
  return findings;
}

}  // namespace weir
