// What the tests of crashes have in common: epochs whose outcome is known, runs that commit them, and findings.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/simulated/simulated_file_system.h"
#include "log/log_epoch_store.h"

namespace weir {

/// The outcome of one test: how many cases there were, and what went wrong in the first ones.
class Findings {
 public:
  void Case() { ++cases_; }
  void Wrong(std::string what) {
    ++wrong_;
    if (first_.size() < 5) first_.push_back(std::move(what));
  }
  int64_t cases() const { return cases_; }
  int64_t wrong() const { return wrong_; }
  const std::vector<std::string>& first() const { return first_; }

 private:
  int64_t cases_ = 0, wrong_ = 0;
  std::vector<std::string> first_;
};

/// A state as text: equal states, equal texts. Epoch 0 is the empty text.
std::string TextOf(const std::optional<EpochState>& state);

/// Random epochs, and what is there after each of them, according to a MemoryEpochStore.
class Epochs {
 public:
  Epochs(uint64_t seed, int count);
  int64_t count() const { return static_cast<int64_t>(records_.size()); }
  /// 1 … count().
  const EpochRecord& record(int64_t epoch) const { return records_[static_cast<size_t>(epoch - 1)]; }
  const std::string& after(int64_t epoch) const { return after_[static_cast<size_t>(epoch)]; }

 private:
  std::vector<EpochRecord> records_;
  std::vector<std::string> after_;
};

inline constexpr char kFolder[] = "/state/stage";

/// Small segments, so that they are begun, folded and removed all the time.
EpochStoreOptions SmallOptions(const PlantedFaults& faults);

/// Where a run stands: what was acknowledged, and what was begun.
struct Progress {
  int64_t acknowledged = 0;
  int64_t begun = 0;
};

/// Opens the store, checks what it holds against `progress`, and returns the epoch. An error says what is wrong.
Result<int64_t> Recover(SimulatedFileSystem& files, const Epochs& epochs, Progress progress,
                        const EpochStoreOptions& options, std::unique_ptr<LogEpochStore>* store);

/// Commits epochs up to `last`, opening the store anew after every `restart_after` of them. A full disk is tried again
/// `retries` times. The first error ends it.
Status RunEpochs(SimulatedFileSystem& files, const Epochs& epochs, int64_t last, int restart_after, int retries,
                 const EpochStoreOptions& options, Progress* progress);

// The tests. Each has its own file.
Findings CrashAfterEveryOperation(uint64_t seed, int64_t operations, const PlantedFaults& faults);
Findings FailEveryOperation(uint64_t seed, int64_t operations);
Findings CutAndFlipTails(uint64_t seed);
Findings TwoOwners(const PlantedFaults& faults);
Findings PlantedFaultsAreCaught(uint64_t seed);
Findings ReadFixtures(const std::string& folder);
Status WriteFixtures(const std::string& folder);

}  // namespace weir
