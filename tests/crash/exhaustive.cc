// A workload that is crashed after each of its operations, in three ways; each recovery is crashed once more.
#include <random>

#include "crash/workload.h"

namespace weir {
namespace {

constexpr Unsynced kTreatments[] = {Unsynced::kKept, Unsynced::kDropped, Unsynced::kTorn};
constexpr const char* kTreatmentNames[] = {"kept", "dropped", "torn"};
constexpr int kMaxRecoveryOperations = 20;

class Crasher {
 public:
  Crasher(const Epochs& epochs, const EpochStoreOptions& options, uint64_t seed, Findings* findings)
      : epochs_(epochs), options_(options), random_(seed), findings_(findings) {}

  void Crash(const SimulatedFileSystem& files, Progress progress) {
    for (int i = 0; i < 3; ++i) {
      const std::unique_ptr<SimulatedFileSystem> copy = files.Clone();
      const uint64_t seed = random_();
      copy->Crash(kTreatments[i], seed);
      findings_->Case();
      const Status status = Check(*copy, progress);
      if (status.ok()) continue;
      findings_->Wrong("crash after operation " + std::to_string(files.operations()) + ", unsynced " +
                       kTreatmentNames[i] + ", seed " + std::to_string(seed) + ": " + status.message());
    }
  }

 private:
  Status Check(SimulatedFileSystem& files, Progress progress) {
    std::unique_ptr<LogEpochStore> store;
    // A recovery that does not come to its end.
    files.StopAt(static_cast<int64_t>(random_() % kMaxRecoveryOperations));
    const Result<int64_t> first = Recover(files, epochs_, progress, options_, &store);
    if (first.ok()) progress = {*first, *first};
    store.reset();
    files.Crash(kTreatments[random_() % 3], random_());
    // One that does: what it says is there now stays there, and so does what is added.
    WEIR_ASSIGN_OR_RETURN(const int64_t epoch, Recover(files, epochs_, progress, options_, &store));
    store.reset();
    files.Crash(Unsynced::kDropped, 0);
    WEIR_RETURN_NOT_OK(Recover(files, epochs_, {epoch, epoch}, options_, &store).status());
    if (epoch == epochs_.count()) return Status::OK();
    WEIR_RETURN_NOT_OK(store->Commit(epochs_.record(epoch + 1)));
    store.reset();
    files.Crash(kTreatments[random_() % 3], random_());
    return Recover(files, epochs_, {epoch + 1, epoch + 1}, options_, &store).status();
  }

  const Epochs& epochs_;
  const EpochStoreOptions& options_;
  std::mt19937_64 random_;
  Findings* const findings_;
};

}  // namespace

Findings CrashAfterEveryOperation(uint64_t seed, int64_t operations, const PlantedFaults& faults) {
  Findings findings;
  const Epochs epochs(seed, static_cast<int>(operations));
  const EpochStoreOptions options = SmallOptions(faults);
  Crasher crasher(epochs, options, seed + 1, &findings);
  SimulatedFileSystem files;
  Progress progress;
  bool inside = false;
  files.OnOperation([&] {
    if (inside || files.operations() > operations) return;
    inside = true;
    crasher.Crash(files, progress);
    inside = false;
  });
  while (files.operations() < operations && progress.acknowledged < epochs.count()) {
    const int64_t last = std::min(epochs.count(), progress.acknowledged + 30);
    const Status status = RunEpochs(files, epochs, last, 30, 0, options, &progress);
    if (status.ok()) continue;
    findings.Wrong("without any crash: " + status.message());
    break;
  }
  return findings;
}

}  // namespace weir
