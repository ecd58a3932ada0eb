// ExtractWindowingInfo: event time, window and pane of a row as fields.
#include <arrow/array/builder_binary.h>
#include <arrow/array/data.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include <array>
#include <cstdio>

#include "batch/gather.h"
#include "engine/operator.h"
#include "plan/binding.h"

namespace weir {
namespace {

enum class Info { kTimestamp, kWindowStart, kWindowEnd, kWindowString, kWindowType, kWindowObject, kPaneInfo };

constexpr std::array<const char*, 7> kNames = {"timestamp",   "window_start",  "window_end", "window_string",
                                               "window_type", "window_object", "pane_info"};

struct ExtractWindowingInfoConfig {
  NodePtr fields;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<ExtractWindowingInfoConfig>("ExtractWindowingInfo")
      .Summary("Add a row's event time, window and pane as fields.")
      .Doc(
          "There is `timestamp`, `window_start` (null in the global window), `window_end`, `window_string`, "
          "`window_type`, `window_object` (start and end) and `pane_info` (timing, index, is_first, is_last). Before a "
          "grouping step a row in several sliding windows becomes a row for each.")
      .Field("fields", &ExtractWindowingInfoConfig::fields,
             FieldDoc("Names of new fields, each with what it shall hold; or a list of what to add under its own name. "
                      "Default: [timestamp, window_start, window_end].")
                 .Type("mapping or list")
                 .JsonSchema(R"({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "object"}]})")
                 .Example("[window_start]"))
      .Example("rows per minute", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements: [{at: 10}, {at: 20}, {at: 70}]
  - type: AssignTimestamps
    config: {timestamp: at}
  - type: ExtractWindowingInfo
    config:
      fields: {minute: window_start}
    windowing: {type: fixed, size: 1m}
  - type: Print
)");
}

TypePtr TypeOf(Info info) {
  switch (info) {
    case Info::kTimestamp:
    case Info::kWindowStart:
    case Info::kWindowEnd:
      return TimestampType();
    case Info::kWindowString:
    case Info::kWindowType:
      return arrow::utf8();
    case Info::kWindowObject:
      return arrow::struct_({arrow::field("start", TimestampType()), arrow::field("end", TimestampType())});
    case Info::kPaneInfo:
      return arrow::struct_({arrow::field("timing", arrow::utf8()), arrow::field("index", arrow::int64()),
                             arrow::field("is_first", arrow::boolean()), arrow::field("is_last", arrow::boolean())});
  }
  return nullptr;
}

/// Seconds as Python prints a float, which is what Beam's windows are named by.
std::string Seconds(int64_t micros) {
  char text[48];
  const char* sign = micros < 0 ? "-" : "";
  const uint64_t size = micros < 0 ? 0 - static_cast<uint64_t>(micros) : static_cast<uint64_t>(micros);
  std::snprintf(text, sizeof text, "%s%llu.%06llu", sign, static_cast<unsigned long long>(size / 1'000'000),
                static_cast<unsigned long long>(size % 1'000'000));
  std::string out = text;
  while (out.back() == '0' && out[out.size() - 2] != '.') out.pop_back();
  return out;
}

bool IsGlobal(EventTime start) { return start <= kMinEventTime; }

class ExtractWindowingInfo final : public Operator {
 public:
  ExtractWindowingInfo(SchemaPtr schema, std::vector<Info> infos, WindowingStrategy windowing)
      : schema_(std::move(schema)), infos_(std::move(infos)), windowing_(windowing) {}

  Status Process(int, Batch batch, Emitter& out) override {
    std::vector<Window> windows;
    WEIR_RETURN_NOT_OK(WindowsOf(&batch, &windows));
    std::vector<int> indices;
    for (int i = 0; i < batch.num_columns(); ++i) indices.push_back(i);
    std::vector<ArrayDataPtr> fresh;
    for (Info info : infos_) {
      WEIR_ASSIGN_OR_RETURN(ArrayDataPtr column, Column(info, batch, windows));
      fresh.push_back(std::move(column));
      indices.push_back(-static_cast<int>(fresh.size()));
    }
    return out.Emit(batch.Project(schema_, indices, std::move(fresh)));
  }

 private:
  /// The window of each row; a row that lies in several becomes one for each.
  Status WindowsOf(Batch* batch, std::vector<Window>* windows) const {
    const int64_t rows = batch->num_rows();
    if (batch->has_window()) {
      for (int64_t row = 0; row < rows; ++row)
        windows->push_back({batch->window_start().at(row), batch->window_end().at(row)});
      return Status::OK();
    }
    if (windowing_.is_global()) {
      windows->assign(rows, Window{});
      return Status::OK();
    }
    std::vector<int32_t> repeated;
    std::vector<Window> of_row;
    for (int64_t row = 0; row < rows; ++row) {
      of_row.clear();
      AssignWindows(windowing_, batch->event_time().at(row), &of_row);
      for (const Window& window : of_row) {
        repeated.push_back(static_cast<int32_t>(row));
        windows->push_back(window);
      }
    }
    if (static_cast<int64_t>(repeated.size()) == rows) return Status::OK();
    WEIR_ASSIGN_OR_RETURN(*batch, GatherBatch(*batch, repeated));
    return Status::OK();
  }

  static Result<ArrayDataPtr> Times(int64_t rows, const std::function<EventTime(int64_t)>& time_of,
                                    bool global_is_null) {
    WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> values, arrow::AllocateBuffer(rows * 8));
    WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> valid, arrow::AllocateBitmap(rows));
    auto* to = reinterpret_cast<int64_t*>(values->mutable_data());
    int64_t nulls = 0;
    for (int64_t row = 0; row < rows; ++row) {
      to[row] = time_of(row);
      const bool null = global_is_null && IsGlobal(to[row]);
      uint8_t& byte = valid->mutable_data()[row / 8];
      byte = static_cast<uint8_t>((byte & ~(1 << (row % 8))) | (!null << (row % 8)));
      nulls += null;
    }
    return arrow::ArrayData::Make(TimestampType(), rows, {nulls ? valid : nullptr, values}, nulls);
  }

  static Result<ArrayDataPtr> Texts(int64_t rows, const std::function<std::string(int64_t)>& text_of) {
    arrow::StringBuilder builder;
    for (int64_t row = 0; row < rows; ++row) WEIR_RETURN_NOT_OK(builder.Append(text_of(row)));
    WEIR_ASSIGN_OR_RETURN(auto array, builder.Finish());
    return array->data();
  }

  static Result<ArrayDataPtr> PaneColumn(const Pane& pane, int64_t rows) {
    static constexpr const char* kTimings[] = {"early", "on_time", "late", "unknown"};
    const arrow::StructScalar scalar(
        {std::make_shared<arrow::StringScalar>(kTimings[static_cast<int>(pane.timing)]),
         std::make_shared<arrow::Int64Scalar>(pane.index), std::make_shared<arrow::BooleanScalar>(pane.is_first),
         std::make_shared<arrow::BooleanScalar>(pane.is_last)},
        TypeOf(Info::kPaneInfo));
    WEIR_ASSIGN_OR_RETURN(auto array, arrow::MakeArrayFromScalar(scalar, rows));
    return array->data();
  }

  static Result<ArrayDataPtr> Column(Info info, const Batch& batch, const std::vector<Window>& windows) {
    const int64_t rows = batch.num_rows();
    auto start = [&](int64_t row) { return windows[row].start; };
    auto end = [&](int64_t row) { return windows[row].end; };
    switch (info) {
      case Info::kTimestamp: {
        const Int64Column& times = batch.event_time();
        return Times(
            rows, [&](int64_t row) { return times.at(row); }, false);
      }
      case Info::kWindowStart:
        return Times(rows, start, true);
      case Info::kWindowEnd:
        return Times(rows, end, false);
      case Info::kWindowString:
        return Texts(rows, [&](int64_t row) -> std::string {
          if (IsGlobal(windows[row].start)) return "GlobalWindow";
          return "[" + Seconds(windows[row].start) + ", " + Seconds(windows[row].end) + ")";
        });
      case Info::kWindowType:
        return Texts(rows, [&](int64_t row) -> std::string {
          return IsGlobal(windows[row].start) ? "GlobalWindow" : "IntervalWindow";
        });
      case Info::kWindowObject: {
        WEIR_ASSIGN_OR_RETURN(ArrayDataPtr starts, Times(rows, start, true));
        WEIR_ASSIGN_OR_RETURN(ArrayDataPtr ends, Times(rows, end, false));
        return arrow::ArrayData::Make(TypeOf(info), rows, {nullptr}, {starts, ends}, 0);
      }
      case Info::kPaneInfo:
        return PaneColumn(batch.pane(), rows);
    }
    return Status::UnknownError("no such windowing information");
  }

  const SchemaPtr schema_;
  const std::vector<Info> infos_;
  const WindowingStrategy windowing_;
};

/// Name, what it holds, place.
struct Wanted {
  std::string name;
  std::string info;
  NodePtr place;
};

bool ReadWanted(const NodePtr& fields, BindContext& context, std::vector<Wanted>* out) {
  if (fields == nullptr || (fields->is_scalar() && fields->IsNull())) {
    for (const char* name : {"timestamp", "window_start", "window_end"})
      out->push_back({name, name, context.step_node()});
    return true;
  }
  if (fields->is_scalar()) {
    context.Error(fields, "'fields' must be a mapping or a list, not " + fields->Describe());
    return false;
  }
  for (const NodeEntry& entry : fields->entries())
    out->push_back({entry.key->text(), entry.value->text(), entry.value});
  for (const NodePtr& item : fields->items()) out->push_back({item->text(), item->text(), item});
  return true;
}

std::optional<StepBinding> BindExtractWindowingInfo(const ExtractWindowingInfoConfig& config, BindContext& context) {
  const CollectionInfo& in = context.inputs()[0].info;
  std::vector<Wanted> wanted;
  if (!ReadWanted(config.fields, context, &wanted)) return std::nullopt;
  arrow::FieldVector fields = in.schema->fields();
  std::vector<Info> infos;
  bool good = true;
  for (const Wanted& one : wanted) {
    const std::vector<std::string> names(kNames.begin(), kNames.end());
    auto known = std::find(names.begin(), names.end(), one.info);
    if (known == names.end()) {
      const std::string near = ClosestMatch(one.info, names);
      context.Error(one.place, "'" + one.info + "' is no windowing information",
                    near.empty() ? "there is timestamp, window_start, window_end, window_string, window_type, "
                                   "window_object, pane_info"
                                 : "did you mean '" + near + "'?");
      good = false;
      continue;
    }
    if (in.schema->GetFieldIndex(one.name) >= 0) {
      context.Error(one.place, "the input has a field '" + one.name + "' already",
                    "give it another name: {fields: {other_name: " + one.info + "}}");
      good = false;
    }
    infos.push_back(static_cast<Info>(known - names.begin()));
    fields.push_back(arrow::field(one.name, TypeOf(infos.back())));
  }
  if (!good) return std::nullopt;
  std::vector<int> pass_through(fields.size(), -1);
  for (int i = 0; i < in.schema->num_fields(); ++i) pass_through[i] = i;
  SchemaPtr schema = arrow::schema(std::move(fields));
  StepBinding binding = RowWiseBinding(
      context, schema, {}, pass_through,
      [schema, infos, windowing = in.windowing](const OperatorContext&) -> Result<std::unique_ptr<Operator>> {
        return std::make_unique<ExtractWindowingInfo>(schema, infos, windowing);
      });
  binding.can_reject = false;
  return binding;
}

}  // namespace

void RegisterExtractWindowingInfo(Registry& registry) {
  registry.Add<ExtractWindowingInfoConfig>(Spec(), {1, 1}, BindExtractWindowingInfo);
}

}  // namespace weir
