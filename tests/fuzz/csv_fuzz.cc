// Fuzz target: any bytes as a CSV file. Schema and rows are valid, and do not depend on how the file is cut into
// blocks. The first byte chooses the block size.
#include <cstddef>
#include <cstdint>
#include <string>

#include "formats/csv/csv_index.h"
#include "formats/csv/csv_parser.h"
#include "formats/csv/csv_schema.h"
#include "fuzz/text_rows.h"

namespace weir {
namespace {

constexpr int64_t kWhole = 1 << 20;

TextRows Parse(std::string_view text, const CsvHead& head, const std::shared_ptr<const CsvReadPlan>& plan,
               const std::vector<int>& fields, int64_t block_bytes) {
  BlockFeeder feeder(FuzzInput(text), std::make_unique<CsvScanner>(plan->options.dialect), {block_bytes, kWhole});
  WEIR_CHECK(feeder.Peek(kWhole).ok(), "memory can be read");
  feeder.Skip(head.data_begin);
  auto parser = CsvBlockParser::Make(plan, fields, static_cast<int>(head.names.size()));
  WEIR_CHECK(parser.ok(), "an inferred schema can be parsed");
  return ReadAll(feeder, **parser);
}

void Try(std::string_view text, int64_t block_bytes) {
  auto plan = std::make_shared<CsvReadPlan>();
  const Result<CsvHead> head = ReadCsvHead(text, true, "fuzz", plan->options);
  if (!head.ok()) return;
  const Result<SchemaPtr> schema = InferCsvSchema(text, true, "fuzz", *head, plan->options);
  if (!schema.ok()) return;
  plan->schema = *schema;
  const Result<std::vector<int>> fields = MapCsvFields(*plan->schema, *head, "fuzz", plan->options, false);
  WEIR_CHECK(fields.ok(), "an inferred schema has the fields of its file");
  CheckSame(Parse(text, *head, plan, *fields, kWhole), Parse(text, *head, plan, *fields, block_bytes));
}

}  // namespace
}  // namespace weir

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  weir::Try(std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1), 1 + data[0]);
  return 0;
}
