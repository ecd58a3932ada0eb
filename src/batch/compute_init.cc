// Registers Arrow's compute kernels once per process.
#include "batch/compute_init.h"

#include <arrow/compute/initialize.h>

#include "base/check.h"

namespace weir {

void EnsureCompute() {
  static const bool ok = arrow::compute::Initialize().ok();
  WEIR_CHECK(ok, "Arrow's compute kernels could not be registered");
}

}  // namespace weir
