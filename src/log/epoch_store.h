// EpochStore: where a stage keeps what it has committed: positions of its sources, state of its operators, tokens of
// its sinks.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/event_time.h"
#include "state/snapshot/state_cells.h"

namespace weir {

/// What an epoch says of one node of the plan.
struct NodeEpoch {
  std::string config_hash;              // of the step's settings, where the node keeps something
  EventTime watermark = kMinEventTime;  // of its input; of a source, what it said last
  std::string position;                 // sources: where to go on reading
  bool ended = false;                   // operators: has given its last and keeps nothing any more
  std::string token;                    // sinks: names the epoch's output for Commit
  StateCells cells;                     // operators: in a record what changed, in a state everything
};

/// One epoch, as it is committed.
struct EpochRecord {
  int64_t epoch = 0;      // 1, 2, …
  int64_t wall_us = 0;    // when it was taken, µs since 1970
  bool finished = false;  // every source has ended and everything is given: there is nothing to go on with
  std::map<std::string, NodeEpoch> nodes;  // by name of the node in the plan, the same at every start
};

/// What is there after some epochs.
struct EpochState {
  int64_t epoch = 0;
  bool finished = false;
  std::map<std::string, NodeEpoch> nodes;
};

/// One per stage. Its methods are called by one thread at a time.
class EpochStore {
 public:
  virtual ~EpochStore() = default;
  /// The state after the last commit; nullopt: there has been none. Called once, before anything is committed.
  virtual Result<std::optional<EpochState>> Load() = 0;
  /// Adds an epoch, the next after the last. When it returns OK the record survives what the store's durability
  /// promises; after an error it is unknown whether it does, and nothing more may be committed.
  virtual Status Commit(const EpochRecord& record) = 0;
};

/// An EpochStore in memory: for tests, and for runs that are to be restarted within a process.
class MemoryEpochStore final : public EpochStore {
 public:
  Result<std::optional<EpochState>> Load() override { return state_; }
  Status Commit(const EpochRecord& record) override;

 private:
  std::optional<EpochState> state_;
};

/// Puts what a record says over a state: of cells, the last of each key.
void ApplyEpoch(const EpochRecord& record, EpochState* state);

}  // namespace weir
