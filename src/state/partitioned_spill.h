// PartitionedSpill: rows on disk by partition of their key's hash, one SpillFile per partition.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "state/spill.h"

namespace weir {

/// A partition that is still too big is split again by other bits of the hash, this often at most.
inline constexpr int kMaxSpillDepth = 8;
inline constexpr int kSpillPartitions = 32;

/// The partition of a hash at a depth of splitting. Apart from the top bits, by which lanes were chosen.
inline uint8_t SpillPartition(uint64_t hash, int depth) {
  return static_cast<uint8_t>(hash >> (51 - 5 * depth)) & (kSpillPartitions - 1);
}

/// Not thread-safe. Append and Scatter, then Finish, then Next of any partition.
class PartitionedSpill {
 public:
  PartitionedSpill(std::string directory, SchemaPtr schema)
      : directory_(std::move(directory)), schema_(std::move(schema)), files_(kSpillPartitions) {}

  Status Append(int partition, const Batch& batch);
  /// Every row of `batch` to its partition.
  Status Scatter(const Batch& batch, const uint8_t* partition_of);
  /// No more rows.
  Status Finish();
  /// The next batch of `partition`; nullopt at its end, and then its file is gone.
  Result<std::optional<Batch>> Next(int partition);

  bool has(int partition) const { return files_[partition] != nullptr; }
  int64_t rows(int partition) const { return has(partition) ? files_[partition]->rows() : 0; }
  /// Bytes that wait in memory.
  int64_t buffered_bytes() const;
  /// Bytes on disk, since the beginning.
  int64_t file_bytes() const { return file_bytes_; }

 private:
  const std::string directory_;
  const SchemaPtr schema_;
  std::vector<std::unique_ptr<SpillFile>> files_;
  int64_t file_bytes_ = 0;
};

/// Row numbers ordered by partition (a stable counting sort): `rows` gets all of them, `starts` kSpillPartitions + 1
/// offsets.
void OrderByPartition(const uint8_t* partition_of, int64_t count, std::vector<int32_t>* rows,
                      std::vector<int32_t>* starts);

}  // namespace weir
