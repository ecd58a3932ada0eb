// JSON: types, irregular records, errors with their places, documents, and independence of where blocks are cut.
#include "formats/json/json_parser.h"

#include <arrow/json/api.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <random>

#include "formats/json/json_scanner.h"
#include "formats/json/json_schema.h"
#include "text_test_support.h"
#include "unit/test_seed.h"

namespace weir {
namespace {

using Rows = std::vector<std::string>;

struct Parsed {
  SchemaPtr schema;
  JsonLayout layout = JsonLayout::kLines;
  Rows rows;     // JSON
  Rows errors;   // "place: message"
  Rows records;  // raw text of the errors
  Status status;
};

struct ParseSetup {
  SchemaPtr schema;
  int64_t block_bytes = 1 << 20;
  bool seekable = true;
  std::vector<bool> needed;
};

Parsed ParseJson(const std::string& text, const ParseSetup& setup = {}) {
  Parsed out;
  out.layout = DetectJsonLayout(text, true);
  auto plan = std::make_shared<JsonReadPlan>();
  plan->layout = out.layout;
  plan->schema = setup.schema ? setup.schema : Must(InferJsonSchema(text, true, out.layout, "t.json"));
  plan->needed = setup.needed;
  out.schema = WithoutJsonMarks(*plan->schema);
  std::unique_ptr<RecordScanner> scanner;
  if (out.layout == JsonLayout::kLines) {
    scanner = std::make_unique<LineScanner>();
  } else {
    scanner = std::make_unique<JsonDocumentScanner>();
  }
  BlockFeeder feeder(MemoryInput(text, setup.seekable, "t.json"), std::move(scanner), {setup.block_bytes, 1 << 22});
  auto parser = Must(JsonBlockParser::Make(plan));
  TextBlock block;
  std::vector<RecordError> errors;
  while (Must(feeder.Next(&block))) {
    auto batch = parser->Parse(block, &errors);
    out.status = batch.status();
    if (!batch.ok()) break;
    AppendRows(*batch, &out.rows);
  }
  for (const auto& error : errors) {
    out.errors.push_back(error.place + ": " + error.message);
    out.records.push_back(error.record);
  }
  return out;
}

std::string Types(const SchemaPtr& schema) {
  std::string out;
  for (const auto& field : schema->fields()) {
    out += (out.empty() ? "" : ", ") + field->name() + ": " + TypeName(*field->type());
  }
  return out;
}

TEST(JsonParser, InfersTypesAndReadsValues) {
  const auto parsed = ParseJson(
      "{\"i\":1,\"n\":1.5,\"b\":true,\"s\":\"x\",\"l\":[1,2],\"o\":{\"a\":1,\"b\":\"y\"},\"e\":null}\n"
      "{\"i\":-9223372036854775808,\"n\":2,\"b\":false,\"s\":\"\",\"l\":[],\"o\":null,\"e\":null}\n");
  EXPECT_EQ(
      Types(parsed.schema),
      "i: integer, n: number, b: boolean, s: string, l: array<integer>, o: object{a: integer, b: string}, e: string");
  EXPECT_EQ(parsed.rows,
            (Rows{R"({"i": 1, "n": 1.5, "b": true, "s": "x", "l": [1, 2], "o": {"a": 1, "b": "y"}, "e": null})",
                  R"({"i": -9223372036854775808, "n": 2.0, "b": false, "s": "", "l": [], "o": null, "e": null})"}));
}

TEST(JsonParser, KeysInAnyOrderMissingExtraRepeatedAndSpaced) {
  const auto parsed = ParseJson(
      "{\"a\":1,\"b\":\"x\"}\n{\"b\":\"y\",\"a\":2}\n{\"a\":3}\n{}\n{ \"b\" : \"z\" , \"a\" : 4 }\n"
      "{\"a\":5,\"a\":6,\"b\":\"p\",\"b\":\"q\"}\r\n\n  {\"\\u0061\":7}  \n{\"a\":8,\"b\":\"x\"}");
  EXPECT_EQ(parsed.rows, (Rows{R"({"a": 1, "b": "x"})", R"({"a": 2, "b": "y"})", R"({"a": 3, "b": null})",
                               R"({"a": null, "b": null})", R"({"a": 4, "b": "z"})", R"({"a": 6, "b": "q"})",
                               R"({"a": 7, "b": null})", R"({"a": 8, "b": "x"})"}));
  ParseSetup setup;
  setup.schema = arrow::schema({arrow::field("b", arrow::utf8())});
  EXPECT_EQ(ParseJson("{\"a\":[1,{\"x\":\"}\"}],\"b\":\"x\",\"c\":{}}\n", setup).rows, (Rows{R"({"b": "x"})"}));
}

TEST(JsonParser, EscapesAndSurrogates) {
  const auto parsed = ParseJson(R"({"s":"\"\\\/\b\f\n\r\t\u0041\u00e4\u20ac\ud83d\ude00"})"
                                "\n"
                                R"({"s":"0123456789012345678901234567890\n0123456789\\"})"
                                "\n"
                                R"({"s":"\ud83d"})"
                                "\n"
                                R"({"s":"\udc00\ud83d"})"
                                "\n"
                                R"({"s":"\x"})"
                                "\n"
                                "{\"s\":\"raw\ttab\"}\n");
  EXPECT_EQ(parsed.rows[0], R"({"s": "\"\\/\u0008\u000c\n\r\tAä€😀"})");
  EXPECT_EQ(parsed.rows[1], R"({"s": "0123456789012345678901234567890\n0123456789\\"})");
  EXPECT_EQ(parsed.errors, (Rows{"t.json:3: expected a valid string at column 6, found '\"'",
                                 "t.json:4: expected a valid string at column 6, found '\"'",
                                 "t.json:5: expected a valid string at column 6, found '\"'",
                                 "t.json:6: expected a valid string at column 6, found '\"'"}));
}

TEST(JsonParser, Numbers) {
  ParseSetup setup;
  setup.schema = arrow::schema({arrow::field("i", arrow::int64()), arrow::field("n", arrow::float64())});
  const auto parsed = ParseJson(
      "{\"i\":1.0,\"n\":-0.0}\n{\"i\":-1e3,\"n\":1e400}\n{\"i\":9223372036854775807,\"n\":123456789012345678}\n"
      "{\"i\":9223372036854775808,\"n\":0.1}\n{\"i\":1.5,\"n\":1}\n{\"i\":01,\"n\":1}\n{\"i\":1,\"n\":1.}\n"
      "{\"i\":1,\"n\":.5}\n{\"i\":1,\"n\":-}\n{\"i\":0,\"n\":1.7976931348623157e308}\n{\"i\":-0,\"n\":0."
      "30000000000000004}\n"
      "{\"i\":\"1\",\"n\":NaN}\n{\"i\":\"1\",\"n\":\"2\"}\n",
      setup);
  EXPECT_EQ(parsed.rows, (Rows{R"({"i": 1, "n": -0.0})", R"({"i": 9223372036854775807, "n": 1.2345678901234568e+17})",
                               R"({"i": 0, "n": 1.7976931348623157e+308})", R"({"i": 0, "n": 0.30000000000000004})"}));
  EXPECT_EQ(parsed.errors,
            (Rows{"t.json:2: field 'n': 1e400 is no number (beyond its range)",
                  "t.json:4: field 'i': 9223372036854775808 is no integer (beyond 64 bits)",
                  "t.json:5: field 'i': 1.5 is no integer", "t.json:6: expected ',' or '}' at column 7, found '1'",
                  "t.json:7: expected a JSON value at column 12, found '1'",
                  "t.json:8: expected a JSON value at column 12, found '.'",
                  "t.json:9: expected a JSON value at column 12, found '-'",
                  "t.json:12: expected a JSON value at column 14, found 'N'",
                  "t.json:13: field 'i': \"1\" is no integer; field 'n': \"2\" is no number"}));
}

TEST(JsonParser, MixedKindsAreKeptAsJsonText) {
  const auto parsed = ParseJson(
      "{\"a\":1,\"b\":null,\"c\":18446744073709551616}\n{\"a\":\"x\",\"b\":null,\"c\":2}\n"
      "{\"a\":{\"k\":[1, 2]},\"b\":null}\n{\"a\":null}\n");
  EXPECT_EQ(Types(parsed.schema), "a: string, b: string, c: string");
  EXPECT_EQ(parsed.rows,
            (Rows{R"({"a": "1", "b": null, "c": "18446744073709551616"})", R"({"a": "x", "b": null, "c": "2"})",
                  R"({"a": "{\"k\":[1, 2]}", "b": null, "c": null})", R"({"a": null, "b": null, "c": null})"}));
}

TEST(JsonParser, NestedColumns) {
  const auto parsed = ParseJson(
      "{\"l\":[{\"a\":1},{\"b\":[\"x\"]}],\"o\":{\"p\":{\"q\":1}}}\n{\"l\":[],\"o\":{}}\n{\"l\":null,\"o\":{\"p\":null}"
      "}\n"
      "{\"l\":[{\"a\":1},{\"a\":\"no\"}],\"o\":{}}\n{\"l\":[{\"a\":1},{\"a\":2,}],\"o\":{}}\n{\"l\":[{\"b\":[\"y\","
      "\"z\"],\"a\":3},null]}\n");
  EXPECT_EQ(Types(parsed.schema), "l: array<object{a: string, b: array<string>}>, o: object{p: object{q: integer}}");
  ParseSetup setup;
  setup.schema = arrow::schema(
      {arrow::field("l", arrow::list(arrow::struct_(
                             {arrow::field("a", arrow::int64()), arrow::field("b", arrow::list(arrow::utf8()))}))),
       arrow::field("o", arrow::struct_({arrow::field("p", arrow::struct_({arrow::field("q", arrow::int64())}))}))});
  const auto typed = ParseJson(
      "{\"l\":[{\"a\":1},{\"b\":[\"x\"]}],\"o\":{\"p\":{\"q\":1}}}\n{\"l\":[],\"o\":{}}\n{\"l\":null,\"o\":{\"p\":null}"
      "}\n"
      "{\"l\":[{\"a\":1},{\"a\":\"no\"}],\"o\":{}}\n{\"l\":[{\"a\":1},{\"a\":2,}],\"o\":{}}\n{\"l\":[{\"b\":[\"y\","
      "\"z\"],\"a\":3},null]}\n",
      setup);
  EXPECT_EQ(typed.rows, (Rows{R"({"l": [{"a": 1, "b": null}, {"a": null, "b": ["x"]}], "o": {"p": {"q": 1}}})",
                              R"({"l": [], "o": {"p": null}})", R"({"l": null, "o": {"p": null}})",
                              R"({"l": [{"a": 3, "b": ["y", "z"]}, null], "o": null})"}));
  EXPECT_EQ(typed.errors, (Rows{"t.json:4: field 'l[].a': \"no\" is no integer",
                                "t.json:5: expected a key at column 22, found '}'"}));
}

TEST(JsonParser, DeclaredTypes) {
  ParseSetup setup;
  setup.schema = arrow::schema({arrow::field("t", TimestampType()), arrow::field("d", arrow::date32()),
                                arrow::field("m", arrow::decimal128(6, 2)), arrow::field("b", arrow::binary()),
                                arrow::field("k", arrow::map(arrow::utf8(), arrow::int64()))});
  const auto parsed = ParseJson(
      "{\"t\":\"2024-02-29T12:00:00+01:00\",\"d\":\"2024-02-29\",\"m\":1.5,\"b\":\"AAE=\",\"k\":{\"x\":1,\"y\":null}}\n"
      "{\"t\":null,\"d\":null,\"m\":\"-2\",\"b\":null,\"k\":{}}\n{\"t\":\"noon\",\"m\":0.001,\"k\":{\"x\":1,\"x\":2}}"
      "\n",
      setup);
  ASSERT_EQ(parsed.rows.size(), 2u);
  EXPECT_EQ(parsed.rows[0],
            R"({"t": "2024-02-29T11:00:00Z", "d": "2024-02-29", "m": "1.50", "b": "AAE=", "k": {"x": 1, "y": null}})");
  EXPECT_EQ(parsed.errors,
            (Rows{"t.json:3: field 't': \"noon\" is no timestamp; field 'm': 0.001 is no decimal(6, 2)"}));
}

TEST(JsonParser, BrokenLinesAreRejectedHoweverBlocksAreCut) {
  const std::string text =
      "{\"a\":1}\n{\"a\":\n{\"a\":2}\nhello\n[1]\n{\"a\":3} "
      "x\n{\"a\":4}\n{\"a\":\"\xC3(\"}\n{\"a\":5,\"b\":\"\xC3\xA4\"}\n{\"a\":6";
  ParseSetup setup;
  setup.schema = arrow::schema({arrow::field("a", arrow::int64())});
  for (const bool seekable : {true, false}) {
    setup.seekable = seekable;
    for (const int64_t block_bytes : {1 << 20, 10, 1}) {
      setup.block_bytes = block_bytes;
      const auto parsed = ParseJson(text, setup);
      EXPECT_EQ(parsed.rows, (Rows{R"({"a": 1})", R"({"a": 2})", R"({"a": 4})", R"({"a": 5})"}));
      EXPECT_EQ(parsed.errors, (Rows{"t.json:2: expected a JSON value at column 6, found the end of the line",
                                     "t.json:4: expected an object at column 1, found 'h'",
                                     "t.json:5: expected an object at column 1, found '['",
                                     "t.json:6: expected the end of the line at column 9, found 'x'",
                                     "t.json:8: field 'a': \"\\xc3(\" is no integer",
                                     "t.json:10: expected ',' or '}' at column 7, found the end of the line"}));
      EXPECT_EQ(parsed.records[3], "{\"a\":3} x");
    }
  }
}

TEST(JsonParser, ArraysAndPrettyPrintedObjects) {
  for (const std::string text :
       {"[{\"a\":1,\"b\":\"x\"},{\"a\":2,\"b\":\"]\"}]",
        "[\n  {\n    \"a\": 1,\n    \"b\": \"x\"\n  },\n  {\n    \"a\": 2,\n    \"b\": \"]\"\n  }\n]\n",
        "{\n  \"a\": 1, \"b\": \"x\"\n}\n{\n  \"a\": 2, \"b\": \"]\"}", "{\"a\":1,\"b\":\"x\"} {\"a\":2,\"b\":\"]\"}\n",
        "[{\"a\":1,\"b\":\"x\"}]\n[]\n[{\"a\":2,\"b\":\"]\"}]"}) {
    for (const int64_t block_bytes : {1 << 20, 16, 7, 1}) {
      ParseSetup setup;
      setup.block_bytes = block_bytes;
      const auto parsed = ParseJson(text, setup);
      EXPECT_EQ(parsed.layout, JsonLayout::kDocument) << text;
      EXPECT_EQ(parsed.rows, (Rows{R"({"a": 1, "b": "x"})", R"({"a": 2, "b": "]"})"})) << text << block_bytes;
      EXPECT_TRUE(parsed.status.ok()) << parsed.status.ToString();
    }
  }
}

TEST(JsonParser, DocumentsSayWhereTheyBreak) {
  ParseSetup setup;
  setup.schema = arrow::schema({arrow::field("a", arrow::int64())});
  for (const int64_t block_bytes : {1 << 20, 8, 1}) {
    setup.block_bytes = block_bytes;
    auto message = [&](const std::string& text) { return ParseJson(text, setup).status.message(); };
    EXPECT_EQ(message("[{\"a\":1},\n{\"a\":}]"), "t.json:2: expected a JSON value at column 6, found '}'");
    EXPECT_EQ(message("[{\"a\":1}\n{\"a\":2}]"), "t.json:2: expected ',' or ']' at column 1, found '{'");
    // A block may begin within a line: its columns are not known.
    const std::string column = block_bytes == 1 << 20 ? " at column 10" : "";
    EXPECT_EQ(message("[{\"a\":1},]"), "t.json:1: expected a JSON value" + column + ", found ']'");
    EXPECT_EQ(message("[{\"a\":1}"), "t.json:1: the array is not closed at the end of the file");
    const auto scalars = ParseJson("[{\"a\":1}, 2, \"x\", {\"a\":\"y\"}, {\"a\":3}]", setup);
    EXPECT_EQ(scalars.rows, (Rows{R"({"a": 1})", R"({"a": 3})"}));
    EXPECT_EQ(scalars.errors, (Rows{"t.json:1: a record must be an object", "t.json:1: a record must be an object",
                                    "t.json:1: field 'a': \"y\" is no integer"}));
  }
}

TEST(JsonParser, PrunedColumnsAreSkippedAndStillChecked) {
  ParseSetup setup;
  setup.schema = arrow::schema({arrow::field("a", arrow::int64()), arrow::field("b", arrow::int64())});
  setup.needed = {false, true};
  const auto parsed = ParseJson("{\"a\":\"no integer\",\"b\":1}\n{\"a\":[1,],\"b\":2}\n", setup);
  EXPECT_EQ(parsed.rows, (Rows{R"({"b": 1})"}));
  EXPECT_EQ(parsed.errors, (Rows{"t.json:2: expected a JSON value at column 9, found ']'"}));
}

TEST(JsonParser, LayoutsAreRecognised) {
  EXPECT_EQ(DetectJsonLayout("{\"a\":1}\n{\"a\":2}\n", true), JsonLayout::kLines);
  EXPECT_EQ(DetectJsonLayout("{\"a\":1}", true), JsonLayout::kLines);
  EXPECT_EQ(DetectJsonLayout("{\"a\":1", false), JsonLayout::kLines);
  EXPECT_EQ(DetectJsonLayout("{bad}\n{\"a\":2}\n", true), JsonLayout::kLines);
  EXPECT_EQ(DetectJsonLayout("", true), JsonLayout::kLines);
  EXPECT_EQ(DetectJsonLayout(" [", false), JsonLayout::kDocument);
  EXPECT_EQ(DetectJsonLayout("{\n\"a\":1", false), JsonLayout::kDocument);
}

/// A random value in one of several spellings, and its canonical text.
std::string RandomString(std::mt19937_64& random, std::string* json) {
  static const char* kPieces[][2] = {{"a", "a"},
                                     {"\"", "\\\""},
                                     {"\\", "\\\\"},
                                     {"\n", "\\n"},
                                     {"ä", "\\u00e4"},
                                     {"ä", "ä"},
                                     {"😀", "\\uD83D\\uDE00"},
                                     {"{", "{"},
                                     {"]", "]"},
                                     {",", ","},
                                     {"/", "\\/"},
                                     {"0123456789abcdef", "0123456789abcdef"}};
  std::string value;
  *json = "\"";
  for (uint64_t n = random() % 8; n > 0; --n) {
    const auto& piece = kPieces[random() % std::size(kPieces)];
    value += piece[0];
    *json += piece[1];
  }
  *json += "\"";
  return value;
}

TEST(JsonParser, RandomRecordsHoweverWrittenAndCut) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  std::mt19937_64 random(seed);
  ParseSetup setup;
  setup.schema = arrow::schema({arrow::field("i", arrow::int64()), arrow::field("s", arrow::utf8()),
                                arrow::field("a key longer than thirty-two bytes", arrow::boolean()),
                                arrow::field("l", arrow::list(arrow::utf8()))});
  for (int round = 0; round < 50; ++round) {
    std::string text = round % 2 ? "[" : "";
    Rows expected;
    for (int row = 0; row < 30; ++row) {
      Rows parts;
      std::string want[4] = {"null", "null", "null", "null"}, json;
      auto blank = [&] { return std::string(random() % 8 == 0 ? 1 : 0, ' '); };
      auto add = [&](const char* key, const std::string& value) {
        parts.push_back(blank() + "\"" + key + "\"" + blank() + ":" + blank() + value + blank());
      };
      if (random() % 8) {
        const auto value = static_cast<int64_t>(random()) >> (random() % 64);
        want[0] = std::to_string(value);
        add("i", want[0]);
      }
      if (random() % 8) {
        want[1].clear();
        AppendJsonString(RandomString(random, &json), &want[1]);
        add("s", json);
      }
      if (random() % 8) {
        want[2] = random() % 2 ? "true" : "false";
        add("a key longer than thirty-two bytes", want[2]);
      }
      if (random() % 8) {
        want[3] = "[";
        std::string list = "[";
        for (uint64_t n = random() % 4; n > 0; --n) {
          AppendJsonString(RandomString(random, &json), &want[3]);
          list += json + blank();
          if (n > 1) {
            want[3] += ", ";
            list += ",";
          }
        }
        want[3] += "]";
        add("l", list + "]");
      }
      if (random() % 8 == 0) add("extra", "{\"x\": [\"}\", {}], \"y\": -1.5e-3}");
      std::shuffle(parts.begin(), parts.begin() + static_cast<int64_t>(random() % 4 == 0 ? parts.size() : 0), random);
      std::string record = "{";
      for (size_t i = 0; i < parts.size(); ++i) record += (i ? "," : "") + parts[i];
      text += (round % 2 && row ? "," : "") + record + "}" + (round % 2 ? blank() : "\n");
      expected.push_back("{\"i\": " + want[0] + ", \"s\": " + want[1] +
                         ", \"a key longer than thirty-two bytes\": " + want[2] + ", \"l\": " + want[3] + "}");
    }
    if (round % 2) text += "]";
    for (const int64_t block_bytes : {1, 50, 333, 1 << 20}) {
      setup.block_bytes = block_bytes;
      setup.seekable = random() % 2;
      const auto parsed = ParseJson(text, setup);
      ASSERT_TRUE(parsed.status.ok()) << parsed.status.ToString() << text;
      ASSERT_EQ(parsed.errors, Rows{}) << text;
      ASSERT_EQ(parsed.rows, expected) << text;
    }
  }
}

/// Arrow's own reader as a second opinion on numbers and booleans.
TEST(JsonParser, AgreesWithArrow) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  std::mt19937_64 random(seed);
  std::string text;
  for (int row = 0; row < 3000; ++row) {
    const auto bits = static_cast<int64_t>(random()) >> (random() % 64);
    char number[64];
    std::snprintf(number, sizeof number,
                  row % 3 == 0   ? "%.3f"
                  : row % 3 == 1 ? "%.17g"
                                 : "%.12e",
                  static_cast<double>(bits) / 4096);
    text += "{\"i\":" + std::to_string(bits) + ",\"d\":" + number + ",\"b\":" + (bits % 2 ? "true" : "null") + "}\n";
  }
  ParseSetup setup;
  setup.schema = arrow::schema(
      {arrow::field("i", arrow::int64()), arrow::field("d", arrow::float64()), arrow::field("b", arrow::boolean())});
  setup.block_bytes = 4000;
  const auto parsed = ParseJson(text, setup);
  ASSERT_EQ(parsed.errors, Rows{});
  auto parse = arrow::json::ParseOptions::Defaults();
  parse.explicit_schema = setup.schema;
  auto read = arrow::json::ReadOptions::Defaults();
  read.use_threads = false;
  auto reader = Must(arrow::json::TableReader::Make(
      arrow::default_memory_pool(), std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(text)), read,
      parse));
  auto table = Must(Must(reader->Read())->CombineChunksToBatch());
  Rows expected;
  AppendRows(Must(Batch::FromRecordBatch(*table)), &expected);
  EXPECT_EQ(parsed.rows, expected);
}

}  // namespace
}  // namespace weir
