// The table of contents of the connectors: one line each, in alphabetical order.
#include "connectors/register.h"

#include "connectors/s3/s3_store.h"
#include "plan/binding.h"

namespace weir {

void RegisterGenerate(Registry& registry);
void RegisterPollHttp(Registry& registry);
void RegisterPrint(Registry& registry);
void RegisterReadFromCsv(Registry& registry);
void RegisterReadFromHttp(Registry& registry);
void RegisterReadFromJson(Registry& registry);
void RegisterReadFromKafka(Registry& registry);
void RegisterReadFromNexmark(Registry& registry);
void RegisterReadFromParquet(Registry& registry);
void RegisterReadFromPostgres(Registry& registry);
void RegisterReadFromPostgresChanges(Registry& registry);
void RegisterReadFromSqlite(Registry& registry);
void RegisterReadFromTcp(Registry& registry);
void RegisterReadFromText(Registry& registry);
void RegisterStepReports(Registry& registry);
void RegisterWriteToCsv(Registry& registry);
void RegisterWriteToHttp(Registry& registry);
void RegisterWriteToJson(Registry& registry);
void RegisterWriteToKafka(Registry& registry);
void RegisterWriteToParquet(Registry& registry);
void RegisterWriteToPostgres(Registry& registry);
void RegisterWriteToSqlite(Registry& registry);
void RegisterWriteToText(Registry& registry);

void RegisterConnectors(Registry& registry) {
  RegisterS3();
  RegisterGenerate(registry);
  RegisterPollHttp(registry);
  RegisterPrint(registry);
  RegisterReadFromCsv(registry);
  RegisterReadFromHttp(registry);
  RegisterReadFromJson(registry);
  RegisterReadFromKafka(registry);
  RegisterReadFromNexmark(registry);
  RegisterReadFromParquet(registry);
  RegisterReadFromPostgres(registry);
  RegisterReadFromPostgresChanges(registry);
  RegisterReadFromSqlite(registry);
  RegisterReadFromTcp(registry);
  RegisterReadFromText(registry);
  RegisterStepReports(registry);
  RegisterWriteToCsv(registry);
  RegisterWriteToHttp(registry);
  RegisterWriteToJson(registry);
  RegisterWriteToKafka(registry);
  RegisterWriteToParquet(registry);
  RegisterWriteToPostgres(registry);
  RegisterWriteToSqlite(registry);
  RegisterWriteToText(registry);
}

}  // namespace weir
