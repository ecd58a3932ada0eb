// Spill files: batches that did not fit into memory, written once in order and read back once in order.
//
// A file has no name: it is unlinked as soon as it is open, so nothing is left however the process ends. Format: Arrow
// IPC stream with LZ4, one per file; columns of the schema (pruned ones as nulls), then those of event time, window and
// weight that are not one constant for the whole file.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "batch/batch.h"

namespace weir {

/// Not thread-safe. Append until Rewind; then Next until it gives nothing.
class SpillFile {
 public:
  /// Makes a file in `dir`. Errors: IOError with the path. `dir` must exist.
  static Result<std::unique_ptr<SpillFile>> Create(const std::string& dir, SchemaPtr schema);
  ~SpillFile();

  /// Small batches are gathered until there is enough for one write.
  Status Append(const Batch& batch);
  /// Ends writing. After it Next() starts at the first row; may be called again to read once more.
  Status Rewind();
  Result<std::optional<Batch>> Next();

  int64_t rows() const { return rows_; }
  /// Written so far, compressed.
  int64_t file_bytes() const { return file_bytes_; }
  /// Of batches that wait to be written.
  int64_t buffered_bytes() const { return buffered_bytes_; }
  const SchemaPtr& schema() const { return schema_; }

 private:
  struct Io;
  SpillFile(SchemaPtr schema, std::unique_ptr<Io> io);
  Status Flush();

  const SchemaPtr schema_;
  std::unique_ptr<Io> io_;
  std::vector<Batch> buffered_;
  int64_t buffered_bytes_ = 0;
  int64_t rows_ = 0;
  int64_t file_bytes_ = 0;
};

}  // namespace weir
