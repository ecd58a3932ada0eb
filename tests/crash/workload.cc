// Epochs of two nodes: one whose keys change again and again, one that grows and is emptied.
#include "crash/workload.h"

#include <map>
#include <random>
#include <tuple>

#include "env/system_error.h"

namespace weir {
namespace {

EpochRecord RandomEpoch(int64_t epoch, std::mt19937_64& random) {
  EpochRecord record;
  record.epoch = epoch;
  record.wall_us = epoch * 1'000'000;
  NodeEpoch& sums = record.nodes["Sums"];
  sums.config_hash = "1234";
  sums.watermark = epoch * 10;
  const int changes = static_cast<int>(random() % 12);
  for (int i = 0; i < changes; ++i) {
    const int number = static_cast<int>(random() % 60);
    const std::string key = "key " + std::to_string(number);
    if (random() % 8 == 0) {
      sums.cells.Delete(number % 2, number * 4, key);
    } else {
      sums.cells.Put(number % 2, number * 4, key, std::string(random() % 120, static_cast<char>('a' + epoch % 26)));
    }
  }
  record.nodes["Source"].position = "{\"offset\": " + std::to_string(random() % 1000) + "}";
  if (epoch % 3 == 0) record.nodes["Sink"].token = "token " + std::to_string(epoch);
  return record;
}

}  // namespace

std::string TextOf(const std::optional<EpochState>& state) {
  if (!state) return "";
  std::string text = "epoch " + std::to_string(state->epoch) + (state->finished ? " finished\n" : "\n");
  for (const auto& [name, node] : state->nodes) {
    text += name + " " + node.config_hash + " " + std::to_string(node.watermark) + " " + node.position + " " +
            node.token + (node.ended ? " ended\n" : "\n");
    std::map<std::tuple<int, int, std::string>, std::string> cells;
    for (int64_t i = 0; i < node.cells.size(); ++i) {
      const StateCell cell = node.cells.at(i);
      cells[{cell.table, cell.group, std::string(cell.key)}] += cell.deleted ? "(deleted)" : cell.value;
    }
    for (const auto& [key, value] : cells) {
      text += "  " + std::to_string(std::get<0>(key)) + " " + std::to_string(std::get<1>(key)) + " " +
              std::get<2>(key) + " = " + value + "\n";
    }
  }
  return text;
}

Epochs::Epochs(uint64_t seed, int count) : after_{""} {
  std::mt19937_64 random(seed);
  MemoryEpochStore store;
  for (int64_t epoch = 1; epoch <= count; ++epoch) {
    records_.push_back(RandomEpoch(epoch, random));
    (void)store.Commit(records_.back());
    after_.push_back(TextOf(store.Load().ValueOrDie()));
  }
}

EpochStoreOptions SmallOptions(const PlantedFaults& faults) {
  EpochStoreOptions options;
  options.segment_bytes = 4 << 10;
  options.fold_bytes = 1 << 10;
  options.faults = faults;
  return options;
}

Result<int64_t> Recover(SimulatedFileSystem& files, const Epochs& epochs, Progress progress,
                        const EpochStoreOptions& options, std::unique_ptr<LogEpochStore>* store) {
  store->reset();
  WEIR_ASSIGN_OR_RETURN(*store, LogEpochStore::Open(files, kFolder, options));
  WEIR_ASSIGN_OR_RETURN(const std::optional<EpochState> state, (*store)->Load());
  const int64_t epoch = state ? state->epoch : 0;
  if (epoch < progress.acknowledged || epoch > progress.begun) {
    return Status::Invalid("epoch ", epoch, " is there; ", progress.acknowledged, " was acknowledged and ",
                           progress.begun, " begun");
  }
  if (TextOf(state) != epochs.after(epoch)) return Status::Invalid("the state of epoch ", epoch, " is another");
  return epoch;
}

Status RunEpochs(SimulatedFileSystem& files, const Epochs& epochs, int64_t last, int restart_after, int retries,
                 const EpochStoreOptions& options, Progress* progress) {
  std::unique_ptr<LogEpochStore> store;
  for (int64_t since = restart_after; progress->acknowledged < last; ++since) {
    if (since >= restart_after) {
      WEIR_ASSIGN_OR_RETURN(progress->acknowledged, Recover(files, epochs, *progress, options, &store));
      if (progress->acknowledged == last) break;
      since = 0;
    }
    progress->begun = progress->acknowledged + 1;
    Status committed = store->Commit(epochs.record(progress->begun));
    for (int i = 0; i < retries && IsDiskFull(committed); ++i)
      committed = store->Commit(epochs.record(progress->begun));
    WEIR_RETURN_NOT_OK(committed);
    progress->acknowledged = progress->begun;
  }
  return Status::OK();
}

}  // namespace weir
