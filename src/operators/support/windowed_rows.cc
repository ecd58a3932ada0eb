// Writes windows on rows.
#include "operators/support/windowed_rows.h"

#include <arrow/buffer.h>

#include "batch/gather.h"

namespace weir {

Result<Batch> PutIntoWindows(Batch batch, const WindowingStrategy& windowing) {
  const int64_t rows = batch.num_rows();
  std::vector<int32_t> repeated;
  std::vector<int64_t> edges[2], times;
  std::vector<Window> windows;
  for (int64_t row = 0; row < rows; ++row) {
    windows.clear();
    AssignWindows(windowing, batch.event_time().at(row), &windows);
    for (const Window& window : windows) {
      repeated.push_back(static_cast<int32_t>(row));
      edges[0].push_back(window.start);
      edges[1].push_back(window.end);
      times.push_back(window.max_timestamp());
    }
  }
  if (static_cast<int64_t>(repeated.size()) != rows || windowing.kind == WindowKind::kSliding) {
    WEIR_ASSIGN_OR_RETURN(batch, GatherBatch(batch, repeated));
  }
  batch.set_window(Int64Column(arrow::Buffer::FromVector(std::move(edges[0]))),
                   Int64Column(arrow::Buffer::FromVector(std::move(edges[1]))));
  batch.set_event_time(Int64Column(arrow::Buffer::FromVector(std::move(times))));
  return batch;
}

}  // namespace weir
