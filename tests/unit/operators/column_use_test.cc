// Reading DuckDB's plan: what is listed, what stands for no column, and what falls back to all columns.
#include "operators/sql/column_use.h"

#include <arrow/type.h>
#include <gtest/gtest.h>

#include "operators/sql/duckdb_session.h"

namespace weir {
namespace {

SchemaPtr Columns(const std::vector<std::string>& names) {
  arrow::FieldVector fields;
  for (const std::string& name : names) fields.push_back(arrow::field(name, arrow::int64()));
  return arrow::schema(std::move(fields));
}

using Indices = std::vector<int>;

TEST(ColumnUse, WhatAScanLists) {
  const std::string plan = R"([{"name": "PROJECTION", "children": [
    {"name": "SEQ_SCAN", "children": [], "extra_info": {"Table": "memory.main.t", "Projections": ["c", "a"]}},
    {"name": "SEQ_SCAN", "children": [], "extra_info": {"Table": "memory.main.u", "Projections": "b"}},
    {"name": "SEQ_SCAN", "children": [], "extra_info": {"Table": "memory.main.v", "Projections": ""}}]}])";
  const auto read = ColumnsRead(plan, {"t", "u", "v"}, {Columns({"a", "b", "c"}), Columns({"a", "b"}), Columns({"a"})});
  EXPECT_EQ(read[0].ToIndices(), (Indices{0, 2}));
  EXPECT_EQ(read[1].ToIndices(), (Indices{1}));
  EXPECT_EQ(read[2].ToIndices(), (Indices{}));
}

TEST(ColumnUse, FieldsOfObjectsAndNamesWithDots) {
  const std::string plan = R"([{"extra_info": {"Table": "memory.main.t", "Projections": ["s.p"]}}])";
  const auto read = ColumnsRead(plan, {"t"}, {Columns({"s", "p", "s.p"})});
  EXPECT_EQ(read[0].ToIndices(), (Indices{0, 2}));
}

TEST(ColumnUse, AllWhereThePlanIsNotClear) {
  for (const std::string plan :
       {"", "no json", "[]", R"([{"extra_info": {"Table": "memory.main.other", "Projections": ["a"]}}])",
        R"([{"extra_info": {"Table": "memory.main.t"}}])",
        R"([{"extra_info": {"Table": "memory.main.t", "Projections": ["x"]}}])"}) {
    EXPECT_EQ(ColumnsRead(plan, {"t"}, {Columns({"a", "b"})})[0].ToIndices(), (Indices{0, 1})) << plan;
  }
}

TEST(ColumnUse, OfDuckDb) {
  const SchemaPtr schema = Columns({"k", "v", "w", "x"});
  auto session = DuckdbSession::Open({.threads = 1, .for_column_use = true}).ValueOrDie();
  ASSERT_TRUE(session->Append("t", schema, {}).ok());
  const std::pair<const char*, Indices> cases[] = {
      {"SELECT sum(v) FROM t WHERE w > 1 GROUP BY k", {0, 1, 2}},
      {"SELECT count(*) FROM t", {}},
      {"SELECT * FROM t", {0, 1, 2, 3}},
      {"SELECT k FROM t ORDER BY x LIMIT 1", {0, 3}},
      {"WITH u AS (SELECT * FROM t) SELECT a.v FROM u a, u b WHERE a.k = b.w", {0, 1, 2}},
  };
  for (const auto& [query, columns] : cases) {
    SqlError error;
    ASSERT_NE(session->Prepare(query, &error).ValueOrDie(), nullptr) << error.message;
    const std::string plan = session->Explain(query).ValueOr("");
    EXPECT_EQ(ColumnsRead(plan, {"t"}, {schema})[0].ToIndices(), columns) << query << "\n" << plan;
  }
}

}  // namespace
}  // namespace weir
