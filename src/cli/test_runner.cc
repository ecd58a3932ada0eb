// Expectations are sinks whose rows are kept and then compared as multisets, as Beam's tests do. What a transcript
// mocks are sources that follow it; the run asks for its next item whenever it has come to rest.
#include "cli/test_runner.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "batch/print.h"
#include "cli/testing/arrivals.h"
#include "cli/testing/counted_source.h"
#include "cli/testing/renewal.h"
#include "cli/testing/script.h"
#include "engine/operator.h"
#include "log/epoch_store.h"
#include "operators/support/literal_rows.h"
#include "plan/binder.h"
#include "plan/binding.h"
#include "plan/planner.h"
#include "plan/stages/epoch_plan.h"

namespace weir {
namespace {

struct ExpectConfig {
  NodePtr elements;
};

/// What the steps of type kTestExpectType write to. One lane writes. What an epoch wrote is there when it is committed.
class CollectSink final : public Sink {
 public:
  explicit CollectSink(std::shared_ptr<std::vector<std::string>> rows) : rows_(std::move(rows)) {}

  Result<std::unique_ptr<SinkWriter>> OpenWriter(const OperatorContext&) override {
    return std::make_unique<Writer>(&written_);
  }
  Result<std::string> Prepare(int64_t epoch) override {
    std::lock_guard lock(mutex_);
    const std::string token = "epoch " + std::to_string(epoch);
    prepared_[token] = std::move(written_);
    written_.clear();
    return token;
  }
  Status Commit(const std::string& token) override {
    std::lock_guard lock(mutex_);
    for (const auto& [text, weight] : prepared_[token]) Show(text, weight);
    prepared_.erase(token);
    return Status::OK();
  }
  Status Abort(int64_t) override { return Status::OK(); }

 private:
  using Rows = std::vector<std::pair<std::string, int64_t>>;  // with weights
  class Writer final : public SinkWriter {
   public:
    explicit Writer(Rows* rows) : rows_(rows) {}
    Status Write(Batch batch) override {
      for (int64_t row = 0; row < batch.num_rows(); ++row) {
        rows_->emplace_back(RowToJson(batch, row), batch.has_weight() ? batch.weight().at(row) : 1);
      }
      return Status::OK();
    }
    Status Finish() override { return Status::OK(); }

   private:
    Rows* const rows_;
  };

  void Show(const std::string& text, int64_t weight) {
    for (int64_t n = weight; n != 0; n += n < 0 ? 1 : -1) {
      if (n > 0) {
        rows_->push_back(text);
      } else if (const auto there = std::find(rows_->begin(), rows_->end(), text); there != rows_->end()) {
        rows_->erase(there);
      } else {
        rows_->push_back("{\"taken back, but not there\": " + text + "}");
      }
    }
  }

  const std::shared_ptr<std::vector<std::string>> rows_;
  Rows written_;      // by the writer, until the epoch is prepared
  std::mutex mutex_;  // of what follows, and of rows_
  std::map<std::string, Rows> prepared_;
};

std::optional<StepBinding> BindExpectation(const ExpectConfig&, BindContext&) {
  StepBinding binding;
  binding.sink_max_lanes = 1;
  binding.sink_takes_changes = true;
  binding.sink_epochs = SinkEpochs::kExactlyOnce;
  binding.can_reject = false;
  binding.sink = []() -> Result<std::shared_ptr<Sink>> {
    return Status::UnknownError("an expectation has nowhere to put its rows");
  };
  return binding;
}

struct ScriptConfig {
  NodePtr elements;
  bool changes = false;
};

std::optional<StepBinding> BindScript(const ScriptConfig& config, BindContext& context) {
  Batch rows;
  if (!LiteralRows(config.elements, &rows, &context.diagnostics())) return std::nullopt;
  StepBinding binding;
  CollectionInfo info;
  info.schema = rows.schema();
  info.bounded = false;
  info.changes = config.changes;
  binding.outputs = {{"", info}};
  binding.source_max_lanes = 1;
  binding.can_reject = false;
  binding.source = [](const ScanRequest&) -> Result<std::shared_ptr<Source>> {
    return Status::UnknownError("this source has no script");
  };
  return binding;
}

/// One run of one test: attaches sinks and scripts to its graph, runs it and judges.
class TestRun {
 public:
  TestRun(const TestBlock& test, const PipelineFile::TestGraph& graph, BoundGraph* bound)
      : test_(test), graph_(graph), bound_(*bound) {}

  void Attach(Diagnostics* diagnostics) {
    for (const auto& expectation : graph_.expectations) {
      auto kept = rows_.emplace_back(std::make_shared<std::vector<std::string>>());
      BindingOf(expectation.step).sink = [kept]() -> Result<std::shared_ptr<Sink>> {
        return std::make_shared<CollectSink>(kept);
      };
    }
    if (!test_.transcript) return;
    script_ = std::make_shared<Script>(&*test_.transcript);
    for (size_t i = 0; i < graph_.mocked.size(); ++i) {
      if (graph_.mocked[i] >= 0) AttachScript(static_cast<int>(i), diagnostics);
    }
    for (int step : graph_.expected) AttachArrivals(step);
  }

  Status Execute(const TestRunOptions& options) {
    RunOptions run = options.run;
    if (script_ != nullptr) {
      run.scripted_time = true;
      run.shuffle_seed = 0;  // a script gives its rows in its own order
      run.on_quiet = [script = script_] { return script->Advance(); };
    }
    if (options.restart_rows > 0 && script_ == nullptr) return ExecuteInPieces(options);
    PhysicalPlan plan = PlanPhysical(bound_);
    if (options.renew_calls > 0) RenewOperators(options.renew_calls, &plan);
    return Run(std::move(plan), run, options.env, options.memory).Execute();
  }

  std::vector<ExpectationResult> Judge() {
    std::vector<ExpectationResult> results;
    for (size_t i = 0; i < rows_.size(); ++i) {
      const auto& expectation = graph_.expectations[i];
      results.push_back(JudgeRows(expectation.data->elements, std::move(*rows_[i])));
      results.back().step = expectation.data->name;
      results.back().of_input = expectation.of_input;
    }
    for (size_t i = 0; test_.transcript && i < test_.transcript->items.size(); ++i) {
      const TranscriptItem& item = test_.transcript->items[i];
      if (item.kind != TranscriptItem::Kind::kExpect) continue;
      results.push_back(JudgeExpect(*test_.transcript, i, *arrivals_[item.collection]));
    }
    return results;
  }

 private:
  /// A run for each epoch, each with another number of lanes than the one before.
  Status ExecuteInPieces(const TestRunOptions& options) {
    static constexpr int kLanes[] = {1, 3, 2};
    for (size_t step = 0; step < graph_.graph.steps.size(); ++step) {
      if (graph_.graph.steps[step].type == "Create") WEIR_RETURN_NOT_OK(AttachCounted(static_cast<int>(step)));
    }
    RunOptions run = options.run;
    // Where some step cannot take part there is nothing to cut.
    if (PhysicalPlan plan = PlanPhysical(bound_); !PlanEpochs(plan).many) {
      return Run(std::move(plan), run, options.env, options.memory).Execute();
    }
    MemoryEpochStore store;
    run.epochs = &store;
    run.epoch_options.rows = options.restart_rows;
    run.epoch_options.stop_after = 1;
    for (size_t piece = 0;; ++piece) {
      run.lanes = kLanes[piece % std::size(kLanes)];
      WEIR_RETURN_NOT_OK(Run(PlanPhysical(bound_), run, options.env, options.memory).Execute());
      WEIR_ASSIGN_OR_RETURN(const std::optional<EpochState> state, store.Load());
      if (state && state->finished) return Status::OK();
    }
  }

  Status AttachCounted(int step) {
    Diagnostics diagnostics;  // any mistake was said when it was bound
    Batch rows;
    if (!LiteralRows(graph_.graph.steps[step].config->Find("elements"), &rows, &diagnostics)) return Status::OK();
    if (rows.num_rows() == 0) return Status::OK();
    StepBinding& binding = BindingOf(step);
    binding.source_repositions = true;
    binding.source = [rows](const ScanRequest&) -> Result<std::shared_ptr<Source>> { return MakeCountedSource(rows); };
    return Status::OK();
  }

  BoundStep& BoundOf(int step) { return bound_.steps[bound_.bound_of_logical[step]]; }
  StepBinding& BindingOf(int step) { return BoundOf(step).binding; }

  void AttachScript(int collection, Diagnostics* diagnostics) {
    const int step = graph_.mocked[collection];
    Batch rows;  // as when it was bound, where any mistake was said
    if (!LiteralRows(graph_.graph.steps[step].config->Find("elements"), &rows, diagnostics)) return;
    BindingOf(step).source = [script = script_, collection,
                              rows](const ScanRequest&) -> Result<std::shared_ptr<Source>> {
      return MakeScriptSource(script, collection, rows);
    };
  }

  void AttachArrivals(int step) {
    auto kept = arrivals_.emplace_back(std::make_shared<std::vector<Arrival>>());
    const BoundInput& input = BoundOf(step).inputs[0];
    const BoundStep& from = bound_.steps[input.step];
    const CollectionInfo& info =
        input.output == BoundInput::kErrors ? from.errors : from.binding.outputs[input.output].info;
    BindingOf(step).sink = [script = script_, windowing = info.windowing, kept]() -> Result<std::shared_ptr<Sink>> {
      return MakeArrivalSink(script, windowing, kept);
    };
  }

  const TestBlock& test_;
  const PipelineFile::TestGraph& graph_;
  BoundGraph& bound_;
  std::vector<std::shared_ptr<std::vector<std::string>>> rows_;  // per expectation
  std::vector<std::shared_ptr<std::vector<Arrival>>> arrivals_;  // per collection that a transcript expects
  std::shared_ptr<Script> script_;
};

/// The schema of `name` (STEP or STEP.OUTPUT) in the whole file, or null.
SchemaPtr SchemaOfMock(const std::string& name, bool of_input, const LogicalGraph& graph, const BoundGraph& bound) {
  for (const LogicalStep& step : graph.steps) {
    const int index = bound.bound_of_logical[step.id];
    if (index < 0 || !name.starts_with(step.name)) continue;
    const BoundStep& found = bound.steps[index];
    const std::string output = name.size() > step.name.size() + 1 ? name.substr(step.name.size() + 1) : "";
    if (name != step.name && name != step.name + "." + output) continue;
    if (of_input) {
      if (found.inputs.size() != 1 || !output.empty()) continue;
      const BoundStep& from = bound.steps[found.inputs[0].step];
      if (found.inputs[0].output == BoundInput::kErrors) return from.errors.schema;
      return from.binding.outputs[found.inputs[0].output].info.schema;
    }
    if (output == "errors" || (step.error_handling && step.error_handling->output == output)) {
      return found.errors.schema;
    }
    for (const StepOutput& candidate : found.binding.outputs) {
      if (candidate.name == output) return candidate.info.schema;
    }
  }
  return nullptr;
}

/// A mock without elements shows no fields: it has those of what it stands for.
std::map<std::string, SchemaPtr> SchemasOfEmptyMocks(const PipelineFile& file, const TestBlock& test,
                                                     const Registry& registry, const BindOptions& options) {
  std::map<std::string, SchemaPtr> schemas;
  LogicalGraph graph;
  BoundGraph bound;
  for (const bool of_input : {false, true}) {
    for (const TestData& mock : of_input ? test.mock_inputs : test.mock_outputs) {
      if (!mock.elements->items().empty()) continue;
      if (graph.steps.empty()) {
        Diagnostics unheard;  // a test may leave aside what cannot be bound, a source without its file for example
        graph = file.Build(&unheard);
        bound = Bind(graph, registry, options, &unheard);
      }
      const SchemaPtr schema = SchemaOfMock(mock.name, of_input, graph, bound);
      if (schema != nullptr) schemas[(of_input ? "mock_inputs " : "mock_outputs ") + mock.name] = schema;
    }
  }
  return schemas;
}

}  // namespace

bool TestResult::passed() const {
  return error.empty() &&
         std::all_of(expectations.begin(), expectations.end(), [](const ExpectationResult& e) { return e.passed(); });
}

void RegisterTestSteps(Registry& registry) {
  const FieldDoc rows = FieldDoc("The rows.").Required().Type("list").JsonSchema(R"({"type": "array"})");
  registry.Add<ExpectConfig>(ComponentSpec::Sink<ExpectConfig>(kTestExpectType)
                                 .Summary("What a test expects.")
                                 .Field("elements", &ExpectConfig::elements, rows),
                             {1, 1}, BindExpectation);
  registry.Add<ScriptConfig>(
      ComponentSpec::Source<ScriptConfig>(kTestScriptType)
          .Summary("What a transcript gives.")
          .Field("elements", &ScriptConfig::elements, rows)
          .Field("changes", &ScriptConfig::changes, FieldDoc("Rows have weights.").Default("false")),
      {0, 0}, BindScript);
}

TestResult RunTest(const PipelineFile& file, size_t index, const Registry& registry, const TestRunOptions& options,
                   Diagnostics* diagnostics) {
  TestResult result;
  result.name = file.tests()[index].name;
  const int errors_before = diagnostics->error_count();
  PipelineFile::TestGraph test = file.BuildTest(index, diagnostics);
  BindOptions bind{options.env, options.run.lanes, options.base_dir, options.as_stream, {}};
  bind.known_schemas = SchemasOfEmptyMocks(file, file.tests()[index], registry, bind);
  BoundGraph bound;
  if (diagnostics->error_count() == errors_before) bound = Bind(test.graph, registry, bind, diagnostics);
  if (diagnostics->error_count() > errors_before) {
    result.error = "the test is invalid";
    return result;
  }
  TestRun run(file.tests()[index], test, &bound);
  run.Attach(diagnostics);
  Status status = run.Execute(options);
  if (!status.ok()) {
    result.error = status.message();
    return result;
  }
  result.expectations = run.Judge();
  return result;
}

}  // namespace weir
