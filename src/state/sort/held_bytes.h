// HeldBytes: what batches that are kept really hold.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "batch/batch.h"

namespace weir {

/// Counts the buffers of batches, each once and with its capacity: slices share theirs, builders leave room at the end,
/// and all batches of a row group share a dictionary. For operators that keep many batches as they came.
class HeldBytes {
 public:
  /// `batch` is kept too; it has no selection (Batch::Compact).
  void Add(const Batch& batch);
  void Clear();
  int64_t bytes() const { return bytes_; }

 private:
  void Add(const arrow::ArrayData& column);
  void Add(const arrow::Buffer* buffer);

  std::unordered_set<const arrow::Buffer*> seen_;
  int64_t bytes_ = 0;
};

}  // namespace weir
