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
  std::vector<std::string> set;     // of a file with tasks: TASK.inputConfig.source=VALUE
  std::vector<std::string> tasks;   // of a file with tasks: only these; empty: all
  std::vector<std::string> phase;   // those of them that run now; empty: all
  SourcePtr source;                 // what the file holds, where it was read already
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

/// The runs that the file asks for, one after the other: those of its tasks; otherwise one. What is wrong with the file
/// is found by the first of them.
std::vector<PipelineFlags> PhasesOf(const PipelineFlags& flags, CliContext& context);

/// Reads and parses. Null after an error, which is then in `diagnostics` (or, for a file that cannot be read, said with
/// context.exit_code set to kExitUsage).
std::optional<LoadedFile> LoadFile(const PipelineFlags& flags, CliContext& context, Diagnostics* diagnostics);

/// Resolves and binds. Complete only if `diagnostics` has no errors afterwards. `describe_only`: see BindOptions.
LoadedPipeline LoadPipeline(const LoadedFile& file, int lanes, CliContext& context, Diagnostics* diagnostics,
                            bool describe_only = false);

/// Prints what is in `diagnostics` (text to stderr, JSON to stdout) and sets the exit code to kExitInvalidPipeline if
/// there are errors. Returns whether there are none.
bool Report(const Diagnostics& diagnostics, bool json, CliContext& context);

}  // namespace weir
