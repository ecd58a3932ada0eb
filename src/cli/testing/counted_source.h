// A source of literal rows that knows how many of them it has given.
#pragma once

#include <memory>

#include "batch/batch.h"
#include "engine/operator.h"

namespace weir {

/// Gives `rows` in order, one at a time; lanes take turns as they come. Its position is the number of the next row.
std::shared_ptr<Source> MakeCountedSource(Batch rows);

}  // namespace weir
