// Types that a pipeline file declares, as the types that flow.
#pragma once

#include "batch/types.h"
#include "config/diagnostic.h"
#include "config/field_types.h"

namespace weir {

/// The type that `decl` names; null after a diagnostic at its place.
TypePtr TypeOfDecl(const TypeDecl& decl, Diagnostics* diagnostics);

}  // namespace weir
