// Records gather in memory and go to the file in large pieces; a commit writes the rest and syncs. In the whole file:
// after an error of sync, or one that cannot be taken back, the log is broken for good. The kernel may have dropped
// what it could not write and call the next sync a success.
#include "log/chunk_log.h"

#include <algorithm>

#include "base/kill_point.h"
#include "env/system_error.h"
#include "log/crc32c.h"

namespace weir {
namespace {

constexpr size_t kWriteBytes = size_t{1} << 20;

/// Makes a folder and its parents, durably.
Status MakeFolder(FileSystem& files, const std::string& folder, bool sync) {
  std::vector<std::string> parents;  // of what is made
  for (std::string path = folder;;) {
    WEIR_ASSIGN_OR_RETURN(const FileInfo info, files.Stat(path));
    const std::string parent = DirectoryName(path);
    if (info.kind != FileKind::kNone || parent == path) break;
    parents.push_back(parent);
    path = parent;
  }
  WEIR_RETURN_NOT_OK(files.MakeDirectories(folder));
  if (sync) {
    for (const std::string& parent : parents) WEIR_RETURN_NOT_OK(files.SyncDirectory(parent));
  }
  return Status::OK();
}

/// A number that other logs are unlikely to have.
Result<uint32_t> NewLogId(FileSystem& files, const std::string& folder) {
  WEIR_ASSIGN_OR_RETURN(const FileInfo info, files.Stat(folder));
  const std::string seed = folder + " " + std::to_string(info.device) + " " + std::to_string(info.inode) + " " +
                           std::to_string(info.modified);
  return std::max<uint32_t>(Crc32c(seed), 1);
}

}  // namespace

Result<std::unique_ptr<ChunkLog>> ChunkLog::Open(FileSystem& files, std::string folder, ChunkLogOptions options) {
  std::unique_ptr<ChunkLog> log(new ChunkLog(files, std::move(folder), std::move(options)));
  WEIR_RETURN_NOT_OK(log->Recover());
  log->broken_ = Status::OK();
  log->RemoveTrimmed();
  return log;
}

ChunkLog::~ChunkLog() {
  // What is not committed goes. Only without durability is anything committed that is not in the file yet.
  if (!file_ || !broken_.ok() || !Abandon().ok()) return;
  (void)Flush();
}

Status ChunkLog::Recover() {
  const PlantedFaults& faults = options_.faults;
  WEIR_RETURN_NOT_OK(MakeFolder(files_, folder_, !faults.skip_directory_sync));
  WEIR_ASSIGN_OR_RETURN(const int64_t last_owner, LastOwner(files_, folder_));
  WEIR_ASSIGN_OR_RETURN(lease_, Lease::Take(files_, folder_, last_owner, options_.holder, faults.reuse_owner));
  // From here on no commit of an earlier owner is acknowledged any more, so what is there now is all there is.
  WEIR_ASSIGN_OR_RETURN(LogTail tail, FindTail(files_, folder_));
  segments_ = tail.segments;
  log_id_ = tail.log_id;
  if (log_id_ == 0) {
    WEIR_ASSIGN_OR_RETURN(log_id_, NewLogId(files_, folder_));
  }
  next_sequence_ = tail.next_sequence;
  synced_sequence_ = tail.synced_sequence;
  epoch_ = tail.epoch;
  commit_sequence_ = tail.commit_sequence;
  trim_below_ = committed_trim_below_ = tail.trim_below;
  recovered_payload_ = tail.payload;
  if (!segments_.empty()) WEIR_RETURN_NOT_OK(CutTail(tail));
  if (faults.skip_tail_trim && file_) {
    segment_bytes_.pop_back();
    committed_end_ = file_->size_bytes();
    committed_next_sequence_ = next_sequence_;
    return Status::OK();
  }
  if (!segments_.empty() && segments_.back().header.first_sequence == next_sequence_) {
    tail.superfluous.push_back(segments_.back().path);  // nothing is in it: the new one takes its place
    segments_.pop_back();
    segment_bytes_.pop_back();
  }
  for (size_t i = 0; i + 1 < segment_bytes_.size(); ++i) {
    WEIR_ASSIGN_OR_RETURN(const FileInfo info, files_.Stat(segments_[i].path));
    segment_bytes_[i] = info.size_bytes;
  }
  older_bytes_ = 0;
  for (const int64_t bytes : segment_bytes_) older_bytes_ += bytes;
  file_.reset();
  WEIR_RETURN_NOT_OK(BeginSegment());
  RemoveFiles(tail.superfluous);
  return Status::OK();
}

Status ChunkLog::CutTail(const LogTail& tail) {
  WEIR_ASSIGN_OR_RETURN(file_, files_.OpenAppend(segments_.back().path));
  segment_bytes_.assign(segments_.size(), 0);
  if (options_.faults.skip_tail_trim) return Status::OK();
  KillPoint("log.cut.before");
  if (file_->size_bytes() > tail.end_offset) WEIR_RETURN_NOT_OK(file_->Truncate(tail.end_offset));
  // Also where nothing was cut: the last commit may have been on its way to the medium when its process died, and from
  // now on it counts.
  if (options_.durability != Durability::kNone && !options_.faults.skip_sync) {
    WEIR_RETURN_NOT_OK(file_->Sync());
    synced_sequence_ = next_sequence_ - 1;
  }
  KillPoint("log.cut.after");
  segment_bytes_.back() = tail.end_offset;
  return Status::OK();
}

void ChunkLog::RemoveFiles(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) (void)files_.Remove(path);  // what stays is superfluous next time too
}

Status ChunkLog::BeginSegment() {
  const SegmentHeader header{log_id_, next_sequence_, lease_->owner(), options_.durability};
  const std::string path = JoinPath(folder_, SegmentName(header.first_sequence, header.owner));
  KillPoint("log.segment.create.before");
  auto create = [&]() -> Result<std::unique_ptr<AppendFile>> {
    WEIR_ASSIGN_OR_RETURN(auto file, files_.OpenAppend(path));
    // A first attempt may have left something.
    if (file->size_bytes() > 0) WEIR_RETURN_NOT_OK(file->Truncate(0));
    WEIR_RETURN_NOT_OK(file->Append(EncodeSegmentHeader(header)));
    return file;
  };
  Result<std::unique_ptr<AppendFile>> file = create();
  if (!file.ok()) {
    const Status removed = files_.Remove(path);
    return IsDiskFull(file.status()) && removed.ok() ? file.status() : Break(file.status());
  }
  if (options_.durability != Durability::kNone) {
    Status synced = options_.faults.skip_sync ? Status::OK() : (*file)->Sync();
    if (synced.ok() && !options_.faults.skip_directory_sync) synced = files_.SyncDirectory(folder_);
    if (!synced.ok()) return Break(synced);
  }
  KillPoint("log.segment.create.after");
  if (file_) {
    segment_bytes_.push_back(file_->size_bytes());
    older_bytes_ += file_->size_bytes();
  }
  file_ = std::move(*file);
  bytes_written_ += kSegmentHeaderBytes;
  segments_.push_back({path, header});
  committed_end_ = file_->size_bytes();
  committed_next_sequence_ = next_sequence_;
  return Status::OK();
}

/// Before the first record of an epoch: the place to begin a new segment.
Status ChunkLog::BeginEpoch() {
  if (!broken_.ok()) return broken_;
  if (LogicalEnd() > committed_end_ || committed_end_ < options_.segment_bytes) return Status::OK();
  WEIR_RETURN_NOT_OK(Flush());
  // What is in older segments is never in doubt: only the last one can have a torn end.
  if (options_.durability != Durability::kNone) WEIR_RETURN_NOT_OK(SyncFile());
  return BeginSegment();
}

RecordHeader ChunkLog::NextHeader(uint8_t kind, int64_t epoch) const {
  RecordHeader header;
  header.log_id = log_id_;
  header.sequence = next_sequence_;
  header.epoch = epoch;
  header.unsynced = static_cast<uint32_t>(std::min<int64_t>(next_sequence_ - synced_sequence_, UINT32_MAX));
  header.kind = kind;
  return header;
}

Result<ChunkLog::Place> ChunkLog::Append(uint8_t kind, std::string_view payload) {
  if (kind < kFirstUserKind)
    return Status::Invalid("kinds of records below ", int{kFirstUserKind}, " are the log's own");
  if (static_cast<int64_t>(payload.size()) > kMaxPayloadBytes) {
    return Status::CapacityError("a record of ", payload.size(), " bytes; a log takes at most ", kMaxPayloadBytes);
  }
  WEIR_RETURN_NOT_OK(BeginEpoch());
  Place place{{NextHeader(kind, epoch_ + 1), LogicalEnd()}, segments_.back().header.first_sequence};
  place.record.header.size = static_cast<uint32_t>(payload.size());
  place.record.header.payload_crc = Crc32c(payload);
  const size_t before = pending_.size();
  AppendRecord(place.record.header, payload, &pending_);
  ++next_sequence_;
  if (pending_.size() < kWriteBytes) return place;
  if (Status status = Flush(); !status.ok()) {
    pending_.resize(std::min(before, pending_.size()));
    --next_sequence_;
    return status;
  }
  return place;
}

Status ChunkLog::Commit(int64_t epoch, std::string_view payload) {
  if (epoch < epoch_) return Status::Invalid("epoch ", epoch, " is committed after epoch ", epoch_);
  WEIR_RETURN_NOT_OK(BeginEpoch());
  if (Status mine = lease_->Check(); !mine.ok()) return Break(mine);
  const size_t before = pending_.size();
  AppendRecord(NextHeader(kCommitKind, epoch), EncodeCommit(trim_below_, payload), &pending_);
  ++next_sequence_;
  const bool at_once = options_.durability != Durability::kNone && !options_.faults.acknowledge_before_commit;
  if (at_once || pending_.size() >= kWriteBytes) {
    if (Status status = Flush(); !status.ok()) {
      pending_.resize(std::min(before, pending_.size()));
      --next_sequence_;
      return status;
    }
  }
  if (options_.durability == Durability::kPower && at_once) WEIR_RETURN_NOT_OK(SyncFile());
  // Whoever took the log before this has read it after the sync, and so with this commit.
  if (Status mine = lease_->Check(); !mine.ok()) return Break(mine);
  committed_end_ = LogicalEnd();
  committed_next_sequence_ = next_sequence_;
  epoch_ = epoch;
  commit_sequence_ = next_sequence_ - 1;
  committed_trim_below_ = trim_below_;
  if (options_.durability == Durability::kPower && at_once) MarkSynced();
  RemoveTrimmed();
  return Status::OK();
}

/// A record, not synced itself, that says so to readers, and to whoever finds the commit damaged. The epoch is
/// committed without it.
void ChunkLog::MarkSynced() {
  KillPoint("log.mark.before");
  AppendRecord(NextHeader(kSyncedKind, epoch_), {}, &pending_);
  ++next_sequence_;
  if (Flush().ok()) {
    committed_end_ = LogicalEnd();
    committed_next_sequence_ = next_sequence_;
    return;
  }
  pending_.clear();
  --next_sequence_;
}

Status ChunkLog::Abandon() {
  if (!broken_.ok()) return broken_;
  const int64_t at = std::min(committed_end_, file_->size_bytes());
  pending_.resize(static_cast<size_t>(committed_end_ - at));
  next_sequence_ = committed_next_sequence_;
  if (file_->size_bytes() <= at) return Status::OK();
  Status cut = file_->Truncate(at);
  return cut.ok() ? cut : Break(cut);
}

void ChunkLog::TrimBelow(int64_t sequence) { trim_below_ = std::max(trim_below_, std::min(sequence, next_sequence_)); }

void ChunkLog::RemoveTrimmed() {
  while (segments_.size() > 1 && segments_[1].header.first_sequence <= committed_trim_below_) {
    KillPoint("log.trim.before");
    if (!files_.Remove(segments_.front().path).ok()) return;  // tried again after the next commit
    KillPoint("log.trim.after");
    older_bytes_ -= segment_bytes_.front();
    segments_.erase(segments_.begin());
    segment_bytes_.erase(segment_bytes_.begin());
  }
}

Status ChunkLog::Flush() {
  if (pending_.empty()) return Status::OK();
  KillPoint("log.append.before");
  const int64_t before = file_->size_bytes();
  if (Status written = file_->Append(pending_); !written.ok()) {
    const Status cut = file_->Truncate(before);
    return IsDiskFull(written) && cut.ok() ? written : Break(written);
  }
  KillPoint("log.append.after");
  bytes_written_ += static_cast<int64_t>(pending_.size());
  pending_.clear();
  return Status::OK();
}

Status ChunkLog::SyncFile() {
  if (options_.faults.skip_sync) return Status::OK();
  KillPoint("log.sync.before");
  if (Status synced = file_->Sync(); !synced.ok()) return Break(synced);
  KillPoint("log.sync.after");
  synced_sequence_ = next_sequence_ - 1;
  return Status::OK();
}

Status ChunkLog::Break(Status why) {
  broken_ = Status::IOError("the log '", folder_, "' takes nothing more after an error (", why.message(),
                            "): open it anew, which finds what is committed");
  return why;
}

}  // namespace weir
