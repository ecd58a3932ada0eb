// FileSource: what every bounded file source shares. A list of files, read in order by all lanes of a task together.
//
// A format says how to open a file and how to cut it into pieces (row groups, blocks of lines). All lanes take pieces
// from the same file until it has none left, then go on to the next one: file order is kept as far as lanes keep it,
// and a single large file keeps every lane busy. Pieces are numbered in source order, so that a writer behind can
// restore that order.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "connectors/support/event_time.h"
#include "engine/operator.h"

namespace weir {

/// Small objects of a store are fetched while so many before them are read.
inline constexpr size_t kAnnouncedAhead = 16;

/// Some rows of a piece, and the records beside them that never became rows.
struct FileBatch {
  Batch batch;
  std::vector<RawError> errors;
};

/// Where the next piece of a file begins.
struct FilePlace {
  int64_t offset = 0;  // bytes after decompression, or a number of row groups
  int state = 0;       // of the format
};

/// One file in one lane: the parser and its scratch. Not thread-safe.
class FileLane {
 public:
  virtual ~FileLane() = default;
  /// Takes the file's next piece for this lane and gives its number, from 0 in file order; nullopt when none is left.
  virtual Result<std::optional<int64_t>> Take() = 0;
  /// The next rows of the piece taken last; nullopt at its end. `batch` may be empty.
  virtual Result<std::optional<FileBatch>> Next() = 0;
};

/// One file while lanes read it. Thread-safe; outlives its lanes.
class OpenedFile {
 public:
  virtual ~OpenedFile() = default;
  virtual Result<std::unique_ptr<FileLane>> OpenLane(const OperatorContext& lane) = 0;
  /// Stored bytes read so far, for progress.
  virtual int64_t bytes_done() const = 0;
  /// Of the first piece that no lane has taken.
  virtual FilePlace place() const = 0;
};

/// How files of one format are opened. Immutable.
class FileFormat {
 public:
  virtual ~FileFormat() = default;
  /// `from`: a place of an earlier reading of the same file, where to go on.
  virtual Result<std::shared_ptr<OpenedFile>> Open(Env& env, const std::string& path,
                                                   std::optional<FilePlace> from = std::nullopt) const = 0;
};

struct FileSourceOptions {
  std::vector<std::string> paths;  // in the order in which they are read
  int64_t limit = -1;              // rows that are needed; -1: all
  /// Column of the schema that holds the file's path; the format leaves it pruned. -1: there is none.
  int filename_column = -1;
  std::optional<EventTimePlan> event_time;  // nothing: rows get none
};

/// `batch` with `path` in column `column` of every row.
Result<Batch> WithFileName(const Batch& batch, int column, const std::string& path);

class FileSource final : public Source {
 public:
  FileSource(FileSourceOptions options, std::shared_ptr<const FileFormat> format);

  Status Open(OperatorContext& context) override;
  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override;
  Progress progress() const override;
  /// "orders.csv, 120 bytes, modified 2026-03-01T12:00:00Z"; of several files their number, sum, and the latest time.
  std::string version() const override;
  /// How many files are done, and where the next piece of the one at hand begins: lanes stop between pieces.
  Result<std::string> Position() override;
  /// Errors: Invalid where files that were read, or the one at hand, are not what they were.
  Status Restore(const std::string& position) override;

 private:
  class Reader;
  struct Slot {
    std::shared_ptr<OpenedFile> file;  // while somebody may still take from it
    bool exhausted = false;
    int64_t size_bytes = 0;
    EventTime modified_us = kMinEventTime;
    std::optional<FilePlace> from;  // restored
  };
  /// What names file `index` of which nothing may change once it was read.
  std::string Fingerprint(size_t index) const;

  /// The file of slot `index`, opened by whoever comes first; null when it has no piece left.
  Result<std::shared_ptr<OpenedFile>> FileAt(size_t index);
  void MarkExhausted(size_t index);
  bool LimitReached() const { return options_.limit >= 0 && rows_.load(std::memory_order_relaxed) >= options_.limit; }

  const FileSourceOptions options_;
  const std::shared_ptr<const FileFormat> format_;
  Env* env_ = nullptr;
  mutable std::mutex mutex_;
  std::vector<Slot> slots_;
  int64_t bytes_total_ = 0;
  EventTime modified_us_ = kMinEventTime;  // the latest
  std::atomic<int64_t> rows_{0};
  size_t done_ = 0;  // slots before this one are exhausted, and part of the hash
  uint64_t done_hash_ = 0;
};

/// Position of a piece in its whole source: files before pieces.
inline int64_t MorselNumber(size_t file_index, int64_t piece) { return static_cast<int64_t>(file_index) << 36 | piece; }

}  // namespace weir
