// The check of the processor; compiled for any x86-64, since it runs where the rest cannot.
#include "base/cpu.h"

#include <string>

namespace weir {

Status CheckCpu() {
#ifdef __x86_64__
  std::string missing;
  if (!__builtin_cpu_supports("avx2")) missing += " AVX2";
  if (!__builtin_cpu_supports("bmi2")) missing += " BMI2";
  if (!__builtin_cpu_supports("fma")) missing += " FMA";
  if (!__builtin_cpu_supports("pclmul")) missing += " PCLMUL";
  if (!missing.empty()) {
    return Status::CapacityError("this processor lacks", missing,
                                 "; Weir needs x86-64-v3 (Intel since Haswell, 2013; AMD since Excavator, 2015)");
  }
#endif
  return Status::OK();
}

}  // namespace weir
