// The table of contents of the transforms: one line each, in alphabetical order.
#include "operators/register.h"

#include "plan/binding.h"

namespace weir {

void RegisterCombine(Registry& registry);
void RegisterCreate(Registry& registry);
void RegisterFilter(Registry& registry);
void RegisterFlatten(Registry& registry);
void RegisterSort(Registry& registry);
void RegisterTop(Registry& registry);
void RegisterWindowInto(Registry& registry);

void RegisterOperators(Registry& registry) {
  RegisterCombine(registry);
  RegisterCreate(registry);
  RegisterFilter(registry);
  RegisterFlatten(registry);
  RegisterSort(registry);
  RegisterTop(registry);
  RegisterWindowInto(registry);
}

}  // namespace weir
