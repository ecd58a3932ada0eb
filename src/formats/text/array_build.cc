// Allocation and assembly of columns.
#include "formats/text/array_build.h"

#include <arrow/array/data.h>
#include <arrow/type.h>

#include <cstring>

namespace weir {

Result<std::shared_ptr<arrow::ResizableBuffer>> AllocatePadded(int64_t bytes) {
  WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::ResizableBuffer> buffer, arrow::AllocateResizableBuffer(bytes + 64));
  WEIR_RETURN_NOT_OK(buffer->Resize(bytes, /*shrink_to_fit=*/false));
  return buffer;
}

Result<BufferPtr> ValidityFromNulls(int64_t length, const std::vector<uint32_t>& nulls) {
  if (nulls.empty()) return BufferPtr{};
  WEIR_ASSIGN_OR_RETURN(auto bitmap, AllocatePadded((length + 7) / 8));
  uint8_t* bits = bitmap->mutable_data();
  std::memset(bits, 0xFF, bitmap->size());
  for (const uint32_t row : nulls) bits[row / 8] &= static_cast<uint8_t>(~(1u << (row % 8)));
  return BufferPtr(std::move(bitmap));
}

Result<ArrayDataPtr> MakeColumn(const TypePtr& type, int64_t length, std::vector<BufferPtr> buffers,
                                const std::vector<uint32_t>& nulls) {
  WEIR_ASSIGN_OR_RETURN(auto validity, ValidityFromNulls(length, nulls));
  buffers.insert(buffers.begin(), std::move(validity));
  return arrow::ArrayData::Make(type, length, std::move(buffers), static_cast<int64_t>(nulls.size()));
}

}  // namespace weir
