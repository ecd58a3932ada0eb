// CSV text into typed columns: csv_bench FILE [MiB] [times] [filter]. The file is read through the page cache.
#include <arrow/io/file.h>
#include <arrow/type.h>

#include <cstdlib>
#include <iostream>

#include "bench_main.h"
#include "formats/csv/csv_index.h"
#include "formats/csv/csv_parser.h"
#include "formats/csv/csv_schema.h"
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

struct Opened {
  std::unique_ptr<BlockFeeder> feeder;
  CsvHead head;
  SchemaPtr schema;
};

Opened Open(const std::string& path, const CsvReadOptions& options) {
  Opened out;
  auto file = Must(arrow::io::ReadableFile::Open(path));
  out.feeder =
      std::make_unique<BlockFeeder>(TextInput{path, nullptr, file}, std::make_unique<CsvScanner>(options.dialect));
  const auto sample = Must(out.feeder->Peek(options.sample_bytes));
  out.head = Must(ReadCsvHead(sample, false, path, options));
  out.schema = Must(InferCsvSchema(sample, false, path, out.head, options));
  out.feeder->Skip(out.head.data_begin);
  return out;
}

int64_t Run(const std::string& path, int64_t limit, const std::vector<std::string>& columns, const char* filter,
            int stage) {
  auto plan = std::make_shared<CsvReadPlan>();
  Opened in = Open(path, plan->options);
  plan->schema = in.schema;
  for (const auto& field : in.schema->fields()) {
    plan->needed.push_back(columns.empty() ||
                           std::find(columns.begin(), columns.end(), field->name()) != columns.end());
  }
  std::vector<ExprError> mistakes;
  if (filter) plan->filter = CompiledExpr::Compile(filter, ExprLanguage::kGeneric, *in.schema, &mistakes);
  const int fields = static_cast<int>(in.head.names.size());
  auto parser =
      Must(CsvBlockParser::Make(plan, Must(MapCsvFields(*in.schema, in.head, path, plan->options, false)), fields));
  CsvIndex index(plan->options.dialect, fields, false);
  TextBlock block;
  std::vector<RecordError> errors;
  std::vector<CsvShapeError> shapes;
  int64_t rows = 0;
  while (in.feeder->bytes_done() < limit && Must(in.feeder->Next(&block))) {
    if (stage == 0) {
      ++rows;
    } else if (stage == 1) {
      index.Build(block, &shapes);
      rows += index.num_rows();
    } else {
      rows += Must(parser->Parse(block, &errors)).num_rows();
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
  const int64_t limit = (argc > 2 ? std::atoll(argv[2]) : 500) << 20;
  std::vector<weir::bench::Case> cases = {
      {"feed blocks", [&] { return Run(path, limit, {}, nullptr, 0); }},
      {"index", [&] { return Run(path, limit, {}, nullptr, 1); }},
      {"all columns", [&] { return Run(path, limit, {}, nullptr, 2); }},
      {"4 integers",
       [&] {
         return Run(path, limit, {"auction", "bidder", "price", "dateTime"}, nullptr, 2);
       }},
      {"5 columns",
       [&] {
         return Run(path, limit, {"auction", "bidder", "price", "channel", "dateTime"}, nullptr, 2);
       }},
      {"5 columns, filter",
       [&] {
         return Run(path, limit, {"auction", "bidder", "price", "channel", "dateTime"}, "price >= 10000", 2);
       }},
  };
  weir::bench::RunAll(cases, argc > 3 ? std::atoi(argv[3]) : 3, static_cast<double>(limit),
                      argc > 4 ? argv[4] : nullptr);
}
