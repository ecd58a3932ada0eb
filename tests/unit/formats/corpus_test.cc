// Other people's hard cases (tests/corpora): JSON texts to accept and refuse, CSV with its JSON twin, naughty strings.
#include <arrow/builder.h>
#include <arrow/type.h>
#include <arrow/util/base64.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "formats/csv/csv_parser.h"
#include "formats/csv/csv_schema.h"
#include "formats/csv/csv_writer.h"
#include "formats/json/json_parser.h"
#include "formats/json/json_scanner.h"
#include "formats/json/json_schema.h"
#include "formats/json/json_writer.h"
#include "text_test_support.h"

namespace weir {
namespace {

using Rows = std::vector<std::string>;

std::string ReadFile(const std::string& name) {
  std::ifstream file(std::string(WEIR_CORPORA) + "/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Rows of JSON text in any layout; false when some of it was refused.
bool ReadJson(const std::string& text, const SchemaPtr& schema, Rows* rows) {
  auto plan = std::make_shared<JsonReadPlan>();
  plan->layout = JsonLayout::kDocument;
  plan->schema = schema;
  BlockFeeder feeder(MemoryInput(text, true, "t.json"), std::make_unique<JsonDocumentScanner>(), {256});
  auto parser = Must(JsonBlockParser::Make(plan));
  TextBlock block;
  std::vector<RecordError> errors;
  for (;;) {
    auto more = feeder.Next(&block);
    if (!more.ok()) return false;
    if (!*more) return errors.empty();
    auto batch = parser->Parse(block, &errors);
    if (!batch.ok()) return false;
    AppendRows(*batch, rows);
  }
}

/// Whether `value` is accepted as the value of a field, both with the type that it suggests and as any JSON.
bool AcceptsValue(const std::string& value) {
  const std::string record = "{\"v\":" + value + "}";
  const SchemaPtr inferred = Must(InferJsonSchema(record, true, JsonLayout::kDocument, "t.json"));
  Rows rows;
  const bool typed = ReadJson(record, inferred, &rows);
  const bool any = ReadJson(record, arrow::schema({JsonTextField("v")}), &rows);
  const bool skipped = ReadJson(record, arrow::schema({arrow::field("w", arrow::int64())}), &rows);
  EXPECT_EQ(any, skipped) << value;
  EXPECT_TRUE(any || !typed) << value;
  return typed && any;
}

TEST(Corpus, JsonTestSuite) {
  std::istringstream lines(ReadFile("json/parsing.txt"));
  std::string name, base64;
  int accepted = 0, refused = 0;
  while (lines >> name) {
    std::getline(lines, base64);
    const std::string text = Must(arrow::util::base64_decode(base64.substr(1)));
    const bool accepts = AcceptsValue(text);
    if (name.starts_with("y_")) {
      EXPECT_TRUE(accepts) << name << ": " << text;
      ++accepted;
    } else if (name.starts_with("n_")) {
      EXPECT_FALSE(accepts) << name << ": " << text;
      ++refused;
    }
  }
  EXPECT_EQ(accepted, 95);
  EXPECT_EQ(refused, 186);
}

TEST(Corpus, DeepNestingIsRefusedNotDied) {
  EXPECT_FALSE(AcceptsValue(std::string(100000, '[')));
  std::string objects;
  for (int i = 0; i < 50000; ++i) objects += "[{\"\":";
  EXPECT_FALSE(AcceptsValue(objects));
}

TEST(Corpus, CsvSpectrum) {
  for (const std::string name : {"comma_in_quotes", "empty", "empty_crlf", "escaped_quotes", "json", "newlines",
                                 "newlines_crlf", "quotes_and_newlines", "simple", "simple_crlf", "utf8"}) {
    const std::string text = ReadFile("csv-spectrum/" + name + ".csv");
    auto plan = std::make_shared<CsvReadPlan>();
    plan->options.empty_is_null = false;
    const CsvHead head = Must(ReadCsvHead(text, true, name, plan->options));
    arrow::FieldVector fields;
    std::vector<int> places;
    for (const auto& field : head.names) {
      places.push_back(static_cast<int>(places.size()));
      fields.push_back(arrow::field(field, arrow::utf8()));
    }
    plan->schema = arrow::schema(fields);
    BlockFeeder feeder(MemoryInput(text, true), std::make_unique<CsvScanner>(CsvDialect{}), {16});
    EXPECT_TRUE(feeder.Peek(1 << 20).ok());
    feeder.Skip(head.data_begin);
    auto parser = Must(CsvBlockParser::Make(plan, places, static_cast<int>(places.size())));
    TextBlock block;
    Rows rows, expected;
    std::vector<RecordError> errors;
    while (Must(feeder.Next(&block))) AppendRows(Must(parser->Parse(block, &errors)), &rows);
    EXPECT_TRUE(errors.empty()) << errors[0].message;
    EXPECT_TRUE(ReadJson(ReadFile("csv-spectrum/" + name + ".json"), plan->schema, &expected)) << name;
    EXPECT_EQ(rows, expected) << name;
    EXPECT_FALSE(rows.empty()) << name;
  }
}

TEST(Corpus, NaughtyStringsSurviveCsvAndJson) {
  std::istringstream lines(ReadFile("blns/blns.base64.txt"));
  arrow::StringBuilder builder;
  std::string line;
  while (std::getline(lines, line)) {
    if (line.starts_with("#")) continue;
    ASSERT_TRUE(builder.Append(Must(arrow::util::base64_decode(line))).ok());
  }
  const auto strings = Must(builder.Finish())->data();
  ASSERT_GT(strings->length, 480);
  const SchemaPtr schema = arrow::schema({arrow::field("s", arrow::utf8())});
  const Batch batch(schema, {strings}, strings->length);
  Rows expected, rows;
  AppendRows(batch, &expected);

  TextOutput json;
  ASSERT_TRUE(JsonWriter(schema, JsonForm::kLines).Write(batch, &json).ok());
  EXPECT_TRUE(ReadJson(std::string(json.view()), schema, &rows));
  EXPECT_EQ(rows, expected);

  TextOutput csv;
  ASSERT_TRUE(CsvWriter(schema, {}).Write(batch, &csv).ok());
  auto plan = std::make_shared<CsvReadPlan>();
  plan->schema = schema;
  BlockFeeder feeder(MemoryInput(std::string(csv.view()), true), std::make_unique<CsvScanner>(CsvDialect{}), {100});
  auto parser = Must(CsvBlockParser::Make(plan, {0}, 1));
  TextBlock block;
  std::vector<RecordError> errors;
  rows.clear();
  while (Must(feeder.Next(&block))) AppendRows(Must(parser->Parse(block, &errors)), &rows);
  EXPECT_TRUE(errors.empty()) << errors[0].message;
  EXPECT_EQ(rows, expected);
}

}  // namespace
}  // namespace weir
