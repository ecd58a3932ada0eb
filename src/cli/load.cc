// Reads a pipeline file and takes it through every check, as each verb needs it.
#include "cli/load.h"

#include <unistd.h>

#include <cstdio>
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
}

namespace {

std::optional<SubstitutionOptions> Substitution(const PipelineFlags& flags, CliContext& context) {
  SubstitutionOptions options;
  for (const std::string& param : flags.params) {
    const size_t equals = param.find('=');
    if (equals == std::string::npos || equals == 0) {
      std::fprintf(stderr, "weir: '-p %s' must be NAME=VALUE\n", param.c_str());
      context.exit_code = kExitUsage;
      return std::nullopt;
    }
    options.overrides.emplace_back(param.substr(0, equals), param.substr(equals + 1));
  }
  options.environment = [](const std::string& name) { return Env::Real().Variable(name); };
  options.read_file = [](const std::string& path) -> Result<std::string> {
    std::ifstream in(path, std::ios::binary);
    if (!in) return Status::IOError("cannot read '", path, "': ", std::strerror(errno));
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  return options;
}

}  // namespace

std::optional<LoadedFile> LoadFile(const PipelineFlags& flags, CliContext& context, Diagnostics* diagnostics) {
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
      return std::nullopt;
    }
    read(in);
  }
  LoadedFile out;
  out.source = std::make_shared<SourceFile>(flags.file == "-" ? "<stdin>" : flags.file, std::move(text));
  if (!CheckNoTemplates(out.source, diagnostics)) return std::nullopt;
  NodePtr root = LoadYaml(out.source, limits, diagnostics);
  if (root == nullptr) return std::nullopt;
  std::optional<SubstitutionOptions> substitution = Substitution(flags, context);
  if (!substitution) return std::nullopt;
  root = SubstituteParams(root, *substitution, diagnostics);
  if (root == nullptr) return std::nullopt;
  out.file = PipelineFile::Parse(root, diagnostics);
  return out;
}

LoadedPipeline LoadPipeline(const LoadedFile& file, int lanes, CliContext& context, Diagnostics* diagnostics) {
  LoadedPipeline out;
  out.logical = file.file->Build(diagnostics);
  BindOptions options;
  options.env = &Env::Real();
  options.lanes = lanes;
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
