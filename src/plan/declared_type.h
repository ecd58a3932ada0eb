// Types and schemas that a pipeline file declares, as the types that flow.
#pragma once

#include "batch/batch.h"
#include "batch/types.h"
#include "config/diagnostic.h"
#include "config/field_types.h"

namespace weir {

/// The flowing type of `declared`. Null after an error at its place.
TypePtr DeclaredType(const TypeDecl& declared, Diagnostics* diagnostics);

/// The columns of `declared`, in its order. Null after errors, each at its place.
SchemaPtr DeclaredSchema(const SchemaDecl& declared, Diagnostics* diagnostics);

}  // namespace weir
