// Reading behind the writer: the last commit says how far, segments are walked one after the other.
#include "log/log_reader.h"

namespace weir {

Status LogReader::Look() {
  // A log that has not grown, and has no further segment, has no further commit.
  WEIR_ASSIGN_OR_RETURN(const FileInfo folder, files_.Stat(folder_));
  if (folder.kind == FileKind::kNone) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(const auto entries, files_.List(folder_));
  std::string last;
  for (const DirectoryEntry& entry : entries) {
    if (entry.name.ends_with(".log")) last = entry.name;
  }
  if (last.empty()) return Status::OK();
  last = JoinPath(folder_, last);
  WEIR_ASSIGN_OR_RETURN(const FileInfo info, files_.Stat(last));
  if (last == seen_path_ && info.size_bytes == seen_bytes_) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(tail_, FindTail(files_, folder_));
  seen_path_ = std::move(last);
  seen_bytes_ = info.size_bytes;
  return Status::OK();
}

Result<bool> LogReader::GoToSegment() {
  if (next_ == 0) next_ = tail_.trim_below;
  const SegmentFile* found = nullptr;
  for (const SegmentFile& segment : tail_.segments) {
    if (segment.header.first_sequence <= next_) found = &segment;
  }
  if (found == nullptr) {
    return Status::Invalid("the log in '", folder_, "' has no record ", next_,
                           " any more: what was kept has been trimmed");
  }
  if (segment_ != nullptr && segment_->path() == found->path) return true;
  WEIR_ASSIGN_OR_RETURN(segment_, Segment::Open(files_, found->path));
  WEIR_RETURN_NOT_OK(segment_->header().status());
  offset_ = kSegmentHeaderBytes;
  int64_t sequence = found->header.first_sequence;
  while (sequence < next_) {
    WEIR_ASSIGN_OR_RETURN(const auto record, segment_->ReadHeader(offset_, sequence));
    if (!record) return segment_->Damaged(offset_, "there is no record " + std::to_string(sequence));
    offset_ = record->end_offset();
    ++sequence;
  }
  return true;
}

Result<bool> LogReader::Next(LogRecord* out) {
  for (;;) {
    if (next_ == 0 || next_ > tail_.commit_sequence) WEIR_RETURN_NOT_OK(Look());
    if (tail_.commit_sequence == 0 || next_ > tail_.commit_sequence) return false;
    WEIR_RETURN_NOT_OK(GoToSegment().status());
    WEIR_ASSIGN_OR_RETURN(const auto record, segment_->ReadHeader(offset_, next_));
    if (!record) return segment_->Damaged(offset_, "there is no record " + std::to_string(next_));
    offset_ = record->end_offset();
    ++next_;
    if (record->header.kind < kFirstUserKind) continue;
    WEIR_ASSIGN_OR_RETURN(out->payload, segment_->MustReadPayload(*record));
    out->sequence = record->header.sequence;
    out->kind = record->header.kind;
    return true;
  }
}

}  // namespace weir
