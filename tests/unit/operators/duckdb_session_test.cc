// The embedded DuckDB: inputs may be read any number of times, nothing else can be reached, errors point into the
// query.
#include "operators/sql/duckdb_session.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include "batch/json_rows.h"
#include "batch/print.h"
#include "operators/sql/sql_error.h"

namespace weir {
namespace {

class DuckdbSessionTest : public testing::Test {
 protected:
  void SetUp() override {
    auto session = DuckdbSession::Open({.threads = 2, .memory_limit_bytes = 256 << 20, .temp_dir = testing::TempDir()});
    ASSERT_TRUE(session.ok()) << session.status();
    session_ = std::move(*session);
  }

  void SetInput(const std::string& name, const Batch& batch, int64_t rows_per_batch) {
    DuckdbSession::RecordBatches batches;
    for (int64_t at = 0; at < batch.num_rows(); at += rows_per_batch) {
      batches.push_back(batch.Slice(at, std::min(rows_per_batch, batch.num_rows() - at)).ToRecordBatch().ValueOrDie());
    }
    ASSERT_TRUE(session_->Drop(name).ok());
    ASSERT_TRUE(session_->Append(name, batch.schema(), batches).ok());
  }

  /// Rows as JSON, or the error.
  std::vector<std::string> Run(const std::string& query, int64_t batch_rows = 8192) {
    SqlError error;
    auto schema = session_->Prepare(query, &error);
    if (!schema.ok()) return {schema.status().message()};
    if (!*schema) return {error.message};
    Status started = session_->Start(nullptr);
    if (!started.ok()) return {started.message()};
    std::vector<std::string> rows;
    for (;;) {
      auto batch = session_->Next(batch_rows);
      if (!batch.ok()) return {batch.status().message()};
      if (!*batch) return rows;
      EXPECT_TRUE((*batch)->schema()->Equals(**schema));
      for (int64_t i = 0; i < (*batch)->num_rows(); ++i) rows.push_back(RowToJson(**batch, i));
    }
  }

  SqlError ErrorOf(const std::string& query) {
    SqlError error;
    auto schema = session_->Prepare(query, &error);
    EXPECT_TRUE(schema.ok() && !*schema) << query;
    return error;
  }

  std::unique_ptr<DuckdbSession> session_;
};

using Rows = std::vector<std::string>;

Batch Numbers(int64_t rows) {
  std::string json = "[";
  for (int64_t i = 0; i < rows; ++i) json += (i ? "," : "") + std::string("{\"n\": ") + std::to_string(i) + "}";
  return MakeBatch("n: integer", json + "]");
}

TEST_F(DuckdbSessionTest, AnInputCanBeReadMoreThanOnceByOneQueryAndByTheNext) {
  SetInput("t", Numbers(20000), 3000);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Run("SELECT count(*) AS c, sum(n) AS s FROM t"), (Rows{"{\"c\": 20000, \"s\": 199990000}"}));
    EXPECT_EQ(Run("SELECT count(*) AS c FROM t AS a JOIN t AS b ON a.n = b.n + 1"), (Rows{"{\"c\": 19999}"}));
    EXPECT_EQ(Run("SELECT (SELECT max(n) FROM t) - (SELECT min(n) FROM t) AS d"), (Rows{"{\"d\": 19999}"}));
  }
  EXPECT_EQ(Run("SELECT n FROM t").size(), 20000u);
  EXPECT_EQ(Run("SELECT n FROM t ORDER BY n DESC LIMIT 2", 1), (Rows{"{\"n\": 19999}", "{\"n\": 19998}"}));
}

TEST_F(DuckdbSessionTest, ColumnsAndRowsAreChosenByTheQuery) {
  SetInput(
      "t",
      MakeBatch("a: integer, b: string, c: number", R"([{"a": 1, "b": "x", "c": 1.5}, {"a": 2, "b": "y"}, {"a": 3}])"),
      2);
  EXPECT_EQ(Run("SELECT c FROM t WHERE a = 1"), Rows{"{\"c\": 1.5}"});
  EXPECT_EQ(Run("SELECT a FROM t WHERE b = 'y'"), Rows{"{\"a\": 2}"});
  EXPECT_EQ(Run("SELECT b, a FROM t WHERE c IS NULL ORDER BY a"),
            (Rows{"{\"b\": \"y\", \"a\": 2}", "{\"b\": null, \"a\": 3}"}));
}

TEST_F(DuckdbSessionTest, TypesGoInAndComeBack) {
  const char* rows =
      R"([{"i": 1, "d": 1.5, "s": "ä", "t": "2026-03-01T01:02:03.5Z", "b": true, "y": "AAEC", "day": "2026-03-01",
                          "m": "12.34", "l": [1, null], "o": {"x": 1, "w": "2026-03-01T00:00:00Z"}}, {"o": {"w": "2026-03-01T00:00:00Z"}}])";
  Batch batch = MakeBatch(
      "i: integer, d: number, s: string, t: timestamp, b: boolean, y: bytes, day: date, m: decimal(10, 2), "
      "l: array<integer>, o: object{x: integer, w: timestamp}",
      rows);
  SetInput("t", batch, 1);
  EXPECT_EQ(Run("SELECT * FROM t"), (Rows{RowToJson(batch, 0), RowToJson(batch, 1)}));
  EXPECT_EQ(Run("SELECT date_trunc('hour', t) AS h FROM t WHERE i = 1"), (Rows{"{\"h\": \"2026-03-01T01:00:00Z\"}"}));
}

TEST_F(DuckdbSessionTest, AnEmptyInputGivesAnEmptyResult) {
  SetInput("t", Numbers(0), 1);
  EXPECT_EQ(Run("SELECT * FROM t"), Rows{});
  EXPECT_EQ(Run("SELECT count(*) AS c FROM t"), Rows{"{\"c\": 0}"});
}

TEST_F(DuckdbSessionTest, ASumOfIntegersIsAnIntegerOrAnError) {
  SetInput("t", MakeBatch("n: integer", R"([{"n": 9223372036854775807}, {"n": -1}, {"n": null}])"), 2);
  EXPECT_EQ(Run("SELECT sum(n) AS s FROM t"), Rows{"{\"s\": 9223372036854775806}"});
  EXPECT_EQ(Run("SELECT sum(n) AS s FROM t WHERE n IS NULL"), Rows{"{\"s\": null}"});
  EXPECT_EQ(Run("SELECT -sum(n) - 2 AS s FROM t"), Rows{"{\"s\": -9223372036854775808}"});
  EXPECT_NE(Run("SELECT sum(n) * 2 AS s FROM t")[0].find("holds 18446744073709551612, which is too large"),
            std::string::npos);
}

TEST_F(DuckdbSessionTest, TablesThatGrewBatchByBatchAreTheInput) {
  Batch numbers = Numbers(1000);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(session_->Append("PCOLLECTION", numbers.schema(), {numbers.ToRecordBatch().ValueOrDie()}).ok());
  }
  EXPECT_EQ(Run("SELECT count(*) AS c, sum(n) AS s FROM PCOLLECTION"), (Rows{"{\"c\": 3000, \"s\": 1498500}"}));
}

TEST_F(DuckdbSessionTest, MistakesPointIntoTheQuery) {
  SetInput("PCOLLECTION", Numbers(1), 1);
  auto place = [&](const std::string& query) -> std::string {
    SqlError error = ErrorOf(query);
    return error.place ? query.substr(error.place->first, error.place->second - error.place->first)
                       : "nowhere: " + error.message;
  };
  EXPECT_EQ(place("SELECT nn FROM PCOLLECTION"), "nn");
  EXPECT_EQ(place("SELECT n\n  , upperr(n)\nFROM PCOLLECTION"), "upperr");
  EXPECT_EQ(place("SELECT 'ää', nn FROM PCOLLECTION"), "nn");
  EXPECT_EQ(place("SELECT n FROM elsewhere"), "elsewhere");
  EXPECT_EQ(place("SELEC n FROM PCOLLECTION"), "SELEC");
  std::string wide = "SELECT ";
  for (int i = 0; i < 40; ++i) wide += "n AS c" + std::to_string(i) + ", ";
  EXPECT_EQ(place(wide + "missing FROM PCOLLECTION"), "missing");
  EXPECT_NE(ErrorOf("SELECT nn FROM PCOLLECTION").message.find("\"nn\" not found"), std::string::npos);
}

TEST_F(DuckdbSessionTest, AQuerySeesItsInputsAndNothingElse) {
  SetInput("t", Numbers(1), 1);
  for (const char* query : {"SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM '/etc/passwd'",
                            "SELECT * FROM read_text('/etc/hostname')", "COPY (SELECT 1) TO '/tmp/x.csv'",
                            "ATTACH '/tmp/x.db'", "INSTALL httpfs", "LOAD httpfs", "SET threads = 8",
                            "CREATE TABLE x AS SELECT 1", "SELECT 1; SELECT 2", "", "SELECT $1"}) {
    SqlError error;
    auto schema = session_->Prepare(query, &error);
    if (schema.ok() && *schema) {
      EXPECT_FALSE(session_->Start(nullptr).ok() && session_->Next(1).ok()) << query;
    } else {
      EXPECT_FALSE(error.message.empty()) << query;
    }
  }
}

TEST_F(DuckdbSessionTest, ColumnsThatCannotFlowAreNamed) {
  SetInput("t", Numbers(1), 1);
  EXPECT_NE(ErrorOf("SELECT 1 AS a, 2 AS a").message.find("two columns of the query are called 'a'"),
            std::string::npos);
  EXPECT_NE(ErrorOf("SELECT INTERVAL 1 DAY AS i").message.find("column 'i'"), std::string::npos);
}

TEST_F(DuckdbSessionTest, ARunTimeErrorIsAnErrorAndTheSessionGoesOn) {
  SetInput("t", MakeBatch("s: string", R"([{"s": "x"}])"), 1);
  EXPECT_NE(Run("SELECT CAST(s AS INTEGER) AS i FROM t")[0].find("Could not convert"), std::string::npos);
  EXPECT_EQ(Run("SELECT s FROM t"), Rows{"{\"s\": \"x\"}"});
}

}  // namespace
}  // namespace weir
