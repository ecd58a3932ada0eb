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
#include <set>
#include <string>
#include <vector>

#include "connectors/files/sinks/commit_token.h"
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
  /// Puts all rows so far into the stream, in such a way that another body can go on from the stream's length: with
  /// Begin, which is given what this returns. Called while nobody writes; then the rows go on. Only where
  /// FileWriteFormat::can_suspend().
  virtual Result<std::string> Suspend() { return Status::Invalid("files of this format cannot be gone on with"); }
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
  /// `suspended`: what Suspend returned, of the body that wrote what is there; empty for a new file.
  virtual Result<std::unique_ptr<FileBody>> Begin(std::shared_ptr<arrow::io::OutputStream> out, const SchemaPtr& schema,
                                                  const OperatorContext& context,
                                                  std::shared_ptr<MorselTracker> morsels,
                                                  const std::string& suspended) const = 0;
  virtual bool can_suspend() const { return false; }
  /// "parquet", "csv.gz" …: of files in folders.
  virtual std::string extension() const = 0;
};

struct FileSinkOptions {
  std::string path;
  int num_shards = 0;             // 0: one file, or as the path says
  std::vector<int> partition_by;  // columns whose values become key=value folders and leave the rows
  int64_t max_open_files = 1000;  // of partitions: each holds buffers until the end
};

/// In a durable run a file of a format that can be suspended stays aside from epoch to epoch: each epoch's token says
/// how long it is. A later run cuts it to that length and goes on. It appears when all writers have finished.

class FileSink final : public Sink {
 public:
  FileSink(FileSinkOptions options, SchemaPtr schema, std::shared_ptr<const FileWriteFormat> format);
  ~FileSink() override;

  Status Open(OperatorContext& context) override;
  Result<std::unique_ptr<SinkWriter>> OpenWriter(const OperatorContext& lane) override;
  Status Recover(int64_t epoch, const std::string& token) override;
  Result<std::string> Prepare(int64_t epoch) override;
  Status Commit(const std::string& token) override;
  Status Abort(int64_t epoch) override;

 private:
  class Writer;
  struct OpenFile {
    std::unique_ptr<AtomicFile> file;  // null: standard output
    std::shared_ptr<arrow::io::OutputStream> stream;
    std::unique_ptr<FileBody> body;
    bool leave = false;         // what is aside belongs to an epoch
    int64_t synced_bytes = -1;  // of the stream
    ~OpenFile();
  };

  /// The body of shard `shard` of partition `partition` ("" or "day=2026-03-01/"), made when it is first asked for.
  Result<FileBody*> Body(const std::string& partition, int shard);
  Result<std::unique_ptr<OpenFile>> Create(const std::string& path);
  Status GoOn(const SinkFile& file);
  Status PrepareOpen(const std::string& path, OpenFile* open, std::vector<SinkFile>* files);
  Status PrepareClosed(const std::string& path, OpenFile* open, std::vector<SinkFile>* files);
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
  std::map<std::string, std::unique_ptr<OpenFile>> files_;  // by path
  std::vector<SinkFile> recovered_;                         // open, of an earlier run
  std::set<std::string> new_folders_;                       // whose names of files are not durable yet
  int writers_ = 0, finished_ = 0;
};

}  // namespace weir
