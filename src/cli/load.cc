// Reads a pipeline file and takes it through every check, as each verb needs it.
#include "cli/load.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

#include "config/params.h"
#include "env/env.h"

namespace weir {

void AddPipelineFlags(Command app, PipelineFlags* flags) {
  app.AddOption("FILE", &flags->file, "pipeline file; - reads standard input").Required();
  app.AddOption("-p,--param", &flags->params, "value of a parameter of the file's 'params:', NAME=VALUE; repeatable")
      .OneWordEach();
  app.AddOption("--set", &flags->set, "setting of a file with tasks, TASK.inputConfig.source=VALUE; repeatable")
      .OneWordEach();
  app.AddOption("--task", &flags->tasks, "of a file with tasks, only this one; repeatable").OneWordEach();
}

namespace {

using NamedValues = std::vector<std::pair<std::string, std::string>>;

std::optional<NamedValues> ReadValues(const std::vector<std::string>& words, const char* flag, CliContext& context) {
  NamedValues values;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      std::fprintf(stderr, "weir: '%s %s' must be NAME=VALUE\n", flag, word.c_str());
      context.exit_code = kExitUsage;
      return std::nullopt;
    }
    values.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return values;
}

std::optional<SubstitutionOptions> Substitution(const PipelineFlags& flags, CliContext& context) {
  SubstitutionOptions options;
  std::optional<NamedValues> overrides = ReadValues(flags.params, "-p", context);
  if (!overrides) return std::nullopt;
  options.overrides = std::move(*overrides);
  options.environment = [](const std::string& name) { return Env::Real().Variable(name); };
  options.read_file = [](const std::string& path) -> Result<std::string> {
    std::ifstream in(path, std::ios::binary);
    if (!in) return Status::IOError("cannot read '", path, "': ", std::strerror(errno));
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  return options;
}

/// Null after an error, which has been said.
SourcePtr ReadSource(const PipelineFlags& flags, CliContext& context) {
  std::string text;
  YamlLimits limits;
  auto read = [&](std::istream& in) {
    text.resize(limits.max_bytes + 1);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(in.gcount()));
  };
  if (flags.file == "-") {
    read(std::cin);
  } else {
    std::ifstream in(flags.file, std::ios::binary);
    if (!in) {
      std::fprintf(stderr, "weir: cannot read '%s': %s\n", flags.file.c_str(), std::strerror(errno));
      context.exit_code = kExitUsage;
      return nullptr;
    }
    read(in);
  }
  return std::make_shared<SourceFile>(flags.file == "-" ? "<stdin>" : flags.file, std::move(text));
}

}  // namespace

std::vector<PipelineFlags> PhasesOf(const PipelineFlags& flags, CliContext& context) {
  PipelineFlags read = flags;
  read.source = ReadSource(flags, context);
  if (read.source == nullptr) return {};
  Diagnostics unsaid;
  const std::optional<LoadedFile> file = LoadFile(read, context, &unsaid);
  if (!file || unsaid.has_errors() || file->file->tasks().phases.size() < 2) return {read};
  std::vector<PipelineFlags> phases;
  for (const std::vector<std::string>& tasks : file->file->tasks().phases) {
    phases.push_back(read);
    phases.back().phase = tasks;
  }
  return phases;
}

std::optional<LoadedFile> LoadFile(const PipelineFlags& flags, CliContext& context, Diagnostics* diagnostics) {
  LoadedFile out;
  out.source = flags.source ? flags.source : ReadSource(flags, context);
  if (out.source == nullptr || !CheckNoTemplates(out.source, diagnostics)) return std::nullopt;
  NodePtr root = LoadYaml(out.source, YamlLimits(), diagnostics);
  if (root == nullptr) return std::nullopt;
  const std::optional<NamedValues> settings = ReadValues(flags.set, "--set", context);
  if (!settings) return std::nullopt;
  root = ApplyTaskSettings(root, *settings, diagnostics);
  std::optional<SubstitutionOptions> substitution = Substitution(flags, context);
  if (!substitution) return std::nullopt;
  root = SubstituteParams(root, *substitution, diagnostics);
  if (root == nullptr) return std::nullopt;
  if (!flags.tasks.empty() && root->is_map() && !root->Find("tasks")) {
    std::fprintf(stderr, "weir: --task is for files with 'tasks'; '%s' has none\n", flags.file.c_str());
    context.exit_code = kExitUsage;
    return std::nullopt;
  }
  out.file = PipelineFile::Parse(root, diagnostics,
                                 {flags.phase.empty() ? flags.tasks : flags.phase, substitution->environment});
  const std::string& endpoint = out.file->tasks().endpoint;
  if (!endpoint.empty()) ::setenv("AWS_ENDPOINT_URL_S3", endpoint.c_str(), 1);  // one for the process: paths name none
  return out;
}

LoadedPipeline LoadPipeline(const LoadedFile& file, int lanes, CliContext& context, Diagnostics* diagnostics,
                            bool describe_only) {
  LoadedPipeline out;
  out.logical = file.file->Build(diagnostics);
  BindOptions options;
  options.env = &Env::Real();
  options.lanes = lanes;
  options.describe_only = describe_only;
  out.bound = Bind(out.logical, context.registry(), options, diagnostics);
  return out;
}

bool Report(const Diagnostics& diagnostics, bool json, CliContext& context) {
  if (json) {
    std::cout << diagnostics.RenderJson() << "\n";
  } else {
    std::cerr << diagnostics.Render(context.color_stderr());
  }
  if (diagnostics.has_errors()) context.exit_code = kExitInvalidPipeline;
  return !diagnostics.has_errors();
}

}  // namespace weir
