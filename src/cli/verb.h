// Verbs: what `weir` can be told to do. One file per verb, each with one Add function; main.cc lists them.
#pragma once

#include "cli/flags/command_line.h"
#include "plan/binding.h"

namespace weir {

/// Exit codes, the same for every verb.
enum ExitCode : int {
  kExitOk = 0,
  kExitRunFailed = 1,
  kExitUsage = 2,
  kExitTestsFailed = 3,
  kExitConnectionFailed = 4,
  kExitInvalidPipeline = 78,  // EX_CONFIG
  kExitInterrupted = 130,
  kExitTerminated = 143,
};

/// What verbs share. The registry is filled on first use: `weir version` does not pay for it.
struct CliContext {
  int exit_code = kExitOk;
  const Registry& registry();
  /// The process's terminal has colours and the user has not switched them off (NO_COLOR, TERM=dumb).
  bool color_stdout() const;
  bool color_stderr() const;
  /// True where `status` is OK; else says what is wrong on standard error and sets the exit code of wrong use.
  bool Usable(const Status& status);
};

void AddRunVerb(Command app, CliContext& context);
void AddResumeVerb(Command app, CliContext& context);
void AddValidateVerb(Command app, CliContext& context);
void AddExplainVerb(Command app, CliContext& context);
void AddTestVerb(Command app, CliContext& context);
void AddListVerb(Command app, CliContext& context);
void AddDescribeVerb(Command app, CliContext& context);
void AddSchemaVerb(Command app, CliContext& context);
void AddGraphVerb(Command app, CliContext& context);
void AddQueryVerb(Command app, CliContext& context);
void AddTopVerb(Command app, CliContext& context);
void AddTapVerb(Command app, CliContext& context);
void AddStoreVerb(Command app, CliContext& context);
void AddLogVerb(Command app, CliContext& context);
void AddStateVerb(Command app, CliContext& context);
void AddVersionVerb(Command app, CliContext& context);
void AddCompletionVerb(Command app, CliContext& context);

}  // namespace weir
