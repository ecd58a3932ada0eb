// Script: what the mocked steps of a transcript give, one item at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "batch/batch.h"
#include "engine/operator.h"
#include "plan/testing/transcript.h"

namespace weir {

/// How far a transcript is: shared by all that speak and listen in its run. Thread-safe.
class Script {
 public:
  explicit Script(const Transcript* transcript) : transcript_(*transcript) {}  // which outlives it

  /// Items that were given so far; one more than there are when the script is over and what is still open ends.
  size_t position() const { return position_; }
  /// Gives the next item, when all before have had their effect. False when it was over already.
  bool Advance();
  const Transcript& transcript() const { return transcript_; }

 private:
  const Transcript& transcript_;
  std::atomic<size_t> position_{0};
};

/// The source that stands for transcript.mocked[collection]. One lane. `rows` are all rows of its inputs, in order.
std::shared_ptr<Source> MakeScriptSource(std::shared_ptr<const Script> script, int collection, Batch rows);

}  // namespace weir
