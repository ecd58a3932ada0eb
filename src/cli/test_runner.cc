// Expectations are sinks whose rows are kept and then compared as multisets, as Beam's tests do.
#include "cli/test_runner.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "batch/print.h"
#include "engine/operator.h"
#include "plan/binder.h"
#include "plan/binding.h"
#include "plan/planner.h"

namespace weir {
namespace {

using Json = nlohmann::json;

struct ExpectConfig {
  NodePtr elements;
};

/// What the steps of type kTestExpectType write to. One lane writes.
class CollectSink final : public Sink {
 public:
  explicit CollectSink(std::shared_ptr<std::vector<std::string>> rows) : rows_(std::move(rows)) {}

  Result<std::unique_ptr<SinkWriter>> OpenWriter(const OperatorContext&) override {
    return std::make_unique<Writer>(rows_.get());
  }
  Result<std::string> Prepare(int64_t) override { return std::string(); }
  Status Commit(const std::string&) override { return Status::OK(); }
  Status Abort(int64_t) override { return Status::OK(); }

 private:
  class Writer final : public SinkWriter {
   public:
    explicit Writer(std::vector<std::string>* rows) : rows_(rows) {}
    Status Write(Batch batch) override {
      for (int64_t row = 0; row < batch.num_rows(); ++row) rows_->push_back(RowToJson(batch, row));
      return Status::OK();
    }
    Status Finish() override { return Status::OK(); }

   private:
    std::vector<std::string>* const rows_;
  };

  const std::shared_ptr<std::vector<std::string>> rows_;
};

std::optional<StepBinding> BindExpectation(const ExpectConfig&, BindContext&) {
  StepBinding binding;
  binding.sink_max_lanes = 1;
  binding.can_reject = false;
  binding.sink = []() -> Result<std::shared_ptr<Sink>> {
    return Status::UnknownError("an expectation has nowhere to put its rows");
  };
  return binding;
}

Json FromNode(const NodePtr& node) {
  if (node->is_map()) {
    Json object = Json::object();
    for (const NodeEntry& entry : node->entries()) object[entry.key->text()] = FromNode(entry.value);
    return object;
  }
  if (node->is_sequence()) {
    Json list = Json::array();
    for (const NodePtr& item : node->items()) list.push_back(FromNode(item));
    return list;
  }
  if (node->IsNull()) return nullptr;
  if (auto value = node->AsBool()) return *value;
  if (auto value = node->AsInt64()) return *value;
  if (auto value = node->AsDouble()) {
    if (!std::isfinite(*value)) return FormatDouble(*value);
    return *value;
  }
  return node->text();
}

/// Nulls of objects go; doubles that are integers become integers.
Json Normal(Json value) {
  if (value.is_object()) {
    Json out = Json::object();
    for (auto& [key, part] : value.items()) {
      if (!part.is_null()) out[key] = Normal(std::move(part));
    }
    return out;
  }
  if (value.is_array()) {
    for (Json& part : value) part = Normal(std::move(part));
    return value;
  }
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (number == std::floor(number) && std::abs(number) < 9e15) return static_cast<int64_t>(number);
  }
  return value;
}

std::string Text(Json value) { return Normal(std::move(value)).dump(-1, ' ', false, Json::error_handler_t::replace); }

/// Of sorted lists: what only one of them has, counting repetitions.
void Compare(std::vector<std::string> expected, std::vector<std::string> actual, ExpectationResult* result) {
  std::sort(expected.begin(), expected.end());
  std::sort(actual.begin(), actual.end());
  std::set_difference(expected.begin(), expected.end(), actual.begin(), actual.end(),
                      std::back_inserter(result->missing));
  std::set_difference(actual.begin(), actual.end(), expected.begin(), expected.end(),
                      std::back_inserter(result->unexpected));
}

ExpectationResult Judge(const PipelineFile::TestGraph::Expectation& expectation, std::vector<std::string> rows) {
  ExpectationResult result;
  result.data = expectation.data;
  result.of_input = expectation.of_input;
  std::vector<std::string> expected, actual;
  for (const NodePtr& item : expectation.data->elements->items()) {
    Json row = FromNode(item);
    expected.push_back(Text(row.is_object() ? std::move(row) : Json{{"element", std::move(row)}}));
  }
  for (const std::string& row : rows) actual.push_back(Text(Json::parse(row, nullptr, false)));
  Compare(std::move(expected), std::move(actual), &result);
  result.actual = std::move(rows);
  return result;
}

}  // namespace

bool TestResult::passed() const {
  return error.empty() &&
         std::all_of(expectations.begin(), expectations.end(), [](const ExpectationResult& e) { return e.passed(); });
}

void RegisterExpectation(Registry& registry) {
  registry.Add<ExpectConfig>(
      ComponentSpec::Sink<ExpectConfig>(kTestExpectType)
          .Summary("What a test expects.")
          .Field("elements", &ExpectConfig::elements,
                 FieldDoc("The rows.").Required().Type("list").JsonSchema(R"({"type": "array"})")),
      {1, 1}, BindExpectation);
}

TestResult RunTest(const PipelineFile& file, size_t index, const Registry& registry, const TestRunOptions& options,
                   Diagnostics* diagnostics) {
  TestResult result;
  result.name = file.tests()[index].name;
  const int errors_before = diagnostics->error_count();
  PipelineFile::TestGraph test = file.BuildTest(index, diagnostics);
  BindOptions bind{options.env, options.run.lanes, options.base_dir};
  BoundGraph bound;
  if (diagnostics->error_count() == errors_before) bound = Bind(test.graph, registry, bind, diagnostics);
  if (diagnostics->error_count() > errors_before) {
    result.error = "the test is invalid";
    return result;
  }
  std::vector<std::shared_ptr<std::vector<std::string>>> rows;
  for (const auto& expectation : test.expectations) {
    auto kept = rows.emplace_back(std::make_shared<std::vector<std::string>>());
    bound.steps[bound.bound_of_logical[expectation.step]].binding.sink = [kept]() -> Result<std::shared_ptr<Sink>> {
      return std::make_shared<CollectSink>(kept);
    };
  }
  Status status = Run(PlanPhysical(bound), options.run, options.env, options.memory).Execute();
  if (!status.ok()) {
    result.error = status.message();
    return result;
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    result.expectations.push_back(Judge(test.expectations[i], std::move(*rows[i])));
  }
  return result;
}

}  // namespace weir
