// `weir test`: runs the tests of pipeline files and says what is missing and what is too much.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "cli/test_fix.h"
#include "cli/test_runner.h"
#include "connectors/register.h"
#include "env/env.h"
#include "env/temp_directory.h"
#include "operators/register.h"
#include "plan/binding.h"
#include "state/memory_budget.h"

namespace weir {
namespace {

constexpr const char* kUsage =
    "usage: weir test FILE… [--filter TEXT] [--fix] [--json] [-p NAME=VALUE]…\n"
    "                 [--lanes N] [--memory SIZE] [--batch-rows N] [--split-rows N] [--jitter SEED] [--channel-batches "
    "N]\n"
    "\n"
    "  weir test f.yaml                 every test of its tests: block\n"
    "  weir test f.yaml --filter late   only those whose name contains 'late'\n"
    "  weir test f.yaml --fix           writes what came into the file where it was not what was expected\n"
    "\n"
    "The options from --lanes on change how a pipeline runs, never what it gives.\n"
    "Exit status: 0 all passed, 3 a test failed, 78 the file or a test is invalid, 1 a file cannot be read.\n";

constexpr int kExitFailed = 3, kExitInvalid = 78, kExitUnreadable = 1, kExitUsage = 2;
constexpr size_t kRowsShown = 20;

struct TestArguments {
  std::vector<std::string> files;
  std::string filter;
  bool json = false, fix = false, color = false, help = false, force_spill = false;
  std::vector<std::pair<std::string, std::string>> params;
  RunOptions run;
  std::optional<ByteSize> memory;
};

/// "NAME VALUE" and "NAME=VALUE" alike. What is wrong, or "".
class ArgumentReader {
 public:
  ArgumentReader(const std::vector<std::string>& words, TestArguments* out) : words_(words), out_(*out) {}

  std::string Read() {
    for (at_ = 0; at_ < words_.size() && problem_.empty(); ++at_) ReadWord();
    if (problem_.empty() && out_.files.empty() && !out_.help) return "weir test needs a pipeline file";
    return problem_;
  }

 private:
  void ReadWord() {
    name_ = words_[at_];
    inline_value_.reset();
    if (name_.rfind("-", 0) != 0 || name_ == "-") {
      out_.files.push_back(name_);
      return;
    }
    const size_t equals = name_.find('=');
    if (name_.rfind("--", 0) == 0 && equals != std::string::npos) {
      inline_value_ = name_.substr(equals + 1);
      name_.resize(equals);
    }
    if (name_ == "--help" || name_ == "-h") {
      out_.help = true;
    } else if (name_ == "--json") {
      out_.json = true;
    } else if (name_ == "--fix") {
      out_.fix = true;
    } else if (name_ == "--force-spill") {
      out_.force_spill = true;
    } else if (name_ == "--filter") {
      out_.filter = Value();
    } else if (name_ == "-p" || name_ == "--param") {
      ReadParam(Value());
    } else if (name_ == "--memory") {
      ReadMemory(Value());
    } else {
      ReadRunOption();
    }
  }

  void ReadRunOption() {
    if (name_ == "--lanes") {
      out_.run.lanes = static_cast<int>(Number(1, 256));
    } else if (name_ == "--batch-rows") {
      out_.run.batch_rows = Number(1, 65536);
    } else if (name_ == "--split-rows") {
      out_.run.split_rows = Number(0, 65536);
    } else if (name_ == "--jitter") {
      out_.run.jitter_seed = static_cast<uint64_t>(Number(0, INT64_MAX));
    } else if (name_ == "--channel-batches") {
      out_.run.channel.batches = Number(1, 1 << 20);
    } else {
      problem_ = "unknown option '" + name_ + "'";
    }
  }

  std::string Value() {
    if (inline_value_) return *inline_value_;
    if (at_ + 1 < words_.size()) return words_[++at_];
    problem_ = name_ + " needs a value";
    return "";
  }

  int64_t Number(int64_t least, int64_t most) {
    const std::string text = Value();
    char* end = nullptr;
    const int64_t number = std::strtoll(text.c_str(), &end, 10);
    if (problem_.empty() && (text.empty() || *end != 0 || number < least || number > most)) {
      problem_ = name_ + " needs an integer of at least " + std::to_string(least) + ", not '" + text + "'";
    }
    return number;
  }

  void ReadParam(const std::string& text) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) {
      if (problem_.empty()) problem_ = name_ + " needs NAME=VALUE, not '" + text + "'";
      return;
    }
    out_.params.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }

  void ReadMemory(const std::string& text) {
    Result<ByteSize> size = ParseByteSize(text);
    if (size.ok()) {
      out_.memory = *size;
    } else if (problem_.empty()) {
      problem_ = "--memory: " + size.status().message();
    }
  }

  const std::vector<std::string>& words_;
  TestArguments& out_;
  size_t at_ = 0;
  std::string name_, problem_;
  std::optional<std::string> inline_value_;
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

class TestVerb {
 public:
  TestVerb(const TestArguments& arguments, const Registry& registry, const TestRunOptions& options)
      : arguments_(arguments), registry_(registry), options_(options) {}

  FileResult RunFile(const std::string& path) const {
    FileResult result;
    result.path = path;
    FileSystem& files = options_.env->files();
    Result<std::string> text = ReadFile(files, path);
    if (!text.ok()) {
      std::fprintf(stderr, "weir test: %s\n", text.status().message().c_str());
      result.exit_code = kExitUnreadable;
      return result;
    }
    SubstitutionOptions substitution;
    substitution.overrides = arguments_.params;
    substitution.environment = [&](const std::string& name) { return options_.env->Variable(name); };
    substitution.read_file = [&](const std::string& name) { return ReadFile(files, name); };
    Diagnostics diagnostics;
    auto source = std::make_shared<SourceFile>(path, text.MoveValueUnsafe());
    result.file = ReadPipelineText(source, substitution, &diagnostics);
    if (result.file) result.file->Build(&diagnostics);
    if (result.file && !diagnostics.has_errors()) RunTests(*result.file, &result, &diagnostics);
    if (arguments_.fix && result.exit_code == kExitFailed) {
      Status status = FixExpectations(*source, result.tests, *options_.env);
      if (!status.ok()) std::fprintf(stderr, "weir test: %s\n", status.message().c_str());
    }
    std::fputs(diagnostics.Render(arguments_.color).c_str(), stderr);
    if (diagnostics.has_errors()) result.exit_code = kExitInvalid;
    return result;
  }

 private:
  void RunTests(const PipelineFile& file, FileResult* result, Diagnostics* diagnostics) const {
    for (size_t i = 0; i < file.tests().size(); ++i) {
      if (file.tests()[i].name.find(arguments_.filter) == std::string::npos) continue;
      const TestResult& test = result->tests.emplace_back(weir::RunTest(file, i, registry_, options_, diagnostics));
      if (!arguments_.json) std::fputs(Report(test, arguments_.color).c_str(), stdout);
      if (!test.passed()) result->exit_code = kExitFailed;
    }
  }

  const TestArguments& arguments_;
  const Registry& registry_;
  const TestRunOptions& options_;
};

int RunFiles(const TestArguments& arguments, const TestVerb& verb) {
  int exit_code = 0;
  size_t passed = 0, failed = 0;
  nlohmann::json json = nlohmann::json::array();
  for (const std::string& path : arguments.files) {
    if (arguments.files.size() > 1 && !arguments.json) std::printf("%s\n", path.c_str());
    FileResult result = verb.RunFile(path);
    for (const TestResult& test : result.tests) ++(test.passed() ? passed : failed);
    exit_code = std::max(exit_code, result.exit_code);
    for (nlohmann::json& entry : ToJson(result)) json.push_back(std::move(entry));
  }
  if (arguments.json) {
    std::printf("%s\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    std::printf("%zu passed, %zu failed\n", passed, failed);
  }
  std::fflush(stdout);
  return exit_code;
}

int Complain(const std::string& problem, int exit_code) {
  std::fprintf(stderr, "weir test: %s\n", problem.c_str());
  return exit_code;
}

}  // namespace

int RunTestVerb(const std::vector<std::string>& args) {
  TestArguments arguments;
  arguments.run.lanes = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const std::string problem = ArgumentReader(args, &arguments).Read();
  if (!problem.empty()) {
    std::fputs(kUsage, stderr);
    return Complain(problem, kExitUsage);
  }
  if (arguments.help) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  Env& env = Env::Real();
  Result<std::unique_ptr<MemoryBudget>> memory =
      arguments.force_spill ? MemoryBudget::Fixed(1)
                            : MemoryBudget::Make(arguments.memory ? arguments.memory->bytes : 0);
  if (!memory.ok()) return Complain(memory.status().message(), kExitUsage);
  Result<std::unique_ptr<TempDirectory>> temp = TempDirectory::Create(env);
  if (!temp.ok()) return Complain(temp.status().message(), kExitUnreadable);
  arguments.run.temp_dir = (*temp)->path();
  Registry registry;
  RegisterOperators(registry);
  RegisterConnectors(registry);
  RegisterTestSteps(registry);
  const TestRunOptions options{arguments.run, &env, memory->get(), ""};
  return RunFiles(arguments, TestVerb(arguments, registry, options));
}

}  // namespace weir
