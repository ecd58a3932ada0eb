// AssertEqual: fails the run unless a collection is exactly the rows that are written here.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "batch/print.h"
#include "engine/operator.h"
#include "operators/support/literal_rows.h"
#include "plan/binding.h"

namespace weir {
namespace {

using Json = nlohmann::json;

struct AssertEqualConfig {
  NodePtr elements;
};

ComponentSpec Spec() {
  return ComponentSpec::Sink<AssertEqualConfig>("AssertEqual")
      .Summary("Fail the run unless a collection is exactly these rows.")
      .Doc(
          "The order of rows does not matter, their number does. A field that is null is as good as absent, 1 equals "
          "1.0; times and dates are written as strings.")
      .Field("elements", &AssertEqualConfig::elements,
             FieldDoc("The rows that are expected.")
                 .Required()
                 .Type("list")
                 .JsonSchema(R"({"type": "array"})")
                 .Example("[{x: 1}]"))
      .Example("a filter", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements: [{x: 1}, {x: 2}]
  - type: Filter
    config: {keep: x > 1}
  - type: AssertEqual
    config:
      elements: [{x: 2}]
)");
}

Json Normal(const Json& value) {
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (number == std::floor(number) && std::fabs(number) < 9e15) return static_cast<int64_t>(number);
  }
  if (value.is_array()) {
    Json list = Json::array();
    for (const Json& item : value) list.push_back(Normal(item));
    return list;
  }
  if (!value.is_object()) return value;
  Json object = Json::object();
  for (const auto& [key, item] : value.items()) {
    if (!item.is_null()) object[key] = Normal(item);
  }
  return object;
}

std::vector<std::string> NormalRows(const Batch& batch) {
  std::vector<std::string> rows;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    rows.push_back(Normal(Json::parse(RowToJson(batch, row), nullptr, false)).dump());
  }
  return rows;
}

std::string FirstOf(const std::vector<std::string>& rows) {
  std::string text;
  for (size_t i = 0; i < rows.size() && i < 5; ++i) text += "\n  " + rows[i];
  return rows.size() > 5 ? text + "\n  and " + std::to_string(rows.size() - 5) + " more" : text;
}

class AssertSink final : public Sink {
 public:
  AssertSink(std::string step, std::vector<std::string> expected)
      : step_(std::move(step)), expected_(std::move(expected)) {
    std::sort(expected_.begin(), expected_.end());
  }

  Result<std::unique_ptr<SinkWriter>> OpenWriter(const OperatorContext&) override {
    return std::make_unique<Writer>(this);
  }

  Result<std::string> Prepare(int64_t) override {
    std::sort(seen_.begin(), seen_.end());
    std::sort(taken_back_.begin(), taken_back_.end());
    std::vector<std::string> left;
    std::set_difference(seen_.begin(), seen_.end(), taken_back_.begin(), taken_back_.end(), std::back_inserter(left));
    if (left.size() + taken_back_.size() != seen_.size()) {
      return Status::Invalid("step '", step_, "': more was taken back than there was");
    }
    seen_ = std::move(left);
    std::vector<std::string> missing, extra;
    std::set_difference(expected_.begin(), expected_.end(), seen_.begin(), seen_.end(), std::back_inserter(missing));
    std::set_difference(seen_.begin(), seen_.end(), expected_.begin(), expected_.end(), std::back_inserter(extra));
    if (missing.empty() && extra.empty()) return std::string();
    std::string text = "step '" + step_ + "': the rows are not those expected";
    if (!missing.empty()) text += "\nmissing:" + FirstOf(missing);
    if (!extra.empty()) text += "\nnot expected:" + FirstOf(extra);
    return Status::Invalid(text);
  }
  Status Commit(const std::string&) override { return Status::OK(); }
  Status Abort(int64_t) override { return Status::OK(); }

 private:
  class Writer final : public SinkWriter {
   public:
    explicit Writer(AssertSink* sink) : sink_(sink) {}
    Status Write(Batch batch) override {  // one lane writes
      const std::vector<std::string> rows = NormalRows(batch);
      for (size_t i = 0; i < rows.size(); ++i) {
        const int64_t weight = batch.has_weight() ? batch.weight().at(static_cast<int64_t>(i)) : 1;
        std::vector<std::string>& to = weight > 0 ? sink_->seen_ : sink_->taken_back_;
        to.insert(to.end(), static_cast<size_t>(std::abs(weight)), rows[i]);
      }
      return Status::OK();
    }
    Status Finish() override { return Status::OK(); }

   private:
    AssertSink* const sink_;
  };

  const std::string step_;
  std::vector<std::string> expected_;
  std::vector<std::string> seen_, taken_back_;  // a row of weight n stands there n times
};

std::optional<StepBinding> BindAssertEqual(const AssertEqualConfig& config, BindContext& context) {
  if (!config.elements->is_sequence()) {
    context.Error(config.elements, "'elements' must be a list, not " + config.elements->Describe());
    return std::nullopt;
  }
  Batch expected;
  if (!LiteralRows(config.elements, &expected, &context.diagnostics())) return std::nullopt;
  StepBinding binding;
  binding.sink_max_lanes = 1;
  binding.sink_takes_changes = true;
  binding.can_reject = false;
  binding.sink = [step = context.step_name(), rows = NormalRows(expected)]() -> Result<std::shared_ptr<Sink>> {
    return std::make_shared<AssertSink>(step, rows);
  };
  return binding;
}

}  // namespace

void RegisterAssertEqual(Registry& registry) { registry.Add<AssertEqualConfig>(Spec(), {1, 1}, BindAssertEqual); }

}  // namespace weir
