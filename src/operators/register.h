// All transforms.
#pragma once

namespace weir {

class Registry;
void RegisterOperators(Registry& registry);

}  // namespace weir
