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

/// Used by one thread at a time. Takes no lease: the log need not be there yet. Of a log with durability `power` it
/// gives what is known to be on the medium: nobody can act on what a loss of power takes back.
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
  Result<bool> Look();
  Result<bool> GoToSegment(const SegmentNameParts& name);
  Status Scan(int64_t limit_sequence);
  Status CheckEnd(int64_t offset, int64_t sequence, bool is_last);

  FileSystem& files_;
  const std::string folder_;
  int64_t next_;
  int64_t visible_ = 0;  // records up to here may be given
  std::unique_ptr<Segment> segment_;
  int64_t offset_ = 0;  // of record next_ in segment_
};

}  // namespace weir
