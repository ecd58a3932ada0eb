// Types and schemas that a pipeline file declares, as the types that flow.
#pragma once

#include <optional>

#include "batch/batch.h"
#include "config/field_types.h"
#include "plan/binding.h"

namespace weir {

/// The flowing type of `declared`. Null after an error at its place.
TypePtr DeclaredType(const TypeDecl& declared, BindContext& context);

/// The columns of `declared`, in its order. Null after errors, each at its place.
SchemaPtr DeclaredSchema(const SchemaDecl& declared, BindContext& context);

}  // namespace weir
