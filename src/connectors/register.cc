// The table of contents of the connectors: one line each, in alphabetical order.
#include "connectors/register.h"

#include "plan/binding.h"

namespace weir {

void RegisterPrint(Registry& registry);

void RegisterConnectors(Registry& registry) { RegisterPrint(registry); }

}  // namespace weir
