// Walks the buffers of columns and of the times beside them.
#include "state/sort/held_bytes.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>

namespace weir {

void HeldBytes::Add(const arrow::Buffer* buffer) {
  if (buffer == nullptr) return;
  while (buffer->parent() != nullptr) buffer = buffer->parent().get();
  if (seen_.insert(buffer).second) bytes_ += buffer->capacity();
}

void HeldBytes::Add(const arrow::ArrayData& column) {
  for (const auto& buffer : column.buffers) Add(buffer.get());
  for (const auto& child : column.child_data) Add(*child);
  if (column.dictionary) Add(*column.dictionary);
}

void HeldBytes::Add(const Batch& batch) {
  for (int i = 0; i < batch.num_columns(); ++i) {
    if (!batch.is_pruned(i)) Add(*batch.column(i));
  }
  Add(batch.event_time().values().get());
  if (batch.has_weight()) Add(batch.weight().values().get());
  if (!batch.has_window()) return;
  Add(batch.window_start().values().get());
  Add(batch.window_end().values().get());
}

void HeldBytes::Clear() {
  seen_.clear();
  bytes_ = 0;
}

}  // namespace weir
