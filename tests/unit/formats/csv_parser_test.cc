// CSV: the grammar, types, nulls, errors with their places, and independence of where blocks are cut.
#include "formats/csv/csv_parser.h"

#include <arrow/array.h>
#include <arrow/csv/api.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <random>

#include "batch/json_rows.h"
#include "formats/csv/csv_schema.h"
#include "text_test_support.h"
#include "unit/test_seed.h"

namespace weir {
namespace {

struct Parsed {
  SchemaPtr schema;
  std::vector<std::string> rows;     // JSON
  std::vector<std::string> errors;   // "place: message"
  std::vector<std::string> records;  // raw text of the errors
};

struct ParseSetup {
  CsvReadOptions options;
  int64_t block_bytes = 1 << 20;
  bool seekable = true;
  std::vector<bool> needed;
  std::string filter;
};

Parsed ParseCsv(const std::string& text, const ParseSetup& setup = {}) {
  Parsed out;
  BlockFeeder feeder(MemoryInput(text, setup.seekable), std::make_unique<CsvScanner>(setup.options.dialect),
                     {setup.block_bytes, 1 << 20});
  const std::string sample(Must(feeder.Peek(1 << 20)));
  auto plan = std::make_shared<CsvReadPlan>();
  plan->options = setup.options;
  plan->needed = setup.needed;
  const CsvHead head = Must(ReadCsvHead(sample, true, "t.csv", setup.options));
  plan->schema =
      setup.options.schema ? setup.options.schema : Must(InferCsvSchema(sample, true, "t.csv", head, setup.options));
  out.schema = plan->schema;
  if (!setup.filter.empty()) {
    std::vector<ExprError> mistakes;
    plan->filter = CompiledExpr::Compile(setup.filter, ExprLanguage::kGeneric, *plan->schema, &mistakes);
    EXPECT_TRUE(plan->filter) << setup.filter;
  }
  feeder.Skip(head.data_begin);
  auto fields = Must(MapCsvFields(*plan->schema, head, "t.csv", setup.options, setup.options.schema != nullptr));
  auto parser = Must(CsvBlockParser::Make(plan, fields, static_cast<int>(head.names.size())));
  TextBlock block;
  std::vector<RecordError> errors;
  while (Must(feeder.Next(&block))) AppendRows(Must(parser->Parse(block, &errors)), &out.rows);
  for (const auto& error : errors) {
    out.errors.push_back(error.place + ": " + error.message);
    out.records.push_back(error.record);
  }
  return out;
}

using Rows = std::vector<std::string>;

std::string Types(const SchemaPtr& schema) {
  std::string out;
  for (const auto& field : schema->fields())
    out += (out.empty() ? "" : ", ") + field->name() + ": " + TypeName(*field->type());
  return out;
}

TEST(CsvParser, InfersTypesAndReadsValues) {
  const auto parsed = ParseCsv("i,n,b,s,z,e\n1,1.5,true,x,007,\n-2,3,False,y z,1,\n");
  EXPECT_EQ(Types(parsed.schema), "i: integer, n: number, b: boolean, s: string, z: string, e: string");
  EXPECT_EQ(parsed.rows, (Rows{R"({"i": 1, "n": 1.5, "b": true, "s": "x", "z": "007", "e": null})",
                               R"({"i": -2, "n": 3.0, "b": false, "s": "y z", "z": "1", "e": null})"}));
}

TEST(CsvParser, IntegersBeyond64BitsAndMixedColumnsAreText) {
  const auto parsed = ParseCsv("big,mixed,flag\n9223372036854775808,1,true\n1,x,1\n");
  EXPECT_EQ(Types(parsed.schema), "big: string, mixed: string, flag: string");
}

TEST(CsvParser, QuotesDelimitersAndLineBreaksInsideFields) {
  const auto parsed = ParseCsv("a,b\n\"x,y\",\"say \"\"hi\"\"\"\n\"two\nlines\",\"\"\n\"tail\"x,5\" pipe\n");
  EXPECT_EQ(parsed.rows, (Rows{R"({"a": "x,y", "b": "say \"hi\""})", R"({"a": "two\nlines", "b": ""})",
                               R"({"a": "tailx", "b": "5\" pipe"})"}));
  EXPECT_TRUE(parsed.errors.empty());
}

TEST(CsvParser, LineEndsBlankLinesMarksAndMissingLastBreak) {
  for (const std::string text : {"a,b\r\n1,x\r\n\r\n2,y\r\n", "a,b\n1,x\n\n\n2,y",
                                 "\xEF\xBB\xBF"
                                 "a,b\n1,x\n2,y\n\n"}) {
    EXPECT_EQ(ParseCsv(text).rows, (Rows{R"({"a": 1, "b": "x"})", R"({"a": 2, "b": "y"})"})) << text;
  }
  EXPECT_EQ(ParseCsv("a\n1\n\n2\n").rows, (Rows{R"({"a": 1})", R"({"a": 2})"}));
  EXPECT_TRUE(ParseCsv("a,b\n").rows.empty());
  EXPECT_TRUE(ParseCsv("a,b").rows.empty());
  EXPECT_TRUE(ParseCsv("").rows.empty());
}

TEST(CsvParser, NullsByColumnKind) {
  const auto parsed = ParseCsv("n,s\n1,NA\nNA,\n null ,\"\"\n");
  EXPECT_EQ(parsed.rows, (Rows{R"({"n": 1, "s": "NA"})", R"({"n": null, "s": null})", R"({"n": null, "s": ""})"}));
  ParseSetup setup;
  setup.options.null_values = {"NA", "-"};
  setup.options.empty_is_null = false;
  EXPECT_EQ(ParseCsv("n,s\n1,NA\n-,\n", setup).rows, (Rows{R"({"n": 1, "s": null})", R"({"n": null, "s": ""})"}));
}

TEST(CsvParser, GivenTypes) {
  ParseSetup setup;
  setup.options.schema = arrow::schema({arrow::field("t", TimestampType()), arrow::field("d", arrow::date32()),
                                        arrow::field("m", arrow::decimal128(6, 2)), arrow::field("s", arrow::utf8())});
  const auto parsed = ParseCsv("s,d,t,m\n1,2024-02-29,2024-02-29T12:00:00.25+01:00,12.5\n,,2024-02-29,-0.01\n", setup);
  EXPECT_EQ(parsed.rows, (Rows{R"({"t": "2024-02-29T11:00:00.25Z", "d": "2024-02-29", "m": "12.50", "s": "1"})",
                               R"({"t": "2024-02-29T00:00:00Z", "d": null, "m": "-0.01", "s": null})"}));
  const auto bad = ParseCsv("s,d,t,m\na,2023-02-29,24:00,1.234\n", setup);
  EXPECT_TRUE(bad.rows.empty());
  EXPECT_EQ(bad.errors, (Rows{"t.csv:2: column 't': '24:00' is no timestamp; column 'd': '2023-02-29' is no date; "
                              "column 'm': '1.234' is no decimal(6, 2)"}));
}

TEST(CsvParser, BadRecordsAreRejectedWithTheirLines) {
  ParseSetup setup;
  setup.options.types = {{"n", arrow::int64()}};
  const std::string text = "n,s\n1,a\nx,\"b\nb\"\n3\n4,d,e\n5,f\n9223372036854775808,g\n007,h\n\"8\",i\n";
  for (const bool seekable : {true, false}) {
    setup.seekable = seekable;
    for (const int64_t block_bytes : {1 << 20, 8, 1}) {
      setup.block_bytes = block_bytes;
      const auto parsed = ParseCsv(text, setup);
      EXPECT_EQ(parsed.rows, (Rows{R"({"n": 1, "s": "a"})", R"({"n": 5, "s": "f"})", R"({"n": 8, "s": "i"})"}));
      EXPECT_EQ(
          parsed.errors,
          (Rows{"t.csv:3: column 'n': 'x' is no integer", "t.csv:5: 1 field where the file has 2",
                "t.csv:6: 3 fields where the file has 2", "t.csv:8: column 'n': '9223372036854775808' is no integer",
                "t.csv:9: column 'n': '007' is no integer: its leading zeros would be lost (give the type string)"}));
      EXPECT_EQ(parsed.records[0], "x,\"b\nb\"");
    }
  }
}

TEST(CsvParser, ShortRowsCanBeFilled) {
  ParseSetup setup;
  setup.options.allow_short_rows = true;
  const auto parsed = ParseCsv("a,b,c\n1,x\r\n2\n3,y,z\n4,y,z,!\n", setup);
  EXPECT_EQ(parsed.rows, (Rows{R"({"a": 1, "b": "x", "c": null})", R"({"a": 2, "b": null, "c": null})",
                               R"({"a": 3, "b": "y", "c": "z"})"}));
  EXPECT_EQ(parsed.errors, (Rows{"t.csv:5: 4 fields where the file has 3"}));
}

TEST(CsvParser, AnUnclosedQuoteIsOneError) {
  const auto parsed = ParseCsv("a,b\n1,x\n2,\"y\n3,z\n");
  EXPECT_EQ(parsed.rows, (Rows{R"({"a": 1, "b": "x"})"}));
  EXPECT_EQ(parsed.errors, (Rows{"t.csv:3: the text ends inside a quoted field"}));
}

TEST(CsvParser, DialectsWithEscapeCommentAndOtherDelimiter) {
  ParseSetup setup;
  setup.options.dialect = {';', '\'', '\\', '#'};
  const auto parsed = ParseCsv("# made by hand\na;b\n'x;y';\\;z # rest\n#'\n'it\\'s';2#3\n", setup);
  EXPECT_EQ(parsed.rows, (Rows{R"({"a": "x;y", "b": ";z "})", R"({"a": "it's", "b": "2"})"}));
}

TEST(CsvParser, InvalidUtf8RejectsItsRowOnly) {
  const auto parsed = ParseCsv("a,b\n1,\xC3\xA4\n2,\xC3(\n3,\xE2\x82\xAC\n");
  EXPECT_EQ(parsed.rows, (Rows{"{\"a\": 1, \"b\": \"\xC3\xA4\"}", "{\"a\": 3, \"b\": \"\xE2\x82\xAC\"}"}));
  EXPECT_EQ(parsed.errors, (Rows{"t.csv:3: column 'b': the text is not valid UTF-8"}));
}

TEST(CsvParser, PrunedColumnsAreNotRead) {
  ParseSetup setup;
  setup.needed = {false, true};
  const auto parsed = ParseCsv("a,b\n1,2\nx,3\n", setup);
  EXPECT_EQ(parsed.rows, (Rows{R"({"b": 2})", R"({"b": 3})"}));
}

TEST(CsvParser, AFilterIsAppliedBeforeOtherColumnsAreRead) {
  ParseSetup setup;
  setup.filter = "a > 1";
  setup.options.types = {{"a", arrow::int64()}, {"b", arrow::int64()}};
  const auto parsed = ParseCsv("a,b\n1,x\n2,20\n3,y\nz,40\n5,50\n", setup);
  EXPECT_EQ(parsed.rows, (Rows{R"({"a": 2, "b": 20})", R"({"a": 5, "b": 50})"}));
  EXPECT_EQ(parsed.errors, (Rows{"t.csv:4: column 'b': 'y' is no integer", "t.csv:5: column 'a': 'z' is no integer"}));
}

TEST(CsvParser, ARecordLongerThanTheLimitIsAnError) {
  BlockFeeder feeder(MemoryInput("a\n\"" + std::string(5000, 'x'), true), std::make_unique<CsvScanner>(CsvDialect{}),
                     {16, 1024});
  TextBlock block;
  EXPECT_TRUE(Must(feeder.Next(&block)));
  const auto next = feeder.Next(&block);
  ASSERT_FALSE(next.ok());
  EXPECT_EQ(
      next.status().message(),
      "t.csv:2: the record that begins here, at byte 2, is longer than 1024 bytes (max_record_bytes): is a quote or "
      "bracket not closed?");
  EXPECT_FALSE(feeder.Next(&block).ok());
}

/// Fields that stress the grammar, drawn more often than plain ones.
std::string RandomField(std::mt19937_64& random) {
  static const Rows kPieces = {"a", "\"", "\"\"", ",",  "\n",   "\r\n", " ",
                               "#", "ä",  "0",    "-1", "x\"y", "",     "12345678901234567"};
  std::string out;
  for (uint64_t n = random() % 5; n > 0; --n) out += kPieces[random() % kPieces.size()];
  return out;
}

std::string Quote(const std::string& field) {
  std::string out = "\"";
  for (const char c : field) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

TEST(CsvParser, ReadsWhatWasQuotedHoweverBlocksAreCut) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 40; ++round) {
    std::string text = "a,b,c\n";
    Rows expected;
    for (int row = 0; row < 30; ++row) {
      std::string json = "{";
      for (int field = 0; field < 3; ++field) {
        const std::string value = RandomField(random);
        text += (field ? "," : "") + Quote(value);
        json += std::string(field ? ", " : "") + "\"" + std::string(1, static_cast<char>('a' + field)) + "\": ";
        AppendJsonString(value, &json);
      }
      text += random() % 2 ? "\n" : "\r\n";
      expected.push_back(json + "}");
    }
    ParseSetup setup;
    for (const char* name : {"a", "b", "c"}) setup.options.types.emplace_back(name, arrow::utf8());
    for (const int64_t block_bytes : {1, 3, 17, 64, 200, 1 << 20}) {
      setup.block_bytes = block_bytes;
      setup.seekable = random() % 2;
      const auto parsed = ParseCsv(text, setup);
      ASSERT_EQ(parsed.rows, expected) << text;
      ASSERT_TRUE(parsed.errors.empty());
    }
  }
}

/// Any bytes at all: the fast indexer agrees with the exact one, at every block size.
TEST(CsvParser, CutsAtEveryPlaceGiveTheSameRowsAndErrors) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    std::string text = "a,b\n";
    for (uint64_t n = random() % 200; n > 0; --n) text += "\"\",\n\nab1 "[random() % 10];
    ParseSetup setup;
    for (const char* name : {"a", "b"}) setup.options.types.emplace_back(name, arrow::utf8());
    const auto whole = ParseCsv(text, setup);
    setup.options.dialect.comment = '\x01';  // never occurs, but asks for the exact walker
    const auto exact = ParseCsv(text, setup);
    ASSERT_EQ(whole.rows, exact.rows) << text;
    ASSERT_EQ(whole.errors, exact.errors) << text;
    setup.options.dialect.comment.reset();
    for (const int64_t block_bytes : {1, 5, 64, 100}) {
      setup.block_bytes = block_bytes;
      const auto cut = ParseCsv(text, setup);
      ASSERT_EQ(whole.rows, cut.rows) << text << "\nblocks of " << block_bytes;
      ASSERT_EQ(whole.errors, cut.errors) << text << "\nblocks of " << block_bytes;
    }
  }
}

/// Arrow's own reader as a second opinion, on random tables of every type.
TEST(CsvParser, AgreesWithArrow) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  std::mt19937_64 random(seed);
  std::string text = "i,d,s,t\n";
  for (int row = 0; row < 5000; ++row) {
    const auto bits = static_cast<int64_t>(random()) >> (random() % 64);
    text += std::to_string(bits) + ",";
    char number[64];
    const int forms = static_cast<int>(random() % 3);
    const double value = static_cast<double>(bits) / 1024;
    std::snprintf(number, sizeof number, forms == 0 ? "%.3f" : forms == 1 ? "%.17g" : "%.6e", value);
    text += random() % 10 ? number : "";
    text += "," + Quote(RandomField(random)) + ",";
    std::snprintf(number, sizeof number, "20%02d-%02d-%02d %02d:%02d:%02d", static_cast<int>(random() % 100),
                  static_cast<int>(random() % 12 + 1), static_cast<int>(random() % 28 + 1),
                  static_cast<int>(random() % 24), static_cast<int>(random() % 60), static_cast<int>(random() % 60));
    text += std::string(number) + "\n";
  }
  ParseSetup setup;
  setup.options.schema = arrow::schema({arrow::field("i", arrow::int64()), arrow::field("d", arrow::float64()),
                                        arrow::field("s", arrow::utf8()), arrow::field("t", TimestampType())});
  setup.block_bytes = 5000;
  const auto parsed = ParseCsv(text, setup);
  ASSERT_TRUE(parsed.errors.empty()) << parsed.errors[0];

  auto convert = arrow::csv::ConvertOptions::Defaults();
  convert.column_types = {{"i", arrow::int64()},
                          {"d", arrow::float64()},
                          {"s", arrow::utf8()},
                          {"t", arrow::timestamp(arrow::TimeUnit::MICRO)}};
  auto parse = arrow::csv::ParseOptions::Defaults();
  parse.newlines_in_values = true;
  auto read = arrow::csv::ReadOptions::Defaults();
  read.use_threads = false;
  auto reader = Must(arrow::csv::StreamingReader::Make(
      arrow::io::default_io_context(), std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(text)), read,
      parse, convert));
  Rows expected;
  std::shared_ptr<arrow::RecordBatch> batch;
  while (reader->ReadNext(&batch).ok() && batch) {
    batch =
        Must(batch->SetColumn(3, arrow::field("t", TimestampType()), Must(batch->column(3)->View(TimestampType()))));
    AppendRows(Must(Batch::FromRecordBatch(*batch)), &expected);
  }
  EXPECT_EQ(parsed.rows, expected);
}

}  // namespace
}  // namespace weir
