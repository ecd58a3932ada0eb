// One segment at a time. When everything that may be given has been, the heads of the records behind it say whether
// there is more: a record with the number of a later one that was synced, or a commit where nothing is synced.
#include "log/log_reader.h"

#include <limits>

namespace weir {
namespace {

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

}  // namespace

Result<bool> LogReader::GoToSegment(const SegmentNameParts& name) {
  const std::string path = JoinPath(folder_, SegmentName(name.first_sequence, name.owner));
  if (segment_ != nullptr && segment_->path() == path) return true;
  WEIR_ASSIGN_OR_RETURN(auto segment, Segment::Open(files_, path));
  if (!segment->header().ok()) return false;  // in the making
  segment_ = std::move(segment);
  offset_ = kSegmentHeaderBytes;
  for (int64_t sequence = name.first_sequence; sequence < next_; ++sequence) {
    WEIR_ASSIGN_OR_RETURN(const auto record, segment_->ReadHeader(offset_, sequence));
    if (!record) return segment_->Damaged(offset_, "record " + std::to_string(sequence) + " should stand there");
    offset_ = record->end_offset();
  }
  return true;
}

/// What stands where a record should, when none does: nothing yet, or damage.
Status LogReader::CheckEnd(int64_t offset, int64_t sequence, bool is_last) {
  const std::string why = "record " + std::to_string(sequence) + " should stand there";
  WEIR_ASSIGN_OR_RETURN(const int64_t size, segment_->size_bytes());
  if (is_last && size <= offset) return Status::OK();
  if (is_last) {
    WEIR_ASSIGN_OR_RETURN(const bool proven, segment_->ProvesSynced(offset, sequence, segment_->header()->log_id));
    if (!proven) return Status::OK();
  }
  // It may have been written while the rest was looked at.
  WEIR_ASSIGN_OR_RETURN(const auto now, segment_->ReadHeader(offset, sequence));
  return now ? Status::OK() : segment_->Damaged(offset, why);
}

/// Begins again each time: what is not committed may be taken back, and other records written in its place.
Status LogReader::Scan(int64_t limit_sequence) {
  const bool power = segment_->header()->durability == Durability::kPower;
  int64_t offset = offset_;
  for (int64_t sequence = next_; sequence < limit_sequence; ++sequence) {
    WEIR_ASSIGN_OR_RETURN(const auto record, segment_->ReadHeader(offset, sequence));
    if (!record) return CheckEnd(offset, sequence, limit_sequence == kNoLimit);
    if (power) visible_ = std::max(visible_, record->header.synced_sequence());
    if (!power && record->header.kind == kCommitKind) {
      WEIR_ASSIGN_OR_RETURN(const auto payload, segment_->ReadPayload(*record));
      if (!payload) return Status::OK();  // still being written
      visible_ = sequence;
    }
    offset = record->end_offset();
  }
  visible_ = limit_sequence - 1;  // a segment begins where an epoch does
  return Status::OK();
}

/// Whether there is a record that may be given, at offset_ of segment_.
Result<bool> LogReader::Look() {
  WEIR_ASSIGN_OR_RETURN(const auto segments, CurrentSegments(files_, folder_));
  if (segments.empty()) return false;
  if (next_ == 0) next_ = segments.front().first_sequence;
  size_t at = segments.size();
  while (at > 0 && segments[at - 1].first_sequence > next_) --at;
  if (at == 0) {
    return Status::Invalid("the log in '", folder_, "' has no record ", next_,
                           " any more: what was kept has been trimmed");
  }
  WEIR_ASSIGN_OR_RETURN(const bool is_there, GoToSegment(segments[at - 1]));
  if (!is_there) return false;
  WEIR_RETURN_NOT_OK(Scan(at < segments.size() ? segments[at].first_sequence : kNoLimit));
  return next_ <= visible_;
}

Result<bool> LogReader::Next(LogRecord* out) {
  for (;;) {
    if (next_ == 0 || next_ > visible_) {
      WEIR_ASSIGN_OR_RETURN(const bool more, Look());
      if (!more) return false;
    }
    WEIR_ASSIGN_OR_RETURN(const auto record, segment_->ReadHeader(offset_, next_));
    if (!record) return segment_->Damaged(offset_, "record " + std::to_string(next_) + " should stand there");
    const bool given = record->header.kind >= kFirstUserKind;
    if (given) {
      WEIR_ASSIGN_OR_RETURN(out->payload, segment_->MustReadPayload(*record));
      out->sequence = record->header.sequence;
      out->kind = record->header.kind;
    }
    offset_ = record->end_offset();
    ++next_;
    if (given) return true;
  }
}

}  // namespace weir
