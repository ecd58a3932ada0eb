// A file appears when its partition gets its first row.
#include "state/partitioned_spill.h"

#include <utility>

#include "batch/gather.h"

namespace weir {

Status PartitionedSpill::Append(int partition, const Batch& batch) {
  if (batch.num_rows() == 0) return Status::OK();
  auto& file = files_[partition];
  if (file == nullptr) {
    WEIR_ASSIGN_OR_RETURN(file, SpillFile::Create(directory_, schema_));
  }
  return file->Append(batch);
}

Status PartitionedSpill::Scatter(const Batch& batch, const uint8_t* partition_of) {
  std::vector<int32_t> rows, starts;
  OrderByPartition(partition_of, batch.num_rows(), &rows, &starts);
  WEIR_ASSIGN_OR_RETURN(auto ordered, GatherBatch(batch, rows));
  for (int p = 0; p < kSpillPartitions; ++p) {
    WEIR_RETURN_NOT_OK(Append(p, ordered.Slice(starts[p], starts[p + 1] - starts[p])));
  }
  return Status::OK();
}

Status PartitionedSpill::Finish() {
  for (auto& file : files_) {
    if (file == nullptr) continue;
    WEIR_RETURN_NOT_OK(file->Rewind());
    file_bytes_ += file->file_bytes();
  }
  return Status::OK();
}

Result<std::optional<Batch>> PartitionedSpill::Next(int partition) {
  auto& file = files_[partition];
  if (file == nullptr) return std::nullopt;
  WEIR_ASSIGN_OR_RETURN(auto batch, file->Next());
  if (!batch) file.reset();
  return batch;
}

int64_t PartitionedSpill::buffered_bytes() const {
  int64_t bytes = 0;
  for (const auto& file : files_) {
    if (file != nullptr) bytes += file->buffered_bytes();
  }
  return bytes;
}

void OrderByPartition(const uint8_t* partition_of, int64_t count, std::vector<int32_t>* rows,
                      std::vector<int32_t>* starts) {
  starts->assign(kSpillPartitions + 1, 0);
  for (int64_t i = 0; i < count; ++i) ++(*starts)[partition_of[i] + 1];
  for (int p = 0; p < kSpillPartitions; ++p) (*starts)[p + 1] += (*starts)[p];
  std::vector<int32_t> next(starts->begin(), starts->end() - 1);
  rows->resize(count);
  for (int64_t i = 0; i < count; ++i) (*rows)[next[partition_of[i]]++] = static_cast<int32_t>(i);
}

}  // namespace weir
