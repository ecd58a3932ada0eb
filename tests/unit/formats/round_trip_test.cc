// What the writers print, the readers read back as the same values: random tables of every type, naughty texts.
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "base/print_value.h"
#include "batch/json_rows.h"
#include "formats/csv/csv_parser.h"
#include "formats/csv/csv_writer.h"
#include "formats/json/json_parser.h"
#include "formats/json/json_writer.h"
#include "formats/text/line_format.h"
#include "formats/text/value_text.h"
#include "text_test_support.h"
#include "unit/test_seed.h"

namespace weir {
namespace {

using Rows = std::vector<std::string>;

std::string RandomText(std::mt19937_64& random) {
  static const Rows kPieces = {"a", "\"", ",",  "\n", "\r", "\t",   " ",
                               "é", "😀",  "\\", "{",  "'",  "null", "NA",
                               "0", "\b", "/",  ";",  "#",  "<>",   "0123456789012345678901234567890123"};
  std::string out;
  for (uint64_t n = random() % 6; n > 0; --n) out += kPieces[random() % kPieces.size()];
  return out;
}

std::string RandomDouble(std::mt19937_64& random) {
  double value = 0;
  switch (random() % 4) {
    case 0:
      value = static_cast<double>(static_cast<int64_t>(random() % 2000000) - 1000000) / 100;
      break;
    case 1:
      value = static_cast<double>(static_cast<int64_t>(random()) >> (random() % 64));
      break;
    default:
      for (uint64_t bits = random(); !std::isfinite(value = std::bit_cast<double>(bits)); bits = random()) {
      }
  }
  char text[64];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

/// A batch of `schema` with random values, nulls among them.
Batch RandomBatch(const SchemaPtr& schema, int rows, std::mt19937_64& random) {
  std::string json = "[";
  char text[64];
  for (int row = 0; row < rows; ++row) {
    json += row ? ", {" : "{";
    for (int i = 0; i < schema->num_fields(); ++i) {
      json += i ? ", " : "";
      AppendJsonString(schema->field(i)->name(), &json);
      json += ": ";
      const auto number = static_cast<int64_t>(random()) >> (random() % 64);
      if (random() % 6 == 0) {
        json += "null";
        continue;
      }
      switch (schema->field(i)->type()->id()) {
        case arrow::Type::INT64:
          json += std::to_string(number);
          break;
        case arrow::Type::DOUBLE:
          json += RandomDouble(random);
          break;
        case arrow::Type::BOOL:
          json += number % 2 ? "true" : "false";
          break;
        case arrow::Type::STRING:
          AppendJsonString(RandomText(random), &json);
          break;
        case arrow::Type::BINARY:
          json += "\"AAECAw==\"";
          break;
        case arrow::Type::TIMESTAMP:
          *PrintTimestamp(number % 1000000000000000, text) = '\0';
          json += "\"" + std::string(text) + "\"";
          break;
        case arrow::Type::DATE32:
          *PrintDate(static_cast<int32_t>(number % 100000), text) = '\0';
          json += "\"" + std::string(text) + "\"";
          break;
        case arrow::Type::DECIMAL128:
          *PrintDecimal(number, 3, text) = '\0';
          json += "\"" + std::string(text) + "\"";
          break;
        case arrow::Type::LIST:
          json += "[1, null, " + std::to_string(number) + "]";
          break;
        default: {
          json += "{\"x\": ";
          AppendJsonString(RandomText(random), &json);
          json += ", \"y\": " + std::string(number % 2 ? "null" : "true") + "}";
        }
      }
    }
    json += "}";
  }
  return Must(BatchFromJson(schema, json + "]"));
}

arrow::FieldVector FlatFields() {
  return {arrow::field("i", arrow::int64()),          arrow::field("d", arrow::float64()),
          arrow::field("b", arrow::boolean()),        arrow::field("s", arrow::utf8()),
          arrow::field("t \"x\"", TimestampType()),   arrow::field("day", arrow::date32()),
          arrow::field("m", arrow::decimal128(30, 3))};
}

Rows RowsOf(const Batch& batch) {
  Rows rows;
  AppendRows(batch, &rows);
  return rows;
}

TextBlock BlockOf(std::string_view text) {
  BlockFeeder feeder(MemoryInput(std::string(text), true), std::make_unique<LineScanner>(), {1 << 22});
  TextBlock block;
  EXPECT_TRUE(Must(feeder.Next(&block)));
  EXPECT_TRUE(block.is_last);
  return block;
}

TEST(RoundTrip, Csv) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  std::mt19937_64 random(seed);
  auto plan = std::make_shared<CsvReadPlan>();
  plan->schema = arrow::schema(FlatFields());
  for (const char delimiter : {',', ';', '\t', '|'}) {
    plan->options.dialect.delimiter = delimiter;
    CsvWriter writer(plan->schema, {delimiter});
    auto parser = Must(CsvBlockParser::Make(plan, {0, 1, 2, 3, 4, 5, 6}, 7));
    for (int round = 0; round < 20; ++round) {
      const Batch batch = RandomBatch(plan->schema, 100, random);
      const Batch written = round % 2 ? Must(DictionaryEncode(batch, 3)) : batch;
      TextOutput out;
      ASSERT_TRUE(writer.Write(written.Slice(0, 40), &out).ok());
      ASSERT_TRUE(writer.Write(written.Slice(40, 60), &out).ok());
      TextBlock block = BlockOf(out.view());
      EXPECT_EQ(CsvScanner(plan->options.dialect).LastRecordEnd(block.data(), block.size, true, &block), block.size);
      std::vector<RecordError> errors;
      const Rows rows = RowsOf(Must(parser->Parse(block, &errors)));
      ASSERT_EQ(rows, RowsOf(batch)) << out.view();
      ASSERT_TRUE(errors.empty()) << errors[0].message;
    }
  }
}

TEST(RoundTrip, Json) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  std::mt19937_64 random(seed);
  auto fields = FlatFields();
  fields.push_back(arrow::field("bytes", arrow::binary()));
  fields.push_back(arrow::field("l", arrow::list(arrow::int64())));
  fields.push_back(
      arrow::field("o", arrow::struct_({arrow::field("x", arrow::utf8()), arrow::field("y", arrow::boolean())})));
  for (const JsonForm form : {JsonForm::kLines, JsonForm::kArray}) {
    auto plan = std::make_shared<JsonReadPlan>();
    plan->schema = arrow::schema(fields);
    plan->layout = form == JsonForm::kLines ? JsonLayout::kLines : JsonLayout::kDocument;
    JsonWriter writer(plan->schema, form);
    auto parser = Must(JsonBlockParser::Make(plan));
    for (int round = 0; round < 40; ++round) {
      const Batch batch = RandomBatch(plan->schema, 100, random);
      const Batch written = round % 2 ? Must(DictionaryEncode(batch, 3)) : batch;
      TextOutput out;
      ASSERT_TRUE(writer.Write(written.Slice(0, 1), &out).ok());
      ASSERT_TRUE(writer.Write(written.Slice(1, 99), &out).ok());
      if (form == JsonForm::kArray) {
        out.mutable_data()[0] = '[';
        out.Append("\n]\n");
      }
      std::vector<RecordError> errors;
      const Rows rows = RowsOf(Must(parser->Parse(BlockOf(out.view()), &errors)));
      ASSERT_TRUE(errors.empty()) << errors[0].message << out.view();
      ASSERT_EQ(rows, RowsOf(batch)) << out.view();
    }
  }
}

TEST(RoundTrip, Lines) {
  const Batch batch = MakeBatch(
      "line: string",
      R"([{"line": "a"}, {"line": ""}, {"line": "é x"}, {"line": "0123456789012345678901234567890123456789"}])");
  TextOutput out;
  ASSERT_TRUE(WriteLines(batch.column(0), &out).ok());
  EXPECT_EQ(out.view(), "a\n\né x\n0123456789012345678901234567890123456789\n");
  std::vector<RecordError> errors;
  EXPECT_EQ(RowsOf(Must(ParseLines(BlockOf(out.view()), &errors))), RowsOf(batch));
  EXPECT_EQ(RowsOf(Must(ParseLines(BlockOf("x\r\n\xC3(\ny"), &errors))),
            (Rows{R"({"line": "x"})", R"({"line": "y"})"}));
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].place, "t.csv:2");
  const Status broken = WriteLines(MakeBatch("s: string", R"([{"s": "a\nb"}])").column(0), &out);
  EXPECT_EQ(broken.message(), "a line of text cannot hold a line break: 'a\\nb'");
}

/// Doubles are printed as the shortest text that reads back the same.
TEST(RoundTrip, Doubles) {
  const std::pair<double, const char*> known[] = {{0.0, "0.0"},
                                                  {-0.0, "-0.0"},
                                                  {1.0, "1.0"},
                                                  {0.1, "0.1"},
                                                  {1e15, "1000000000000000.0"},
                                                  {1e16, "1e+16"},
                                                  {123456.789, "123456.789"},
                                                  {1e-5, "1e-05"},
                                                  {0.0001, "0.0001"},
                                                  {5e-324, "5e-324"},
                                                  {1.7976931348623157e308, "1.7976931348623157e+308"},
                                                  {12345678901234567.0, "1.2345678901234568e+16"},
                                                  {0.30000000000000004, "0.30000000000000004"}};
  char text[kMaxDoubleChars];
  for (const auto& [value, expected] : known) EXPECT_EQ(std::string(text, PrintDouble(value, text)), expected);
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 200000; ++i) {
    const double value = std::strtod(RandomDouble(random).c_str(), nullptr);
    const std::string_view printed(text, PrintDouble(value, text) - text);
    double back = 0;
    ASSERT_TRUE(ParseDouble(printed, &back)) << printed;
    ASSERT_EQ(std::bit_cast<uint64_t>(back), std::bit_cast<uint64_t>(value)) << printed;
  }
}

TEST(RoundTrip, Integers) {
  char text[kMaxInt64Chars];
  std::mt19937_64 random(7);
  for (int i = 0; i < 100000; ++i) {
    const int64_t value = static_cast<int64_t>(random()) >> (random() % 64);
    ASSERT_EQ(std::string(text, PrintInt64(value, text)), std::to_string(value));
  }
  for (const int64_t value : {INT64_MIN, INT64_MAX, INT64_C(0), INT64_C(-1)}) {
    ASSERT_EQ(std::string(text, PrintInt64(value, text)), std::to_string(value));
  }
}

}  // namespace
}  // namespace weir
