// What the engine's flags mean, and their defaults.
#include "cli/engine_flags.h"

#include <thread>

#include "base/byte_size.h"

namespace weir {

void AddEngineFlags(Command app, EngineFlags* flags) {
  const std::string group = "Engine";
  app.AddOption("--lanes", &flags->lanes, "parallel lanes; default: one per processor").Range(1, 1024).Group(group);
  app.AddOption("--memory", &flags->memory, "memory budget, as 512MiB; default: 60 % of the machine's or cgroup's")
      .Group(group);
  app.AddOption("--temp-dir", &flags->temp_dir, "where spill files go; default: $TMPDIR or /tmp").Group(group);
  app.AddOption("--seed", &flags->seed, "seed of random sources and steps").Group(group);
  const std::string test_group = "Engine, for tests of pipelines";
  app.AddOption("--batch-rows", &flags->batch_rows, "cut batches to at most so many rows")
      .Range(1, int64_t{1} << 30)
      .Group(test_group);
  app.AddOption("--split-rows", &flags->split_rows, "cut what sources give to at most so many rows")
      .Range(1, int64_t{1} << 30)
      .Group(test_group);
  app.AddFlag("--force-spill", &flags->force_spill, "every step that can goes to disk at once").Group(test_group);
  app.AddOption("--jitter", &flags->jitter_seed, "disturb the order of lanes at random, from this seed")
      .Group(test_group);
  app.AddOption("--shuffle", &flags->shuffle_seed, "disturb the order of the rows that sources give, from this seed")
      .Group(test_group);
  app.AddOption("--channel-batches", &flags->channel_batches, "batches that a channel between tasks holds")
      .Range(1, int64_t{1} << 20)
      .Group(test_group);
}

int LanesOf(const EngineFlags& flags) {
  if (flags.lanes > 0) return flags.lanes;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

Result<EngineSetup> SetUpEngine(const EngineFlags& flags) {
  EngineSetup setup;
  Env& env = Env::Real();
  int64_t budget_bytes = 0;
  if (!flags.memory.empty()) {
    WEIR_ASSIGN_OR_RETURN(ByteSize size, ParseByteSize(flags.memory));
    budget_bytes = size.bytes;
  }
  WEIR_ASSIGN_OR_RETURN(setup.memory, flags.force_spill ? MemoryBudget::Fixed(1) : MemoryBudget::Make(budget_bytes));
  WEIR_ASSIGN_OR_RETURN(setup.temp, TempDirectory::Create(env, flags.temp_dir));
  RunOptions& options = setup.options;
  options.lanes = LanesOf(flags);
  options.split_rows = flags.split_rows > 0 ? flags.split_rows : flags.batch_rows;
  if (flags.batch_rows > 0) options.batch_rows = flags.batch_rows;
  options.jitter_seed = flags.jitter_seed;
  options.shuffle_seed = flags.shuffle_seed;
  options.seed = flags.seed != 0 ? flags.seed : env.RandomSeed();
  if (flags.channel_batches > 0) options.channel.batches = flags.channel_batches;
  // Channels may hold an eighth of the budget between them; a handful are full at any time.
  options.channel.bytes = std::clamp<int64_t>(setup.memory->limit_bytes() / 64, 256 << 10, 8 << 20);
  options.temp_dir = setup.temp->path();
  return setup;
}

}  // namespace weir
