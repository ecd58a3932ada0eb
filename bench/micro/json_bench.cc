// NDJSON text into typed columns: json_bench FILE [MiB] [times] [filter]. The file is read through the page cache.
#include <arrow/io/file.h>
#include <arrow/type.h>

#include <cstdlib>
#include <iostream>

#include "bench_main.h"
#include "formats/json/json_parser.h"
#include "formats/json/json_schema.h"
#include "formats/json/json_writer.h"
#include "formats/text/block_feeder.h"

namespace weir {
namespace {

template <class T>
T Must(Result<T> result) {
  if (!result.ok()) {
    std::cerr << result.status().ToString() << "\n";
    std::exit(1);
  }
  return std::move(result).ValueUnsafe();
}

int64_t Run(const std::string& path, int64_t limit, const std::vector<std::string>& columns, int stage) {
  auto file = Must(arrow::io::ReadableFile::Open(path));
  BlockFeeder feeder(TextInput{path, nullptr, file}, std::make_unique<LineScanner>());
  auto plan = std::make_shared<JsonReadPlan>();
  plan->schema = Must(InferJsonSchema(Must(feeder.Peek(1 << 20)), false, JsonLayout::kLines, path));
  for (const auto& field : plan->schema->fields()) {
    plan->needed.push_back(columns.empty() ||
                           std::find(columns.begin(), columns.end(), field->name()) != columns.end());
  }
  auto parser = Must(JsonBlockParser::Make(plan));
  JsonWriter writer(plan->schema, JsonForm::kLines);
  TextBlock block;
  TextOutput out;
  std::vector<RecordError> errors;
  int64_t rows = 0;
  while (feeder.bytes_done() < limit && Must(feeder.Next(&block))) {
    if (stage == 0) {
      ++rows;
      continue;
    }
    const Batch batch = Must(parser->Parse(block, &errors));
    rows += batch.num_rows();
    if (stage == 2) {
      out.Clear();
      if (!writer.Write(batch, &out).ok()) return 0;
    }
  }
  if (!errors.empty()) std::cerr << errors[0].place << ": " << errors[0].message << "\n";
  return rows;
}

}  // namespace
}  // namespace weir

int main(int argc, char** argv) {
  using weir::Run;
  if (argc < 2) return 2;
  const std::string path = argv[1];
  const int64_t limit = (argc > 2 ? std::atoll(argv[2]) : 600) << 20;
  std::vector<weir::bench::Case> cases = {
      {"feed blocks", [&] { return Run(path, limit, {}, 0); }},
      {"all columns", [&] { return Run(path, limit, {}, 1); }},
      {"4 columns",
       [&] {
         return Run(path, limit, {"auction", "price", "channel", "url"}, 1);
       }},
      {"all columns, and printed again", [&] { return Run(path, limit, {}, 2); }},
  };
  weir::bench::RunAll(cases, argc > 3 ? std::atoi(argv[3]) : 3, static_cast<double>(limit),
                      argc > 4 ? argv[4] : nullptr);
}
