// One call before the first use of arrow::compute: its kernels are registered on demand, not at load time.
#pragma once

namespace weir {

/// Registers Arrow's compute kernels. Cheap after the first call; thread-safe.
void EnsureCompute();

}  // namespace weir
