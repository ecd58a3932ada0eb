// ChunkLog: a durable log of records in a folder, written by one owner and committed epoch by epoch.
//
// Append puts records at the end; Commit makes all since the last commit count, at once: when it returns OK they
// survive what the log's durability promises. What was appended and not committed is gone after a crash, whole.
// The bytes: log/log_format.h and docs/specs/log.md. Who may write: log/lease.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "env/file_system.h"
#include "log/lease.h"
#include "log/log_tail.h"
#include "log/segment.h"

namespace weir {

/// Mistakes that the tests of crashes plant, to see that they would be caught.
struct PlantedFaults {
  bool skip_sync = false;
  bool acknowledge_before_commit = false;
  bool reuse_owner = false;
  bool skip_directory_sync = false;
  bool skip_tail_trim = false;
};

struct ChunkLogOptions {
  Durability durability = Durability::kPower;
  /// Beyond this the next epoch begins a new segment: the unit in which room comes back.
  int64_t segment_bytes = int64_t{64} << 20;
  int64_t max_bytes = 0;  // of all segments: beyond it the log is full(); 0: no limit
  std::string holder;     // who writes, for messages: "pid 4711"
  PlantedFaults faults;
};

/// Used by one thread at a time.
///
/// Errors: where the disk is full (IsDiskFull) nothing has happened, and the same call may be made again when there is
/// room. After any other error nothing more is written: what the medium holds is unknown until the log is opened anew.
class ChunkLog {
 public:
  /// Makes the folder where it is missing, takes the lease, and cuts off what was not committed, before anything else
  /// is written. Errors: IOError where another process has the log, for damage in what was committed (with file and
  /// offset), and what the file system says.
  static Result<std::unique_ptr<ChunkLog>> Open(FileSystem& files, std::string folder, ChunkLogOptions options);
  ~ChunkLog();

  /// Where a record was put.
  struct Place {
    PlacedRecord record;
    int64_t segment = 0;  // the first sequence of its segment
  };
  /// `kind` from kFirstUserKind on; at most kMaxPayloadBytes.
  Result<Place> Append(uint8_t kind, std::string_view payload);
  /// `epoch` is that of the last commit, which it amends, or larger.
  Status Commit(int64_t epoch, std::string_view payload);
  /// Takes back what was appended since the last commit.
  Status Abandon();
  /// Records below `sequence` are not needed any more. From the next commit on it is so for ever, and then files go.
  void TrimBelow(int64_t sequence);
  /// No more should be appended until something is trimmed. A wish: nothing is refused.
  bool full() const { return options_.max_bytes > 0 && bytes_on_disk() >= options_.max_bytes; }

  const std::string& folder() const { return folder_; }
  int64_t owner() const { return lease_->owner(); }
  /// Of the last commit; 0: there is none.
  int64_t epoch() const { return epoch_; }
  /// Its record; 0: there is none.
  int64_t commit_sequence() const { return commit_sequence_; }
  /// Of the commit that was found when the log was opened.
  const std::string& recovered_payload() const { return recovered_payload_; }
  int64_t next_sequence() const { return next_sequence_; }
  int64_t trim_below() const { return committed_trim_below_; }
  /// In the order of their records; the last one is written to.
  const std::vector<SegmentFile>& segments() const { return segments_; }
  int64_t bytes_on_disk() const { return older_bytes_ + LogicalEnd(); }
  /// Bytes that were given to files since Open, heads and commits too.
  int64_t bytes_written() const { return bytes_written_; }

 private:
  ChunkLog(FileSystem& files, std::string folder, ChunkLogOptions options)
      : files_(files), folder_(std::move(folder)), options_(std::move(options)) {}
  Status Recover();
  Status CutTail(const LogTail& tail);
  void RemoveFiles(const std::vector<std::string>& paths);
  Status BeginSegment();
  Status BeginEpoch();
  RecordHeader NextHeader(uint8_t kind, int64_t epoch) const;
  Status Flush();
  Status SyncFile();
  void MarkSynced();
  void RemoveTrimmed();
  Status Break(Status why);
  int64_t LogicalEnd() const { return file_->size_bytes() + static_cast<int64_t>(pending_.size()); }

  FileSystem& files_;
  const std::string folder_;
  const ChunkLogOptions options_;
  std::unique_ptr<Lease> lease_;
  std::vector<SegmentFile> segments_;
  std::vector<int64_t> segment_bytes_;  // of all segments but the last
  std::unique_ptr<AppendFile> file_;    // the last segment
  uint32_t log_id_ = 0;
  std::string pending_;        // records that are not in the file yet
  int64_t committed_end_ = 0;  // in the last segment, pending_ counted
  int64_t next_sequence_ = 1;
  int64_t committed_next_sequence_ = 1;
  int64_t synced_sequence_ = 0;
  int64_t epoch_ = 0;
  int64_t commit_sequence_ = 0;
  int64_t trim_below_ = 1;
  int64_t committed_trim_below_ = 1;
  int64_t older_bytes_ = 0;
  int64_t bytes_written_ = 0;
  std::string recovered_payload_;
  Status broken_ = Status::Invalid("the log is not open yet");  // not OK: why nothing more is written
};

}  // namespace weir
