// LateRows: the `late` output of a step: rows that came when their window was over, with how late they were.
#pragma once

#include <vector>

#include "engine/operator.h"

namespace weir {

/// {element: the row, event_time, window_end: timestamp, late_by: number}: seconds by which the watermark was past the
/// end of the row's window; null where the window is open but its trigger has finished. The global window has no end.
SchemaPtr LateSchema(const SchemaPtr& rows);

class LateRows {
 public:
  static constexpr int kPort = 1;  // of the steps that have such an output

  LateRows(SchemaPtr schema, const OperatorContext& lane);
  /// Rows `rows` of `batch`, all of one window.
  Status Emit(const Batch& batch, const std::vector<int32_t>& rows, const Window& window, EventTime watermark,
              Emitter& out) const;
  /// The same for rows of different windows: `ends[i]` is the end of that of rows[i].
  Status Emit(const Batch& batch, const std::vector<int32_t>& rows, std::vector<int64_t> ends, EventTime watermark,
              Emitter& out) const;

 private:
  const SchemaPtr schema_;
  const bool wanted_;
};

}  // namespace weir
