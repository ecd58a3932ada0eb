// Fuzz target: any bytes as a file of JSON. Schema and rows are valid, and do not depend on how the file is cut into
// blocks. The first byte chooses the block size.
#include <cstddef>
#include <cstdint>

#include "formats/json/json_parser.h"
#include "formats/json/json_scanner.h"
#include "formats/json/json_schema.h"
#include "fuzz/text_rows.h"

namespace weir {
namespace {

constexpr int64_t kWhole = 1 << 20;

TextRows Parse(std::string_view text, const std::shared_ptr<const JsonReadPlan>& plan, int64_t block_bytes) {
  std::unique_ptr<RecordScanner> scanner;
  if (plan->layout == JsonLayout::kLines) {
    scanner = std::make_unique<LineScanner>();
  } else {
    scanner = std::make_unique<JsonDocumentScanner>();
  }
  BlockFeeder feeder(FuzzInput(text), std::move(scanner), {block_bytes, kWhole});
  auto parser = JsonBlockParser::Make(plan);
  WEIR_CHECK(parser.ok(), "an inferred schema can be parsed");
  return ReadAll(feeder, **parser);
}

void Try(std::string_view text, int64_t block_bytes) {
  auto plan = std::make_shared<JsonReadPlan>();
  plan->layout = DetectJsonLayout(text, true);
  const Result<SchemaPtr> schema = InferJsonSchema(text, true, plan->layout, "fuzz");
  if (!schema.ok()) return;
  plan->schema = *schema;
  CheckSame(Parse(text, plan, kWhole), Parse(text, plan, block_bytes));
}

}  // namespace
}  // namespace weir

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  weir::Try(std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1), 1 + data[0]);
  return 0;
}
