// FileSink: what every file sink shares. Files are written aside by all lanes together and appear, all of them, on
// commit.
//
// `path` is one file, or a folder: when it ends in '/', is a folder already, or the rows are spread over shards or
// partitions. A folder gets part-00000-of-00004.EXT, below key=value folders when partitioned. `-` is standard output,
// which cannot take anything back.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "connectors/files/sinks/partitions.h"
#include "engine/operator.h"
#include "env/atomic_file.h"

namespace weir {

/// The rows of one file, from several lanes. Thread-safe.
class FileBody {
 public:
  virtual ~FileBody() = default;
  /// Rows from one lane. Heavy work is done here, in the calling lane, without holding a lock.
  virtual Status Write(Batch batch) = 0;
  /// All lanes have finished: writes what is left and the end of the file. Called once; does not close the stream.
  virtual Status Finish() = 0;
  /// Enough rows wait here for those of other lanes that come before them.
  virtual bool full() const { return false; }
};

/// How files of one format are written. Immutable.
class FileWriteFormat {
 public:
  virtual ~FileWriteFormat() = default;
  /// `context` is that of the sink (lanes, memory); `morsels`, when set, gives the order to write in (ordered_gate.h).
  virtual Result<std::unique_ptr<FileBody>> Begin(std::shared_ptr<arrow::io::OutputStream> out, const SchemaPtr& schema,
                                                  const OperatorContext& context,
                                                  std::shared_ptr<MorselTracker> morsels) const = 0;
  /// "parquet", "csv.gz" …: of files in folders.
  virtual std::string extension() const = 0;
};

struct FileSinkOptions {
  std::string path;
  int num_shards = 0;             // 0: one file, or as the path says
  std::vector<int> partition_by;  // columns whose values become key=value folders and leave the rows
  int64_t max_open_files = 1000;  // of partitions: each holds buffers until the end
};

class FileSink final : public Sink {
 public:
  FileSink(FileSinkOptions options, SchemaPtr schema, std::shared_ptr<const FileWriteFormat> format);
  ~FileSink() override;

  Status Open(OperatorContext& context) override;
  Result<std::unique_ptr<SinkWriter>> OpenWriter(const OperatorContext& lane) override;
  Result<std::string> Prepare(int64_t epoch) override;
  Status Commit(const std::string& token) override;
  Status Abort(int64_t epoch) override;

 private:
  class Writer;
  struct OpenFile {
    std::unique_ptr<AtomicFile> file;  // null: standard output
    std::shared_ptr<arrow::io::OutputStream> stream;
    std::unique_ptr<FileBody> body;
  };

  /// The body of shard `shard` of partition `partition` ("" or "day=2026-03-01/"), made when it is first asked for.
  Result<FileBody*> Body(const std::string& partition, int shard);
  Result<std::unique_ptr<OpenFile>> Create(const std::string& path);
  std::string PathOf(const std::string& partition, int shard) const;

  const FileSinkOptions options_;
  const Partitioning partitioning_;
  const std::shared_ptr<const FileWriteFormat> format_;
  OperatorContext context_;
  std::string run_id_;
  bool is_folder_ = false;
  bool made_folder_ = false;
  int shards_ = 1;
  std::shared_ptr<MorselTracker> morsels_;  // of the writers' task; set by the first writer
  std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::unique_ptr<OpenFile>> files_;
};

}  // namespace weir
