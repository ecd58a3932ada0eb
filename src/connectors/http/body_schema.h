// The fields of what comes by HTTP: those that the step declares, or the one of text.
#pragma once

#include "config/field_types.h"
#include "plan/binding.h"

namespace weir {

/// Null after an error: text takes no `schema`, everything else needs one.
SchemaPtr BodySchema(bool is_text, const SchemaDecl& declared, BindContext& context);

}  // namespace weir
