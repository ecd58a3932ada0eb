// Text of values: what people read and what expected results are compared by.
#include "batch/print.h"

#include <arrow/type.h>
#include <gtest/gtest.h>

#include "batch/json_rows.h"
#include "batch/types.h"

namespace weir {
namespace {

TEST(Types, NamesRoundTrip) {
  for (const char* name : {"integer", "number", "string", "boolean", "bytes", "timestamp", "date", "decimal(10, 2)",
                           "array<string>", "map<array<integer>>", "object{a: integer, b: object{c: date}}", "null"}) {
    auto type = TypeFromName(name);
    ASSERT_TRUE(type.ok()) << name;
    EXPECT_EQ(TypeName(**type), name);
  }
  EXPECT_EQ(TypeName(*arrow::int16()), "integer");
  EXPECT_EQ(TypeName(*arrow::dictionary(arrow::int8(), arrow::large_utf8())), "string");
}

TEST(Types, MistakesNameTheTypes) {
  for (const char* name : {"strin", "array", "array<", "decimal(x)", "object{a}", "integer x", "map<string"}) {
    auto type = TypeFromName(name);
    ASSERT_FALSE(type.ok()) << name;
    EXPECT_NE(type.status().message().find("is no type"), std::string::npos);
  }
  EXPECT_FALSE(NormalizedType(*arrow::duration(arrow::TimeUnit::SECOND)).ok());
}

TEST(Print, Scalars) {
  EXPECT_EQ(FormatTimestamp(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatTimestamp(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(FormatTimestamp(1772409000500000), "2026-03-01T23:50:00.5Z");
  EXPECT_EQ(FormatTimestamp(-62135596800000000 - 1000000), "0000-12-31T23:59:59Z");
  EXPECT_EQ(FormatDate(11016), "2000-02-29");
  EXPECT_EQ(FormatDouble(1), "1.0");
  EXPECT_EQ(FormatDouble(0.1), "0.1");
  EXPECT_EQ(FormatDouble(1e22), "1e+22");
  EXPECT_EQ(FormatDouble(-0.0), "-0.0");
}

TEST(Print, RowsAsJson) {
  Batch batch = MakeBatch(
      "t: timestamp, d: date, p: decimal(6, 2), m: map<integer>, b: bytes, s: string, l: array<object{x: boolean}>",
      R"([{"t": "2026-03-01T23:50:00Z", "d": "2026-03-01", "p": "12.30", "m": [["k", 1], ["j", null]],
                               "b": "hi", "s": "a\"b\n\u0001é", "l": [{"x": true}, null]}])");
  EXPECT_EQ(RowToJson(batch, 0),
            R"({"t": "2026-03-01T23:50:00Z", "d": "2026-03-01", "p": "12.30", "m": {"k": 1, "j": null}, "b": "aGk=", )"
            R"("s": "a\"b\n\u0001é", "l": [{"x": true}, null]})");
}

TEST(Print, TableAlignsAndCuts) {
  Batch batch =
      MakeBatch("name: string, n: integer",
                R"([{"name": "é日", "n": 1}, {"name": "line\nbreak", "n": -200}, {"name": null, "n": null}])");
  TableOptions options;
  options.max_rows = 2;
  options.max_cell_width = 6;
  EXPECT_EQ(FormatTable(batch.schema(), std::vector<Batch>{batch}, options),
            "name   |    n\n"
            "-------+-----\n"
            "é日    |    1\n"
            "line⏎… | -200\n"
            "(3 rows, the first 2 shown)\n");
}

}  // namespace
}  // namespace weir
