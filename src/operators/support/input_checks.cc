// Checks of a step's inputs, said at the step.
#include "operators/support/input_checks.h"

namespace weir {

bool RefuseChanges(const std::string& type, BindContext& context) {
  bool refused = false;
  for (const StepInputInfo& input : context.inputs()) {
    if (!input.info.changes) continue;
    context.StepError(type + " needs rows that stay; those of '" + input.origin + "' can be taken back",
                      "write the changes into the rows with ToChanges, or reduce them before, with Combine in windows");
    refused = true;
  }
  return refused;
}

}  // namespace weir
