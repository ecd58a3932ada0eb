// The table of contents of the transforms: one line each, in alphabetical order.
#include "operators/register.h"

#include "plan/binding.h"

namespace weir {

void RegisterAssertEqual(Registry& registry);
void RegisterAssignTimestamps(Registry& registry);
void RegisterCombine(Registry& registry);
void RegisterCreate(Registry& registry);
void RegisterDedupe(Registry& registry);
void RegisterDifference(Registry& registry);
void RegisterDistinct(Registry& registry);
void RegisterExplode(Registry& registry);
void RegisterExtractWindowingInfo(Registry& registry);
void RegisterFilter(Registry& registry);
void RegisterFlatten(Registry& registry);
void RegisterFromChanges(Registry& registry);
void RegisterJoin(Registry& registry);
void RegisterKeepTable(Registry& registry);
void RegisterLimit(Registry& registry);
void RegisterLogForTesting(Registry& registry);
void RegisterMapToFields(Registry& registry);
void RegisterPartition(Registry& registry);
void RegisterReshuffle(Registry& registry);
void RegisterSort(Registry& registry);
void RegisterStripErrorMetadata(Registry& registry);
void RegisterSql(Registry& registry);
void RegisterStateful(Registry& registry);
void RegisterSum(Registry& registry);
void RegisterToChanges(Registry& registry);
void RegisterTop(Registry& registry);
void RegisterValidateWithSchema(Registry& registry);
void RegisterWindowInto(Registry& registry);

void RegisterOperators(Registry& registry) {
  RegisterAssertEqual(registry);
  RegisterAssignTimestamps(registry);
  RegisterCombine(registry);
  RegisterCreate(registry);
  RegisterDedupe(registry);
  RegisterDifference(registry);
  RegisterDistinct(registry);
  RegisterExplode(registry);
  RegisterExtractWindowingInfo(registry);
  RegisterFilter(registry);
  RegisterFlatten(registry);
  RegisterFromChanges(registry);
  RegisterJoin(registry);
  RegisterKeepTable(registry);
  RegisterLimit(registry);
  RegisterLogForTesting(registry);
  RegisterMapToFields(registry);
  RegisterPartition(registry);
  RegisterReshuffle(registry);
  RegisterSort(registry);
  RegisterStripErrorMetadata(registry);
  RegisterSql(registry);
  RegisterStateful(registry);
  RegisterSum(registry);
  RegisterToChanges(registry);
  RegisterTop(registry);
  RegisterValidateWithSchema(registry);
  RegisterWindowInto(registry);
}

}  // namespace weir
