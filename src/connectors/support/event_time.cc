// From a column to event times; from settings to the rule of a watermark.
#include "connectors/support/event_time.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "batch/types.h"
#include "connectors/support/position.h"
#include "formats/text/value_text.h"

namespace weir {
namespace {

using From = WatermarkRule::From;

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

/// Event times of one column, value by value; false when the value is none.
class TimeReader {
 public:
  explicit TimeReader(const arrow::ArrayData& values) : values_(values), id_(values.type->id()) {}

  bool Read(int64_t row, EventTime* out) const {
    switch (id_) {
      case arrow::Type::TIMESTAMP:
        *out = values_.GetValues<int64_t>(1)[row];
        break;
      case arrow::Type::DATE32:
        *out = values_.GetValues<int32_t>(1)[row] * kMicrosPerDay;
        break;
      case arrow::Type::INT64:
        if (__builtin_mul_overflow(values_.GetValues<int64_t>(1)[row], kMicrosPerSecond, out)) return false;
        break;
      case arrow::Type::STRING: {
        const int32_t* ends = values_.GetValues<int32_t>(1);
        const auto* text = reinterpret_cast<const char*>(values_.buffers[2] ? values_.buffers[2]->data() : nullptr);
        if (!ParseTimestamp({text + ends[row], static_cast<size_t>(ends[row + 1] - ends[row])}, out)) return false;
        break;
      }
      default: {
        const double exact = std::round(values_.GetValues<double>(1)[row] * 1e6);
        if (!(std::fabs(exact) < 9.2e18)) return false;
        *out = static_cast<int64_t>(exact);
      }
    }
    return *out >= kMinEventTime && *out <= kMaxEventTime;
  }

 private:
  const arrow::ArrayData& values_;
  const arrow::Type::type id_;
};

bool CanBeTime(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::TIMESTAMP:
    case arrow::Type::DATE32:
    case arrow::Type::INT64:
    case arrow::Type::DOUBLE:
    case arrow::Type::STRING:
      return true;
    default:
      return false;
  }
}

/// Rows [0, num_rows) that stand in no error (ascending).
Result<Selection> Others(int64_t num_rows, const std::vector<RowError>& errors) {
  const auto count = num_rows - static_cast<int64_t>(errors.size());
  WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> rows, arrow::AllocateBuffer(count * 4));
  auto* to = reinterpret_cast<int32_t*>(rows->mutable_data());
  size_t at = 0;
  for (int64_t row = 0; row < num_rows; ++row) {
    if (at < errors.size() && errors[at].row == row) {
      ++at;
    } else {
      *to++ = static_cast<int32_t>(row);
    }
  }
  return Selection{std::move(rows), count};
}

NodePtr SettingNode(const BindContext& context, const std::string& key) {
  const NodePtr config = context.step_node()->Find("config");
  const NodePtr value = config ? config->Find(key) : nullptr;
  return value ? value : context.step_node();
}

std::string_view FromWord(From from) {
  switch (from) {
    case From::kEventTime:
      return "the newest row";
    case From::kOrder:
      return "the newest row of what is complete";
    case From::kProcessingTime:
      return "processing time";
  }
  return "";
}

}  // namespace

const FieldSet<WatermarkConfig>& WatermarkConfig::Fields() {
  static const auto fields =
      FieldSet<WatermarkConfig>()
          .Field("out_of_orderness", &WatermarkConfig::out_of_orderness,
                 FieldDoc("How much older than the newest row a later one may be without being late.")
                     .Default("0s")
                     .Min("0s")
                     .Example("5s"))
          .Field("idle_timeout", &WatermarkConfig::idle_timeout,
                 FieldDoc("A split (a file, a connection) that gave no row for so long does not hold the watermark of "
                          "the others back, until its next row. 0s: it always does.")
                     .Default("0s")
                     .Min("0s")
                     .Example("30s"))
          .Field("from", &WatermarkConfig::from,
                 FieldDoc("`event_time`: the newest row of each split. `order`: the same, but only when a file or "
                          "request is complete: they come in order, rows within one in any. `processing_time`: the "
                          "clock. By default `event_time` where that is set, else `processing_time`.")
                     .OneOf({"event_time", "order", "processing_time"}));
  return fields;
}

const FieldSet<EventTimeConfig>& EventTimeConfig::Fields() {
  static const auto fields =
      FieldSet<EventTimeConfig>()
          .Field("event_time", &EventTimeConfig::event_time,
                 FieldDoc("The field that is the event time of its row: a timestamp, a date, seconds since 1970, or "
                          "text in RFC 3339. A row without one goes to the error output.")
                     .Example("created_at"))
          .Field("watermark", &EventTimeConfig::watermark,
                 FieldDoc("How the source knows that nothing older will come. Counts where it never ends; all rows of "
                          "a bounded source are on time.")
                     .Example("{out_of_orderness: 5s}"));
  return fields;
}

ColumnSet EventTimePlan::Needed(ColumnSet wanted) const {
  if (column >= 0) wanted.Add(column);
  return wanted;
}

std::vector<std::string> EventTimePlan::Notes(const arrow::Schema& schema) const {
  if (column < 0 && !arrival) return {};
  const std::string field = column >= 0 ? schema.field(column)->name() : "arrival";
  std::vector<std::string> notes = {"event time: " + field};
  if (!unbounded) return notes;
  std::string text = "watermark: " + std::string(FromWord(rule.from));
  if (rule.out_of_orderness_us > 0) text += " − " + FormatDuration({rule.out_of_orderness_us});
  if (rule.idle_timeout_us > 0) text += ", idle after " + FormatDuration({rule.idle_timeout_us});
  notes.push_back(std::move(text));
  return notes;
}

std::optional<EventTimePlan> BindEventTime(const EventTimeConfig& config, const SchemaPtr& schema, bool unbounded,
                                           BindContext& context) {
  EventTimePlan plan;
  plan.unbounded = unbounded;
  const NodePtr place = SettingNode(context, "event_time");
  if (!config.event_time.empty()) {
    plan.column = context.FindColumn(*schema, config.event_time, place);
    if (plan.column < 0) return std::nullopt;
    const arrow::DataType& type = *schema->field(plan.column)->type();
    if (!CanBeTime(type)) {
      context.Error(place, "'" + config.event_time + "' cannot be the event time: it is of type " + TypeName(type),
                    "it must be a timestamp, a date, seconds since 1970 or text");
      return std::nullopt;
    }
  }
  const WatermarkConfig watermark = config.watermark.value_or(WatermarkConfig{});
  const std::string from = watermark.from.value_or(plan.column >= 0 ? "event_time" : "processing_time");
  plan.rule.from = from == "order" ? From::kOrder : from == "event_time" ? From::kEventTime : From::kProcessingTime;
  plan.rule.out_of_orderness_us = watermark.out_of_orderness.us;
  plan.rule.idle_timeout_us = watermark.idle_timeout.us;
  plan.arrival = plan.column < 0 && unbounded;
  if (plan.column < 0 && plan.rule.from != From::kProcessingTime) {
    context.Error(SettingNode(context, "watermark"), "a watermark from '" + from + "' needs rows with event times",
                  "say with 'event_time' which field holds them");
    return std::nullopt;
  }
  return plan;
}

Status AssignEventTime(const EventTimePlan& plan, int64_t now_us, Batch* batch, std::vector<RowError>* errors) {
  if (plan.column < 0) {
    if (plan.arrival) batch->set_event_time(Int64Column(now_us));
    return Status::OK();
  }
  const int64_t num_rows = batch->num_rows();
  if (num_rows == 0) return Status::OK();
  const ArrayDataPtr values = batch->PlainColumn(plan.column);
  if (values->type->id() == arrow::Type::TIMESTAMP && values->GetNullCount() == 0) {  // the column is the time
    batch->set_event_time(Int64Column(arrow::SliceBuffer(values->buffers[1], values->offset * 8, values->length * 8)));
    return Status::OK();
  }
  WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> times, arrow::AllocateBuffer(num_rows * 8));
  auto* to = reinterpret_cast<int64_t*>(times->mutable_data());
  const TimeReader reader(*values);
  for (int64_t row = 0; row < num_rows; ++row) {
    to[row] = kMinEventTime;
    if (!values->IsValid(row)) {
      errors->push_back({row, "the event time is null"});
    } else if (!reader.Read(row, &to[row])) {
      errors->push_back({row, "the event time is no time, or out of range"});
    }
  }
  batch->set_event_time(Int64Column(std::move(times)));
  if (errors->empty()) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(const Selection good, Others(num_rows, *errors));
  *batch = batch->Select(good);
  return Status::OK();
}

Status AssignOrReject(const EventTimePlan& plan, Batch* batch, Emitter& out) {
  std::vector<RowError> errors;
  const Batch whole = *batch;
  WEIR_RETURN_NOT_OK(AssignEventTime(plan, out.processing_time_us(), batch, &errors));
  return errors.empty() ? Status::OK() : out.Reject(whole, errors);
}

std::string EventTimeTracker::Position() const {
  const SplitWatermarks::State state = splits_.state();
  nlohmann::json splits = nlohmann::json::array();
  for (const auto& split : state.splits) {
    splits.push_back({{"open", split.open ? 1 : 0},
                      {"idle", split.idle ? 1 : 0},
                      {"latest_us", split.latest},
                      {"watermark_us", split.watermark}});
  }
  return PrintPosition({{"watermark_us", state.watermark}, {"ended_us", state.ended}, {"splits", std::move(splits)}});
}

Status EventTimeTracker::Restore(const std::string& position) {
  WEIR_ASSIGN_OR_RETURN(const nlohmann::json saved, ParsePosition(position));
  SplitWatermarks::State state;
  state.watermark = IntAt(saved, "watermark_us", kMinEventTime);
  state.ended = IntAt(saved, "ended_us", kMinEventTime);
  for (const nlohmann::json& split : ListAt(saved, "splits")) {
    state.splits.push_back({IntAt(split, "open") != 0, IntAt(split, "idle") != 0,
                            IntAt(split, "latest_us", kMinEventTime), IntAt(split, "watermark_us", kMinEventTime)});
  }
  splits_.Restore(state);
  return Status::OK();
}

Status EventTimeTracker::Emit(int split, Batch batch, Emitter& out) {
  WEIR_RETURN_NOT_OK(AssignOrReject(plan_, &batch, out));
  EventTime latest = kMinEventTime;
  const Int64Column& times = batch.event_time();
  if (times.is_constant()) {
    if (batch.num_rows() > 0) latest = times.constant();
  } else {
    const int64_t* values = times.data();
    for (int64_t row = 0; row < batch.num_rows(); ++row) latest = std::max(latest, values[row]);
  }
  splits_.OnRows(split, latest, now_us_);
  return out.Emit(std::move(batch));
}

}  // namespace weir
