// Flags of the verbs that run data through the engine.
#pragma once

#include <memory>
#include <string>

#include "cli/verb.h"
#include "engine/run.h"
#include "env/temp_directory.h"
#include "state/memory_budget.h"

namespace weir {

struct EngineFlags {
  int lanes = 0;       // 0: one per processor
  std::string memory;  // "512MiB"; empty: 60 % of what the machine or the cgroup has
  std::string temp_dir;
  int64_t batch_rows = 0;  // > 0: cut batches to at most so many rows
  int64_t split_rows = 0;  // > 0: sources give at most so many rows at once; else as batch_rows
  bool force_spill = false;
  uint64_t jitter_seed = 0;
  uint64_t shuffle_seed = 0;
  int64_t channel_batches = 0;  // 0: bounded by bytes
  uint64_t seed = 0;
};

/// Adds the flags; those that only tests need are hidden from the short help.
void AddEngineFlags(Command app, EngineFlags* flags);

/// Everything that a Run needs from outside, living as long as it.
struct EngineSetup {
  RunOptions options;
  std::unique_ptr<TempDirectory> temp;
  std::unique_ptr<MemoryBudget> memory;
};
Result<EngineSetup> SetUpEngine(const EngineFlags& flags);
int LanesOf(const EngineFlags& flags);

}  // namespace weir
