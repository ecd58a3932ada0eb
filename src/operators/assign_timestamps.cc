// AssignTimestamps: gives each row the event time that an expression says.
#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <cmath>

#include "engine/operator.h"
#include "operators/support/good_rows.h"
#include "plan/binding.h"

namespace weir {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

struct AssignTimestampsConfig {
  ExprSource timestamp;
  std::string language;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<AssignTimestampsConfig>("AssignTimestamps")
      .Summary("Give each row its event time.")
      .Doc(
          "A timestamp or date is that time; a number is seconds since 1970. A row whose time is null or out of range "
          "is a row error. A time earlier than what the watermark has passed makes a late row.")
      .KeepsFields()
      .Field("timestamp", &AssignTimestampsConfig::timestamp,
             FieldDoc("The row's event time.").Required().AllowCallable().Example("created_at"))
      .Field("language", &AssignTimestampsConfig::language,
             FieldDoc("The language of the expression.").Default("generic").OneOf({"generic", "sql", "python"}))
      .Example("seconds", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements: [{at: 10, v: 1}, {at: 75.5, v: 2}]
  - type: AssignTimestamps
    config: {timestamp: at}
  - type: ExtractWindowingInfo
    config: {fields: [timestamp]}
  - type: Print
)");
}

/// The event time of a value, or nothing when it does not fit.
std::optional<EventTime> TimeOf(const arrow::ArrayData& values, int64_t row) {
  int64_t micros = 0;
  switch (values.type->id()) {
    case arrow::Type::TIMESTAMP:
      micros = values.GetValues<int64_t>(1)[row];
      break;
    case arrow::Type::DATE32:
      if (__builtin_mul_overflow(static_cast<int64_t>(values.GetValues<int32_t>(1)[row]), kMicrosPerDay, &micros))
        return {};
      break;
    case arrow::Type::INT64:
      if (__builtin_mul_overflow(values.GetValues<int64_t>(1)[row], kMicrosPerSecond, &micros)) return {};
      break;
    default: {
      const double exact = std::round(values.GetValues<double>(1)[row] * 1e6);
      if (!(std::fabs(exact) < 9.2e18)) return {};
      micros = static_cast<int64_t>(exact);
    }
  }
  if (micros < kMinEventTime || micros > kMaxEventTime) return {};
  return micros;
}

class AssignTimestamps final : public Operator {
 public:
  explicit AssignTimestamps(CompiledExprPtr timestamp) : evaluator_(std::move(timestamp)) {}

  Status Process(int, Batch batch, Emitter& out) override {
    errors_.clear();
    WEIR_ASSIGN_OR_RETURN(ArrayDataPtr values, evaluator_.Eval(batch, &errors_));
    const bool plain = values->type->id() == arrow::Type::TIMESTAMP && values->GetNullCount() == 0;
    if (plain && errors_.empty()) {  // the column is the time
      batch.set_event_time(Int64Column(arrow::SliceBuffer(values->buffers[1], values->offset * 8, values->length * 8)));
      return out.Emit(std::move(batch));
    }
    WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> times, arrow::AllocateBuffer(batch.num_rows() * 8));
    auto* to = reinterpret_cast<int64_t*>(times->mutable_data());
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      to[row] = kMinEventTime;
      if (!values->IsValid(row)) {
        errors_.push_back({row, "the event time is null"});
      } else if (auto time = TimeOf(*values, row)) {
        to[row] = *time;
      } else {
        errors_.push_back({row, "the event time is out of range"});
      }
    }
    SortRowErrors(&errors_);
    WEIR_RETURN_NOT_OK(out.Reject(batch, errors_));
    batch.set_event_time(Int64Column(std::move(times)));
    if (errors_.empty()) return out.Emit(std::move(batch));
    WEIR_ASSIGN_OR_RETURN(Selection good, GoodRows(batch.num_rows(), errors_));
    return out.Emit(batch.Select(good));
  }

 private:
  ExprEvaluator evaluator_;
  std::vector<RowError> errors_;
};

std::optional<StepBinding> BindAssignTimestamps(const AssignTimestampsConfig& config, BindContext& context) {
  const SchemaPtr& schema = context.inputs()[0].info.schema;
  if (config.timestamp.form != ExprForm::kExpression) {
    context.Error(config.timestamp.node, "this version runs no Python or JavaScript functions",
                  "write 'timestamp' as an expression");
    return std::nullopt;
  }
  CompiledExprPtr timestamp = context.Compile(config.timestamp, config.language, *schema);
  if (timestamp == nullptr) return std::nullopt;
  const auto id = timestamp->type()->id();
  if (id == arrow::Type::DECIMAL128) {
    timestamp = CompiledExpr::Cast(timestamp, arrow::float64()).ValueOr(timestamp);
  } else if (id != arrow::Type::TIMESTAMP && id != arrow::Type::DATE32 && id != arrow::Type::INT64 &&
             id != arrow::Type::DOUBLE) {
    context.Error(config.timestamp.node,
                  "'timestamp' must be a timestamp, a date or seconds since 1970, not " + TypeName(*timestamp->type()),
                  id == arrow::Type::STRING ? "write cast(" + timestamp->ToString() + " as timestamp)" : "");
    return std::nullopt;
  }
  std::vector<int> pass_through(schema->num_fields());
  for (int i = 0; i < schema->num_fields(); ++i) pass_through[i] = i;
  StepBinding binding = RowWiseBinding(context, schema, timestamp->columns(), pass_through,
                                       [timestamp](const OperatorContext&) -> Result<std::unique_ptr<Operator>> {
                                         return std::make_unique<AssignTimestamps>(timestamp);
                                       });
  binding.operators[0].notes = {"timestamp: " + timestamp->ToString()};
  binding.operators[0].repeatable = true;
  return binding;
}

}  // namespace

void RegisterAssignTimestamps(Registry& registry) {
  registry.Add<AssignTimestampsConfig>(Spec(), {1, 1}, BindAssignTimestamps);
}

}  // namespace weir
