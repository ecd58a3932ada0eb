// EpochPlan: whether a durable run of a plan can end epochs while it runs, and what it promises.
#pragma once

#include <string>
#include <vector>

#include "plan/physical.h"

namespace weir {

struct EpochPlan {
  /// Epochs are committed while the run lasts. If not, the whole run is one epoch: after a crash it starts anew.
  bool many = true;
  std::string reason;  // why not
  /// A step that never ends and cannot be made durable: such a run is refused. Empty: none.
  std::string refusal;
  /// What sinks promise, a line for each that is not exactly once: "step 'Print' at least once: …".
  std::vector<std::string> weaker;
};
EpochPlan PlanEpochs(const PhysicalPlan& plan);

/// By node: what it is called in epochs, the same as long as the file does not rename its step.
std::vector<std::string> DurableNames(const PhysicalPlan& plan);

}  // namespace weir
