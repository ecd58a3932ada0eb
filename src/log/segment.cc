// Records are walked one after the other; behind a bad one, headers are looked for at every multiple of 8 bytes.
#include "log/segment.h"

#include <arrow/io/interfaces.h>

#include "log/crc32c.h"

namespace weir {
namespace {

constexpr int64_t kSearchBytes = int64_t{1} << 20;

/// Up to `nbytes` from `offset`; fewer at the end of the file.
Result<std::string> ReadAt(arrow::io::RandomAccessFile& file, int64_t offset, int64_t nbytes) {
  std::string bytes(static_cast<size_t>(nbytes), '\0');
  WEIR_ASSIGN_OR_RETURN(const int64_t read, file.ReadAt(offset, nbytes, bytes.data()));
  bytes.resize(static_cast<size_t>(read));
  return bytes;
}

}  // namespace

Result<std::unique_ptr<Segment>> Segment::Open(FileSystem& files, std::string path) {
  WEIR_ASSIGN_OR_RETURN(auto file, OpenRandomAccess(files, path));
  std::unique_ptr<Segment> segment(new Segment(std::move(path), std::move(file)));
  WEIR_ASSIGN_OR_RETURN(const std::string head, ReadAt(*segment->file_, 0, kSegmentHeaderBytes));
  segment->header_ = DecodeSegmentHeader(head);
  return segment;
}

Result<std::optional<PlacedRecord>> Segment::ReadHeader(int64_t offset, int64_t sequence) const {
  WEIR_ASSIGN_OR_RETURN(const std::string head, ReadAt(*file_, offset, kRecordHeaderBytes));
  const std::optional<RecordHeader> header = DecodeRecordHeader(head);
  if (!header || header->sequence != sequence || !header_.ok() || header->log_id != header_->log_id) {
    return std::nullopt;
  }
  return PlacedRecord{*header, offset};
}

Result<std::optional<std::string>> Segment::ReadPayload(const PlacedRecord& record) const {
  // The size is asked for first: a length that is cut off is not worth its memory.
  WEIR_ASSIGN_OR_RETURN(const int64_t size, size_bytes());
  if (record.end_offset() > size) return std::nullopt;
  WEIR_ASSIGN_OR_RETURN(std::string payload, ReadAt(*file_, record.offset + kRecordHeaderBytes, record.header.size));
  if (payload.size() != record.header.size || Crc32c(payload) != record.header.payload_crc) return std::nullopt;
  return payload;
}

Result<std::string> Segment::MustReadPayload(const PlacedRecord& record) const {
  WEIR_ASSIGN_OR_RETURN(std::optional<std::string> payload, ReadPayload(record));
  if (!payload) {
    return Damaged(record.offset, "the bytes of record " + std::to_string(record.header.sequence) +
                                      " are not those that were written");
  }
  return std::move(*payload);
}

Status Segment::Damaged(int64_t offset, const std::string& why) const {
  return Status::IOError(
      "'", path_, "' is damaged at offset ", offset, ": ", why,
      ". The medium or somebody else changed it; take a copy of the folder, then go on from a backup "
      "or begin anew (weir state reset)");
}

Result<Segment::End> Segment::Walk(int64_t limit_sequence, const Visit& visit) const {
  WEIR_RETURN_NOT_OK(header_.status());
  End end{kSegmentHeaderBytes, header_->first_sequence, true};
  while (end.sequence < limit_sequence) {
    WEIR_ASSIGN_OR_RETURN(const std::optional<PlacedRecord> record, ReadHeader(end.offset, end.sequence));
    std::optional<std::string> payload;
    if (record) {
      WEIR_ASSIGN_OR_RETURN(payload, ReadPayload(*record));
    }
    if (!payload) {
      WEIR_ASSIGN_OR_RETURN(const int64_t size, size_bytes());
      end.clean = size <= end.offset;
      return end;
    }
    WEIR_RETURN_NOT_OK(visit(*record, *payload));
    end.offset = record->end_offset();
    ++end.sequence;
  }
  return end;
}

Result<bool> Segment::ProvesSynced(int64_t offset, int64_t sequence, std::optional<uint32_t> log_id) const {
  for (int64_t at = offset;;) {
    WEIR_ASSIGN_OR_RETURN(const std::string bytes, ReadAt(*file_, at, kSearchBytes));
    const std::string_view view(bytes);
    for (size_t i = 0; i + kRecordHeaderBytes <= view.size(); i += 8) {
      const std::optional<RecordHeader> header = DecodeRecordHeader(view.substr(i));
      if (header && (!log_id || header->log_id == *log_id) && header->synced_sequence() >= sequence) return true;
    }
    if (static_cast<int64_t>(bytes.size()) < kSearchBytes) return false;
    at += kSearchBytes - kRecordHeaderBytes;  // a multiple of 8
  }
}

}  // namespace weir
