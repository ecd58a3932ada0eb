// FindTail: which files of a folder are a log, and where what was committed ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "env/file_system.h"
#include "log/log_format.h"

namespace weir {

struct SegmentFile {
  std::string path;
  SegmentHeader header;
};

struct LogTail {
  std::vector<SegmentFile> segments;     // in the order of their records; the last one holds the last commit
  std::vector<std::string> superfluous;  // paths: nothing committed is in them
  uint32_t log_id = 0;                   // 0: there is no segment
  int64_t last_owner = 0;                // of all files; 0: none
  int64_t end_offset = 0;                // of what is committed, in the last segment
  int64_t file_bytes = 0;                // of the last segment: more than end_offset is to be cut off
  int64_t next_sequence = 1;
  int64_t synced_sequence = 0;  // records up to here are known to be on the medium
  int64_t commit_sequence = 0;  // 0: no commit
  int64_t epoch = 0;            // of the last commit
  int64_t trim_below = 1;       // as of the last commit: records below may be gone
  std::string payload;          // of the last commit
};

/// Reads what is needed of the last segments. A folder that does not exist is an empty log. Never writes.
/// Errors: IOError for damage in what had been on the medium, with file and offset, and for files that are missing.
Result<LogTail> FindTail(FileSystem& files, const std::string& folder);

/// Of the segments in a folder those that count, in order, by their names alone: the last one may still be in the
/// making. Empty where there is no folder.
Result<std::vector<SegmentNameParts>> CurrentSegments(FileSystem& files, const std::string& folder);

/// The largest owner in names of segments; 0: none.
Result<int64_t> LastOwner(FileSystem& files, const std::string& folder);

/// The payload of a commit record: trim_below:u64, then what the log's user gave.
std::string EncodeCommit(int64_t trim_below, std::string_view payload);
struct CommitParts {
  int64_t trim_below = 1;
  std::string_view payload;  // into the bytes that were decoded
};
/// Nullopt: no payload of a commit.
std::optional<CommitParts> DecodeCommit(std::string_view bytes);

}  // namespace weir
