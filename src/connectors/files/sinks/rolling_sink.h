// RollingSink: rows into files of a folder that are closed and shown one after the other, by size and by time.
//
//   part-20260301T120000Z-0-1.json     when it was begun, the lane that wrote it, its number in that lane
//
// Each lane writes its own files, aside. One that is full or old enough goes to a thread of the sink, which finishes,
// syncs and renames it, so that no lane waits for a disk.
//
// In a durable run a file that was closed appears when its epoch is committed. One that is still open then is named in
// the epoch's token with its length, where its format can go on; a later run cuts it to that length, ends it and shows
// it. Files of other formats (Parquet) end with each epoch.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/byte_size.h"
#include "base/duration.h"
#include "connectors/files/sinks/file_sink.h"
#include "plan/binding.h"

namespace weir {

/// `roll: {rows: 100000, bytes: 128MiB, every: 1m}`.
struct RollConfig {
  std::optional<int64_t> rows;
  ByteSize bytes;
  Duration every;
  static const FieldSet<RollConfig>& Fields();
};

/// The setting `roll` of a file sink.
FieldDoc RollDoc();

struct RollingSinkOptions {
  std::string folder;
  std::vector<int> partition_by;
  int64_t max_open_files = 100;  // of one lane; beyond it the one that was begun first is closed
  int64_t max_rows = INT64_MAX;
  int64_t max_bytes = INT64_MAX;  // as written to the file so far
  int64_t every_us = INT64_MAX;   // of processing time since the file was begun
  /// Files appear as they are closed, and stay whatever becomes of the run. If not, all appear on commit.
  bool show_at_once = true;
};

class RollingSink final : public Sink {
 public:
  RollingSink(RollingSinkOptions options, SchemaPtr schema, std::shared_ptr<const FileWriteFormat> format);
  ~RollingSink() override;

  Status Open(OperatorContext& context) override;
  Result<std::unique_ptr<SinkWriter>> OpenWriter(const OperatorContext& lane) override;
  Status Recover(int64_t epoch, const std::string& token) override;
  Result<std::string> Prepare(int64_t epoch) override;
  Status Commit(const std::string& token) override;
  Status Abort(int64_t epoch) override;

 private:
  class Writer;
  class Closer;
  struct OpenFile;

  const RollingSinkOptions options_;
  const Partitioning partitioning_;
  const std::shared_ptr<const FileWriteFormat> format_;
  const bool can_suspend_;  // a file stays open from epoch to epoch
  OperatorContext context_;
  std::string run_id_;
  Status FinishOpen(const SinkFile& file);

  std::unique_ptr<Closer> closer_;
  std::mutex mutex_;
  std::vector<SinkFile> open_;         // of the epoch that ends
  std::set<std::string> new_folders_;  // whose names of files are not durable yet
};

/// Fills in the sink of a binding: a FileSink; or a RollingSink where the input never ends and the path is a folder, or
/// where `roll` says so. `format` is used by either. False after errors.
bool BindFileSink(const FileSinkOptions& options, const std::optional<RollConfig>& roll,
                  std::shared_ptr<const FileWriteFormat> format, BindContext& context, StepBinding* binding);

}  // namespace weir
