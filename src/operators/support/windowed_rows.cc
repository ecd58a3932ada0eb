// Writes windows on rows.
#include "operators/support/windowed_rows.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <optional>

#include "batch/gather.h"

namespace weir {

namespace {

/// The window that holds all rows; rows in order of time mostly share one.
std::optional<Window> OneWindow(const Batch& batch, const WindowingStrategy& windowing) {
  if (!windowing.partitions_time() || batch.num_rows() == 0) return std::nullopt;
  const Int64Column& times = batch.event_time();
  EventTime first = times.at(0), last = first;
  if (!times.is_constant()) {
    const auto [least, greatest] = std::minmax_element(times.data(), times.data() + batch.num_rows());
    first = *least;
    last = *greatest;
  }
  std::vector<Window> windows[2];
  AssignWindows(windowing, first, &windows[0]);
  AssignWindows(windowing, last, &windows[1]);
  if (windows[0][0].start != windows[1][0].start) return std::nullopt;
  return windows[0][0];
}

}  // namespace

Result<Batch> PutIntoWindows(Batch batch, const WindowingStrategy& windowing) {
  const int64_t rows = batch.num_rows();
  if (const auto window = OneWindow(batch, windowing)) {
    batch.set_window(Int64Column(window->start), Int64Column(window->end));
    batch.set_event_time(Int64Column(window->max_timestamp()));
    return batch;
  }
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
