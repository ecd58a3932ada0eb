// From a file name on the command line to a checked plan.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/verb.h"
#include "plan/binder.h"
#include "plan/physical.h"
#include "plan/pipeline_text.h"

namespace weir {

/// Options of every verb that reads a pipeline.
struct PipelineFlags {
  std::string file;                 // "-" = standard input
  std::vector<std::string> params;  // NAME=VALUE
  bool json = false;                // diagnostics as JSON
};
void AddPipelineFlags(Command app, PipelineFlags* flags);

struct LoadedFile {
  SourcePtr source;
  std::optional<PipelineFile> file;
};

struct LoadedPipeline {
  LogicalGraph logical;
  BoundGraph bound;
};

/// Reads and parses. Null after an error, which is then in `diagnostics` (or, for a file that cannot be read, said with
/// context.exit_code set to kExitUsage).
std::optional<LoadedFile> LoadFile(const PipelineFlags& flags, CliContext& context, Diagnostics* diagnostics);

/// Resolves and binds. Complete only if `diagnostics` has no errors afterwards.
LoadedPipeline LoadPipeline(const LoadedFile& file, int lanes, CliContext& context, Diagnostics* diagnostics);

/// Prints what is in `diagnostics` (text to stderr, JSON to stdout) and sets the exit code to kExitInvalidPipeline if
/// there are errors. Returns whether there are none.
bool Report(const Diagnostics& diagnostics, bool json, CliContext& context);

}  // namespace weir
