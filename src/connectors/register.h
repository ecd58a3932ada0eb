// All sources and sinks that reach outside.
#pragma once

namespace weir {

class Registry;
void RegisterConnectors(Registry& registry);

}  // namespace weir
