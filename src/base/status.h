// Status and Result: Arrow's, used across every module boundary. Our code throws nothing.
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

namespace weir {

using arrow::Result;
using arrow::Status;

/// Whose fault an error is decides what a run does with it. The code carries it, so it survives every boundary:
///   Invalid, KeyError, TypeError, IndexError   the pipeline or the data (user): never retried
///   IOError                                    the world outside (external): may be retried
///   Cancelled                                  the user stopped the run
///   CapacityError, OutOfMemory                 a limit of ours or the machine's
///   UnknownError, NotImplemented               ours (internal): a bug or something that this version refuses
#define WEIR_RETURN_NOT_OK ARROW_RETURN_NOT_OK
#define WEIR_ASSIGN_OR_RETURN ARROW_ASSIGN_OR_RAISE

}  // namespace weir
