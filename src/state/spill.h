// Spill files: batches on disk for as long as an operator needs them.
//
// One file per SpillFile, appended to in big pieces, read back by position. Its name is removed as soon as it is open,
// so nothing is left when the process dies. A file is a sequence of blocks, each
//   header (spill.cc: rows, pane, event time, window and weight where they are constant) ·
//   one byte per column, 0 = pruned ·
//   Arrow IPC record batch (lz4 where it saves a tenth) of the columns that are there, then of the times that vary
// and is only ever read by the process that wrote it.
#pragma once

#include <arrow/io/type_fwd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "batch/batch.h"

namespace weir {

class Env;
class WritableFile;

/// Where spilled state goes.
struct SpillSpace {
  Env* env = nullptr;
  std::string directory;
};

struct SpillBlock {
  int64_t offset = 0;
  int64_t bytes = 0;
  int64_t rows = 0;
};

/// Used by one thread at a time.
class SpillFile {
 public:
  static Result<std::unique_ptr<SpillFile>> Create(const SpillSpace& space);
  ~SpillFile();

  /// Dictionaries are decoded; pruned columns stay pruned. Errors: IOError (disk full).
  Result<SpillBlock> Append(const Batch& batch);
  Result<Batch> Read(const SchemaPtr& schema, const SpillBlock& block);
  int64_t size_bytes() const { return size_bytes_; }

 private:
  SpillFile(std::shared_ptr<WritableFile> out, std::shared_ptr<arrow::io::RandomAccessFile> in)
      : out_(std::move(out)), in_(std::move(in)) {}

  std::shared_ptr<WritableFile> out_;
  std::shared_ptr<arrow::io::RandomAccessFile> in_;
  int64_t size_bytes_ = 0;
  int64_t flushed_bytes_ = 0;
};

/// Batches by partition in one file. Small pieces are gathered until a block is worth writing. Used by one thread at a
/// time.
class PartitionedSpill {
 public:
  /// `buffer_bytes` is what all partitions together may hold back in memory.
  static Result<std::unique_ptr<PartitionedSpill>> Create(const SpillSpace& space, SchemaPtr schema, int partitions,
                                                          int64_t buffer_bytes);

  Status Append(int partition, const Batch& batch);
  /// Rows of `batch` each to its partition: `partition_of[i]` < partitions.
  Status Scatter(const Batch& batch, const uint8_t* partition_of);
  /// Writes out what is held back. After it, only reading.
  Status Flush();
  /// The next batch of `partition`, in the order of Append; nullopt at its end. Partitions are read independently.
  Result<std::optional<Batch>> Next(int partition);
  /// Reads `partition` from its first batch again.
  void Rewind(int partition) { partitions_[partition].next_block = 0; }

  int partitions() const { return static_cast<int>(partitions_.size()); }
  int64_t rows(int partition) const { return partitions_[partition].rows; }
  /// Bytes of its batches as they were in memory.
  int64_t memory_bytes(int partition) const { return partitions_[partition].memory_bytes; }
  /// Bytes written to disk.
  int64_t size_bytes() const { return file_->size_bytes(); }
  int64_t buffered_bytes() const { return buffered_bytes_; }

 private:
  struct Partition {
    std::vector<Batch> held;
    int64_t held_bytes = 0;
    std::vector<SpillBlock> blocks;
    size_t next_block = 0;
    int64_t rows = 0;
    int64_t memory_bytes = 0;
  };
  PartitionedSpill(std::unique_ptr<SpillFile> file, SchemaPtr schema, int partitions, int64_t buffer_bytes);
  Status Write(Partition* partition);

  std::unique_ptr<SpillFile> file_;
  SchemaPtr schema_;
  std::vector<Partition> partitions_;
  int64_t block_bytes_;
  int64_t buffered_bytes_ = 0;
};

/// Row numbers ordered by partition (stable counting sort): out_rows gets `rows` of them, out_starts partitions + 1
/// offsets.
void OrderByPartition(const uint8_t* partition_of, int64_t rows, int partitions, std::vector<int32_t>* out_rows,
                      std::vector<int32_t>* out_starts);

/// Which of 2^bits partitions a hash belongs to at a depth of repartitioning. Apart from the bits of the key group, by
/// which lanes were chosen.
inline int SpillPartition(uint64_t hash, int depth, int bits) {
  return static_cast<int>(hash >> (56 - bits * (depth + 1))) & ((1 << bits) - 1);
}
inline constexpr int kSpillBits = 5;  // 32 partitions
inline constexpr int kMaxSpillDepth = 8;

}  // namespace weir
