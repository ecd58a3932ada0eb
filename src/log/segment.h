// Segment: reads one file of a log, and says where it ends and whether what cannot be read was lost or is damaged.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "env/file_system.h"
#include "log/log_format.h"

namespace weir {

/// A record where it lies.
struct PlacedRecord {
  RecordHeader header;
  int64_t offset = 0;  // of its header in the file
  int64_t end_offset() const { return offset + header.record_bytes(); }
};

/// Used by one thread at a time. The file may grow meanwhile.
class Segment {
 public:
  /// Errors: IOError where the file cannot be read.
  static Result<std::unique_ptr<Segment>> Open(FileSystem& files, std::string path);

  const std::string& path() const { return path_; }
  /// Invalid: the file does not begin as a segment does; says why.
  const Result<SegmentHeader>& header() const { return header_; }
  Result<int64_t> size_bytes() const { return file_->GetSize(); }

  /// The header of the record at `offset`, if a valid one of this log with this number stands there.
  Result<std::optional<PlacedRecord>> ReadHeader(int64_t offset, int64_t sequence) const;
  /// The payload of a record. Nullopt: it is cut off, or its bytes are not those that were written.
  Result<std::optional<std::string>> ReadPayload(const PlacedRecord& record) const;
  /// The same, or an error that names file and offset.
  Result<std::string> MustReadPayload(const PlacedRecord& record) const;
  /// IOError "FILE is damaged at offset N: WHY", with what can be done.
  Status Damaged(int64_t offset, const std::string& why) const;

  /// How a walk over records ended.
  struct End {
    int64_t offset = 0;    // behind the last good record
    int64_t sequence = 0;  // that the next one has
    bool clean = true;     // nothing stands behind it, or the limit was reached
  };
  using Visit = std::function<Status(const PlacedRecord& record, const std::string& payload)>;
  /// Walks over all records below `limit_sequence`, payloads checked. Never an error for bytes that are no record.
  Result<End> Walk(int64_t limit_sequence, const Visit& visit) const;

  /// Whether a record behind `offset` proves that the record `sequence`, which should stand there, had been on the
  /// medium: then it is damaged, and was not merely lost on the way. `log_id`: of the log; nullopt: any.
  Result<bool> ProvesSynced(int64_t offset, int64_t sequence, std::optional<uint32_t> log_id) const;

 private:
  Segment(std::string path, std::shared_ptr<arrow::io::RandomAccessFile> file)
      : path_(std::move(path)), file_(std::move(file)) {}

  const std::string path_;
  const std::shared_ptr<arrow::io::RandomAccessFile> file_;
  Result<SegmentHeader> header_ = Status::Invalid("not read");
};

}  // namespace weir
