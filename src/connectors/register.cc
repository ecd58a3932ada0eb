// The table of contents of the connectors: one line each, in alphabetical order.
#include "connectors/register.h"

#include "plan/binding.h"

namespace weir {

void RegisterGenerate(Registry& registry);
void RegisterPrint(Registry& registry);
void RegisterReadFromNexmark(Registry& registry);
void RegisterReadFromParquet(Registry& registry);
void RegisterWriteToParquet(Registry& registry);

void RegisterConnectors(Registry& registry) {
  RegisterGenerate(registry);
  RegisterPrint(registry);
  RegisterReadFromNexmark(registry);
  RegisterReadFromParquet(registry);
  RegisterWriteToParquet(registry);
}

}  // namespace weir
