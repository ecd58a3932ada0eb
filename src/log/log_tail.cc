// Segments are put in order by first sequence and owner; then the last commit is looked for, from the end.
//
// Each opening for writing begins a segment with the next owner's number at the sequence where it found the end. So of
// two segments that claim the same records the one of the later owner counts, and of an earlier owner's segment only
// what lies before the next segment: what somebody wrote who had lost the log is not part of it.
#include "log/log_tail.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <tuple>

#include "log/segment.h"

namespace weir {
namespace {

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

struct Candidate {
  std::string path;
  SegmentNameParts name;
  std::unique_ptr<Segment> segment;
};

Result<std::vector<Candidate>> ListSegments(FileSystem& files, const std::string& folder) {
  std::vector<Candidate> found;
  WEIR_ASSIGN_OR_RETURN(const FileInfo info, files.Stat(folder));
  if (info.kind == FileKind::kNone) return found;
  if (info.kind != FileKind::kDirectory) return Status::IOError("'", folder, "' is not a folder");
  WEIR_ASSIGN_OR_RETURN(const auto entries, files.List(folder));
  for (const DirectoryEntry& entry : entries) {
    const std::optional<SegmentNameParts> name = ParseSegmentName(entry.name);
    if (name && entry.kind == FileKind::kFile) found.push_back({JoinPath(folder, entry.name), *name, nullptr});
  }
  std::sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
    return std::tie(a.name.first_sequence, a.name.owner) < std::tie(b.name.first_sequence, b.name.owner);
  });
  return found;
}

/// A file whose head cannot be read: it was being made when the process died, unless it holds records that had been
/// on the medium.
Status CheckUnborn(const Segment& segment, const SegmentNameParts& name) {
  WEIR_ASSIGN_OR_RETURN(const bool damaged, segment.ProvesSynced(8, name.first_sequence, std::nullopt));
  return damaged ? segment.Damaged(0, segment.header().status().message()) : Status::OK();
}

/// Leaves those segments that count, in order; the rest goes to tail->superfluous.
Result<std::vector<Candidate>> ChooseSegments(FileSystem& files, std::vector<Candidate> all, LogTail* tail) {
  std::vector<Candidate> chosen;
  for (Candidate& candidate : all) {
    tail->last_owner = std::max(tail->last_owner, candidate.name.owner);
    WEIR_ASSIGN_OR_RETURN(candidate.segment, Segment::Open(files, candidate.path));
    const Result<SegmentHeader>& header = candidate.segment->header();
    if (!header.ok()) {
      WEIR_RETURN_NOT_OK(CheckUnborn(*candidate.segment, candidate.name));
      tail->superfluous.push_back(candidate.path);
      continue;
    }
    if (header->first_sequence != candidate.name.first_sequence || header->owner != candidate.name.owner) {
      return candidate.segment->Damaged(16, "it is of owner " + std::to_string(header->owner) + " from record " +
                                                std::to_string(header->first_sequence) + ", other than its name says");
    }
    while (!chosen.empty() && chosen.back().name.first_sequence == candidate.name.first_sequence) {
      tail->superfluous.push_back(chosen.back().path);
      chosen.pop_back();
    }
    if (!chosen.empty() && candidate.name.owner < chosen.back().name.owner) {
      tail->superfluous.push_back(candidate.path);
      continue;
    }
    if (!chosen.empty() && header->log_id != chosen.back().segment->header()->log_id) {
      return candidate.segment->Damaged(12, "it belongs to another log than '" + chosen.back().path + "'");
    }
    chosen.push_back(std::move(candidate));
  }
  return chosen;
}

/// Looks for the last commit in one segment. False: there is none.
Result<bool> FindCommit(const Segment& segment, bool is_last, int64_t limit_sequence, LogTail* tail) {
  bool found = false;
  auto visit = [&](const PlacedRecord& record, const std::string& payload) -> Status {
    tail->synced_sequence = std::max(tail->synced_sequence, record.header.synced_sequence());
    const bool marks = record.header.kind == kSyncedKind && found && tail->next_sequence == record.header.sequence;
    if (record.header.kind != kCommitKind && !marks) return Status::OK();
    if (!marks) {
      const std::optional<CommitParts> parts = DecodeCommit(payload);
      if (!parts) return segment.Damaged(record.offset, "a commit record without its first 8 bytes");
      tail->commit_sequence = record.header.sequence;
      tail->epoch = record.header.epoch;
      tail->trim_below = parts->trim_below;
      tail->payload = parts->payload;
    }
    tail->end_offset = record.end_offset();
    tail->next_sequence = record.header.sequence + 1;
    found = true;
    return Status::OK();
  };
  WEIR_ASSIGN_OR_RETURN(const Segment::End end, segment.Walk(limit_sequence, visit));
  if (end.sequence >= limit_sequence) return found;
  if (!is_last) {
    return segment.Damaged(end.offset, "records " + std::to_string(end.sequence) + " to " +
                                           std::to_string(limit_sequence - 1) + " should stand there");
  }
  if (!end.clean) {
    WEIR_ASSIGN_OR_RETURN(const bool damaged, segment.ProvesSynced(end.offset, end.sequence, segment.header()->log_id));
    if (damaged) return segment.Damaged(end.offset, "record " + std::to_string(end.sequence) + " should stand there");
  }
  return found;
}

}  // namespace

Result<std::vector<SegmentNameParts>> CurrentSegments(FileSystem& files, const std::string& folder) {
  WEIR_ASSIGN_OR_RETURN(const auto all, ListSegments(files, folder));
  std::vector<SegmentNameParts> chosen;
  for (const Candidate& candidate : all) {
    while (!chosen.empty() && chosen.back().first_sequence == candidate.name.first_sequence) chosen.pop_back();
    if (chosen.empty() || candidate.name.owner >= chosen.back().owner) chosen.push_back(candidate.name);
  }
  return chosen;
}

Result<int64_t> LastOwner(FileSystem& files, const std::string& folder) {
  int64_t last = 0;
  WEIR_ASSIGN_OR_RETURN(const auto all, ListSegments(files, folder));
  for (const Candidate& candidate : all) last = std::max(last, candidate.name.owner);
  return last;
}

std::string EncodeCommit(int64_t trim_below, std::string_view payload) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &trim_below, 8);
  return bytes.append(payload);
}

std::optional<CommitParts> DecodeCommit(std::string_view bytes) {
  if (bytes.size() < 8) return std::nullopt;
  CommitParts parts;
  std::memcpy(&parts.trim_below, bytes.data(), 8);
  parts.payload = bytes.substr(8);
  if (parts.trim_below < 1) return std::nullopt;
  return parts;
}

Result<LogTail> FindTail(FileSystem& files, const std::string& folder) {
  LogTail tail;
  WEIR_ASSIGN_OR_RETURN(std::vector<Candidate> all, ListSegments(files, folder));
  WEIR_ASSIGN_OR_RETURN(std::vector<Candidate> chosen, ChooseSegments(files, std::move(all), &tail));
  if (chosen.empty()) return tail;
  tail.log_id = chosen.front().segment->header()->log_id;
  for (size_t i = chosen.size(); i-- > 0;) {
    const bool is_last = i + 1 == chosen.size();
    const int64_t limit = is_last ? kNoLimit : chosen[i + 1].name.first_sequence;
    WEIR_ASSIGN_OR_RETURN(const bool found, FindCommit(*chosen[i].segment, is_last, limit, &tail));
    if (found || i == 0) {
      chosen.erase(chosen.begin() + static_cast<ptrdiff_t>(i) + 1, chosen.end());
      break;
    }
    tail.superfluous.push_back(chosen[i].path);
  }
  // Files whose records are all trimmed may have stayed, and then others that were beside them may not have.
  while (chosen.size() > 1 && chosen[1].name.first_sequence <= tail.trim_below) {
    tail.superfluous.push_back(chosen.front().path);
    chosen.erase(chosen.begin());
  }
  const Segment& first = *chosen.front().segment;
  if (tail.commit_sequence == 0) {
    tail.end_offset = kSegmentHeaderBytes;
    tail.next_sequence = first.header()->first_sequence;
  }
  if (first.header()->first_sequence > tail.trim_below) {
    return Status::IOError("in '", folder, "' the segments with the records from ", tail.trim_below, " to ",
                           first.header()->first_sequence - 1, " are missing");
  }
  WEIR_ASSIGN_OR_RETURN(tail.file_bytes, chosen.back().segment->size_bytes());
  for (const Candidate& candidate : chosen) tail.segments.push_back({candidate.path, *candidate.segment->header()});
  return tail;
}

}  // namespace weir
