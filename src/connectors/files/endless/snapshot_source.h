// SnapshotSource: reads its files again and again, and gives what has changed since the last time. Never ends by
// itself.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connectors/files/file_source.h"
#include "connectors/support/event_time.h"

namespace weir {

struct SnapshotSourceOptions {
  std::string path;  // a file, folder or glob, as in env/glob.h
  std::vector<std::string> extensions;
  int64_t every_us = 60'000'000;  // from the beginning of one reading to that of the next
  std::vector<int> columns;       // that are read: rows that differ elsewhere are the same
  SchemaPtr schema;
  EventTimePlan event_time;
  int filename_column = -1;  // as in FileSourceOptions
};

/// One lane. A reading is all files whole, as one multiset of rows; what is in it more often than in the last one comes
/// with a positive weight, what is in it less often with a negative one. A reading in which a file could not be read
/// counts for nothing: an error row says so, and the next one follows in its time. Files that are as they were are not
/// read.
///
/// State: each different row of the last reading, once, in memory.
class SnapshotSource final : public Source {
 public:
  SnapshotSource(SnapshotSourceOptions options, std::shared_ptr<const FileFormat> format)
      : options_(std::move(options)), format_(std::move(format)) {}

  Status Open(OperatorContext& context) override;
  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override;
  /// The number of the last reading that was given, whose rows are in a file of the state folder.
  Result<std::string> Position() override;
  Status Restore(const std::string& position) override;
  /// Removes the files of readings before it.
  Status Committed(const std::string& position) override;

 private:
  class Reader;
  std::string FileOf(int64_t reading) const;
  const SnapshotSourceOptions options_;
  const std::shared_ptr<const FileFormat> format_;
  Env* env_ = nullptr;
  std::string files_;         // of readings: their path without the number; empty: nothing is kept
  std::string position_;      // restored, or where the reader has ended
  Reader* reader_ = nullptr;  // the only one, while it is
  int64_t oldest_ = 0;        // reading whose file is there; of the committing thread
};

}  // namespace weir
