// Late rows keep their event time and weight; they have no window any more.
#include "operators/support/late_rows.h"

#include <arrow/array/array_nested.h>
#include <arrow/buffer.h>
#include <arrow/builder.h>
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
  return Emit(batch, rows, std::vector<int64_t>(rows.size(), window.end), watermark, out);
}

Status LateRows::Emit(const Batch& batch, const std::vector<int32_t>& rows, std::vector<int64_t> ends,
                      EventTime watermark, Emitter& out) const {
  out.CountLate(static_cast<int64_t>(rows.size()));
  if (!wanted_ || rows.empty()) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(Batch late, GatherBatch(batch, rows));
  WEIR_ASSIGN_OR_RETURN(auto record_batch, late.ToRecordBatch());
  WEIR_ASSIGN_OR_RETURN(auto elements, record_batch->ToStructArray());
  const auto count = static_cast<int64_t>(rows.size());
  arrow::TimestampBuilder end_column(TimestampType(), arrow::default_memory_pool());
  arrow::DoubleBuilder late_by;
  std::vector<int64_t> times;
  WEIR_RETURN_NOT_OK(end_column.Reserve(count));
  WEIR_RETURN_NOT_OK(late_by.Reserve(count));
  for (int64_t i = 0; i < count; ++i) {
    const int64_t end = ends[static_cast<size_t>(i)];
    times.push_back(late.event_time().at(i));
    if (end == kEndOfGlobalWindow) {
      end_column.UnsafeAppendNull();
    } else {
      end_column.UnsafeAppend(end);
    }
    if (end > watermark) {
      late_by.UnsafeAppendNull();
    } else {
      late_by.UnsafeAppend(static_cast<double>(watermark - end) * 1e-6);
    }
  }
  WEIR_ASSIGN_OR_RETURN(auto end_values, end_column.Finish());
  WEIR_ASSIGN_OR_RETURN(auto late_values, late_by.Finish());
  auto time_values = arrow::ArrayData::Make(TimestampType(), count,
                                            {nullptr, BufferPtr(arrow::Buffer::FromVector(std::move(times)))}, 0);
  Batch result(schema_, {elements->data(), std::move(time_values), end_values->data(), late_values->data()}, count);
  result.CopyTimeFrom(late);
  result.clear_window();
  return out.Emit(kPort, std::move(result));
}

}  // namespace weir
