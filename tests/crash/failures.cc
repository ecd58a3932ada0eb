// Each operation of a workload fails, in four ways, once or from then on: the outcome is right, or the run stops and
// the next one makes it right.
#include <random>

#include "crash/workload.h"

namespace weir {
namespace {

constexpr InjectedFailure::Kind kKinds[] = {InjectedFailure::Kind::kEio, InjectedFailure::Kind::kEnospc,
                                            InjectedFailure::Kind::kEintr, InjectedFailure::Kind::kShort};
constexpr const char* kKindNames[] = {"EIO", "ENOSPC", "EINTR", "short"};
constexpr int kRestartAfter = 20;

Status RunWithFailure(const Epochs& epochs, int64_t last, InjectedFailure failure, uint64_t seed) {
  std::mt19937_64 random(seed);
  const EpochStoreOptions options = SmallOptions({});
  SimulatedFileSystem files;
  files.Fail(failure);
  Progress progress;
  if (RunEpochs(files, epochs, last, kRestartAfter, 2, options, &progress).ok()) return Status::OK();
  // The cause is gone, and sometimes the power was too.
  files.Fail({});
  if (random() % 2 == 0) files.Crash(Unsynced::kTorn, random());
  return RunEpochs(files, epochs, last, kRestartAfter, 0, options, &progress);
}

}  // namespace

Findings FailEveryOperation(uint64_t seed, int64_t operations) {
  Findings findings;
  // So many epochs that there are as many operations as were asked for.
  const Epochs all(seed, static_cast<int>(operations));
  SimulatedFileSystem files;
  Progress progress;
  while (files.operations() < operations) {
    (void)RunEpochs(files, all, progress.acknowledged + kRestartAfter, kRestartAfter, 0, SmallOptions({}), &progress);
  }
  for (int64_t at = 0; at < operations; ++at) {
    for (int kind = 0; kind < 4; ++kind) {
      for (const bool for_ever : {false, true}) {
        findings.Case();
        const Status status = RunWithFailure(all, progress.acknowledged, {at, kKinds[kind], for_ever}, seed + at);
        if (status.ok()) continue;
        findings.Wrong(std::string(kKindNames[kind]) + (for_ever ? " from operation " : " at operation ") +
                       std::to_string(at) + ": " + status.message());
      }
    }
  }
  return findings;
}

}  // namespace weir
