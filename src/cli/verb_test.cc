// `weir test`: runs the tests of pipeline files and says what is missing and what is too much.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/engine_flags.h"
#include "cli/load.h"
#include "cli/test_fix.h"
#include "cli/test_runner.h"
#include "connectors/register.h"
#include "env/env.h"
#include "operators/register.h"

namespace weir {
namespace {

constexpr size_t kRowsShown = 20;

struct TestFlags {
  std::vector<std::string> files, params;
  std::string filter;
  bool json = false, fix = false, as_stream = false;
  int64_t renew_calls = 0, restart_rows = 0;
  EngineFlags engine;
};

struct FileResult {
  std::string path;
  std::optional<PipelineFile> file;  // results point into its tests
  std::vector<TestResult> tests;
  int exit_code = 0;
};

std::string PlaceOf(const ExpectationResult& expectation) {
  const NodePtr& node = expectation.place;
  const Position at = node->source()->PositionOf(node->span().begin);
  return node->source()->name() + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
}

void AppendRows(const std::vector<std::string>& rows, const char* sign, std::string* out) {
  for (size_t i = 0; i < rows.size() && i < kRowsShown; ++i)
    *out += std::string("      ") + sign + " " + rows[i] + "\n";
  if (rows.size() > kRowsShown) {
    *out += std::string("      ") + sign + " … and " + std::to_string(rows.size() - kRowsShown) + " more\n";
  }
}

std::string Report(const TestResult& test, bool color) {
  const bool passed = test.passed();
  std::string out = passed ? "ok" : "FAILED";
  if (color) out = (passed ? "\033[32m" : "\033[31m") + out + "\033[0m";
  out += " " + test.name + "\n";
  if (!test.error.empty()) out += "    " + test.error + "\n";
  for (const ExpectationResult& expectation : test.expectations) {
    if (expectation.passed()) continue;
    out += "    " + PlaceOf(expectation) + ": " + (expectation.of_input ? "inputs" : "outputs") + " of " +
           expectation.step + " (- expected, + came):\n";
    AppendRows(expectation.missing, "-", &out);
    AppendRows(expectation.unexpected, "+", &out);
  }
  return out;
}

nlohmann::json ToJson(const FileResult& file) {
  nlohmann::json list = nlohmann::json::array();
  for (const TestResult& test : file.tests) {
    nlohmann::json entry = {{"file", file.path}, {"test", test.name}, {"passed", test.passed()}};
    if (!test.error.empty()) entry["error"] = test.error;
    entry["expectations"] = nlohmann::json::array();
    for (const ExpectationResult& e : test.expectations) {
      const Position at = e.place->source()->PositionOf(e.place->span().begin);
      nlohmann::json one = {{"step", e.step},
                            {"of", e.of_input ? "inputs" : "outputs"},
                            {"line", at.line},
                            {"column", at.column},
                            {"passed", e.passed()}};
      for (auto [key, rows] : {std::pair{"missing", &e.missing}, std::pair{"unexpected", &e.unexpected}}) {
        one[key] = nlohmann::json::array();
        for (const std::string& row : *rows) one[key].push_back(nlohmann::json::parse(row, nullptr, false));
      }
      entry["expectations"].push_back(std::move(one));
    }
    list.push_back(std::move(entry));
  }
  return list;
}

/// Runs the files one after the other and reports as it goes.
class Tester {
 public:
  Tester(const TestFlags& flags, const Registry& registry, const TestRunOptions& options, CliContext& context)
      : flags_(flags), registry_(registry), options_(options), context_(context) {}

  int RunAll() {
    int exit_code = kExitOk;
    nlohmann::json json = nlohmann::json::array();
    for (const std::string& path : flags_.files) {
      if (flags_.files.size() > 1 && !flags_.json) std::printf("%s\n", path.c_str());
      FileResult result = RunFile(path);
      exit_code = std::max(exit_code, result.exit_code);
      for (nlohmann::json& entry : ToJson(result)) json.push_back(std::move(entry));
    }
    if (flags_.json) {
      std::printf("%s\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    } else {
      std::printf("%zu passed, %zu failed\n", passed_, failed_);
    }
    std::fflush(stdout);
    return exit_code;
  }

 private:
  FileResult RunFile(const std::string& path) {
    FileResult result;
    result.path = path;
    Diagnostics diagnostics;
    PipelineFlags pipeline;
    pipeline.file = path;
    pipeline.params = flags_.params;
    context_.exit_code = kExitOk;
    std::optional<LoadedFile> loaded = LoadFile(pipeline, context_, &diagnostics);
    result.exit_code = context_.exit_code;
    if (loaded) result.file = std::move(loaded->file);
    if (result.file) result.file->Build(&diagnostics);
    if (result.file && !diagnostics.has_errors()) RunTests(*result.file, &result, &diagnostics);
    if (flags_.fix && result.exit_code == kExitTestsFailed) {
      Status status = FixExpectations(*loaded->source, result.tests, *options_.env);
      if (!status.ok()) std::fprintf(stderr, "weir: %s\n", status.message().c_str());
    }
    std::fputs(diagnostics.Render(context_.color_stderr()).c_str(), stderr);
    if (diagnostics.has_errors()) result.exit_code = kExitInvalidPipeline;
    return result;
  }

  void RunTests(const PipelineFile& file, FileResult* result, Diagnostics* diagnostics) {
    for (size_t i = 0; i < file.tests().size(); ++i) {
      if (file.tests()[i].name.find(flags_.filter) == std::string::npos) continue;
      const TestResult& test = result->tests.emplace_back(RunTest(file, i, registry_, options_, diagnostics));
      if (!flags_.json) std::fputs(Report(test, context_.color_stdout()).c_str(), stdout);
      if (!test.passed()) result->exit_code = kExitTestsFailed;
      ++(test.passed() ? passed_ : failed_);
    }
  }

  const TestFlags& flags_;
  const Registry& registry_;
  const TestRunOptions& options_;
  CliContext& context_;
  size_t passed_ = 0, failed_ = 0;
};

void RunTestFiles(const TestFlags& flags, CliContext& context) {
  Result<EngineSetup> setup = SetUpEngine(flags.engine);
  if (!context.Usable(setup.status())) return;
  setup->options.seed = flags.engine.seed;  // a test that nobody gives a seed is the same each time
  Registry registry;
  RegisterOperators(registry);
  RegisterConnectors(registry);
  RegisterTestSteps(registry);
  const TestRunOptions options{setup->options,  &Env::Real(),      setup->memory.get(), "",
                               flags.as_stream, flags.renew_calls, flags.restart_rows};
  context.exit_code = Tester(flags, registry, options, context).RunAll();
}

}  // namespace

void AddTestVerb(Command app, CliContext& context) {
  auto flags = std::make_shared<TestFlags>();
  Command verb = app.AddVerb("test", "Run the tests that stand in pipeline files");
  verb.AddOption("FILE", &flags->files, "pipeline files; - reads standard input").Required();
  verb.AddOption("-p,--param", &flags->params, "value of a parameter of the file's 'params:', NAME=VALUE; repeatable")
      .OneWordEach();
  verb.AddOption("--filter", &flags->filter, "only tests whose name contains this");
  verb.AddFlag("--fix", &flags->fix, "write what came into the file where it was not what was expected");
  verb.AddFlag("--json", &flags->json, "results as JSON");
  AddEngineFlags(verb, &flags->engine);
  verb.AddFlag("--as-stream", &flags->as_stream, "plan as if nobody knew that the sources end")
      .Group("Engine, for tests of pipelines");
  verb.AddOption("--renew", &flags->renew_calls, "replace each operator after so many calls, by one with its state")
      .Range(1, int64_t{1} << 30)
      .Group("Engine, for tests of pipelines");
  verb.AddOption("--restart-every", &flags->restart_rows,
                 "end the run after every so many rows of its inputs, and go on in a new one with other lanes")
      .Range(1, int64_t{1} << 30)
      .Group("Engine, for tests of pipelines");
  verb.SetFooter(
      "Examples:\n"
      "  weir test f.yaml                 every test of its tests: block\n"
      "  weir test f.yaml --filter late   only those whose name contains 'late'\n"
      "  weir test f.yaml --fix           takes over what came as what is expected\n"
      "\n"
      "The flags of the engine change how a pipeline runs, never what it gives.\n"
      "Exit codes: 0 all passed, 3 a test failed, 2 wrong use or an unreadable file, 78 a file or a test is invalid.");
  verb.OnRun([flags, &context] { RunTestFiles(*flags, context); });
}

}  // namespace weir
