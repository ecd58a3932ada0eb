// The processor that this binary was compiled for.
#pragma once

#include "base/status.h"

namespace weir {

/// OK, or an error that names the instruction sets (AVX2, BMI2, FMA, PCLMUL) that the kernels use and this processor
/// lacks. main() asks first, since later code would die of an illegal instruction.
Status CheckCpu();

}  // namespace weir
