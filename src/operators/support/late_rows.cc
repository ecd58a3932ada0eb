// Late rows keep their event time and weight; they have no window any more.
#include "operators/support/late_rows.h"

#include <arrow/array/array_nested.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "batch/gather.h"
#include "batch/types.h"

namespace weir {

SchemaPtr LateSchema(const SchemaPtr& rows) {
  return arrow::schema({arrow::field("element", arrow::struct_(rows->fields())),
                        arrow::field("event_time", TimestampType()), arrow::field("window_end", TimestampType()),
                        arrow::field("late_by", arrow::float64())});
}

LateRows::LateRows(SchemaPtr schema, const OperatorContext& lane)
    : schema_(std::move(schema)),
      wanted_(static_cast<int>(lane.needed_outputs.size()) > kPort && !lane.needed_outputs[kPort].ToIndices().empty()) {
}

Status LateRows::Emit(const Batch& batch, const std::vector<int32_t>& rows, const Window& window, EventTime watermark,
                      Emitter& out) const {
  if (!wanted_ || rows.empty()) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(Batch late, GatherBatch(batch, rows));
  WEIR_ASSIGN_OR_RETURN(auto record_batch, late.ToRecordBatch());
  WEIR_ASSIGN_OR_RETURN(auto elements, record_batch->ToStructArray());
  const auto count = static_cast<int64_t>(rows.size());
  std::vector<int64_t> times, ends(rows.size(), window.end);
  for (int64_t i = 0; i < count; ++i) times.push_back(late.event_time().at(i));
  const auto column = [&](const TypePtr& type, auto values) {
    return arrow::ArrayData::Make(type, count, {nullptr, BufferPtr(arrow::Buffer::FromVector(std::move(values)))}, 0);
  };
  std::vector<ArrayDataPtr> columns{elements->data(), column(TimestampType(), std::move(times)),
                                    column(TimestampType(), std::move(ends))};
  if (window.end == kEndOfGlobalWindow) {
    WEIR_ASSIGN_OR_RETURN(columns[2], NullColumn(TimestampType(), count));
  }
  if (window.end > watermark) {
    WEIR_ASSIGN_OR_RETURN(auto none, NullColumn(arrow::float64(), count));
    columns.push_back(std::move(none));
  } else {
    columns.push_back(
        column(arrow::float64(), std::vector<double>(rows.size(), static_cast<double>(watermark - window.end) * 1e-6)));
  }
  Batch result(schema_, std::move(columns), count);
  result.CopyTimeFrom(late);
  result.clear_window();
  return out.Emit(kPort, std::move(result));
}

}  // namespace weir
