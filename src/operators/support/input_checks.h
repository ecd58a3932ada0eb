// What several steps ask of their inputs.
#pragma once

#include "plan/binding.h"

namespace weir {

/// True, after an error at the step, when an input has rows that can be taken back (CollectionInfo::changes) and the
/// step would lose their weights.
bool RefuseChanges(const std::string& type, BindContext& context);

}  // namespace weir
