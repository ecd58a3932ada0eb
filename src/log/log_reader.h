// LogReader: follows a chunk log that another thread or process writes, and gives what has been committed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "env/file_system.h"
#include "log/log_tail.h"
#include "log/segment.h"

namespace weir {

struct LogRecord {
  int64_t sequence = 0;
  uint8_t kind = 0;  // kFirstUserKind and above
  std::string payload;
};

/// Used by one thread at a time. Takes no lease: the log need not be there yet.
class LogReader {
 public:
  /// Gives records from `sequence` on; 0: from the oldest that there is.
  LogReader(FileSystem& files, std::string folder, int64_t sequence)
      : files_(files), folder_(std::move(folder)), next_(sequence) {}

  /// The next committed record of the log's user; false: there is none yet. Errors: IOError for damage, with file and
  /// offset; Invalid where the record has been trimmed away.
  Result<bool> Next(LogRecord* record);
  /// Of the record that Next gives then, or of one before it that it passes over.
  int64_t next_sequence() const { return next_; }

 private:
  /// Looks how far the log is committed.
  Status Look();
  Result<bool> GoToSegment();

  FileSystem& files_;
  const std::string folder_;
  int64_t next_;
  LogTail tail_;
  int64_t seen_bytes_ = -1;  // of the last segment when it was looked at
  std::string seen_path_;
  std::unique_ptr<Segment> segment_;
  int64_t offset_ = 0;  // of record next_ in segment_
};

}  // namespace weir
