// Arrays from raw buffers that a parser filled: the one place that knows how Arrow's pool is asked.
#pragma once

#include <arrow/buffer.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "batch/batch.h"
#include "batch/types.h"

namespace weir {

/// `bytes` bytes plus room for whole-vector stores past the end.
Result<std::shared_ptr<arrow::ResizableBuffer>> AllocatePadded(int64_t bytes);

/// A validity bitmap of `length` rows with `nulls` (row numbers, any order, no row twice) cleared; null when there are
/// none.
Result<BufferPtr> ValidityFromNulls(int64_t length, const std::vector<uint32_t>& nulls);

/// An array of `type` (fixed width, or utf8/binary with offsets and bytes in `buffers`), nulls as above.
Result<ArrayDataPtr> MakeColumn(const TypePtr& type, int64_t length, std::vector<BufferPtr> buffers,
                                const std::vector<uint32_t>& nulls);

}  // namespace weir
