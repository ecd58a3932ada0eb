// Rows written in a pipeline file: the elements of Create, mocks and expectations of tests.
#pragma once

#include "batch/batch.h"
#include "config/diagnostic.h"
#include "config/node.h"

namespace weir {

/// One row per item of the sequence `elements`: a map is a row, anything else is {element: x}. Types are inferred over
/// all items (missing keys are null, integers among numbers become numbers); items that do not fit together are
/// reported at their place. False after an error.
bool LiteralRows(const NodePtr& elements, Batch* out, Diagnostics* diagnostics);

}  // namespace weir
