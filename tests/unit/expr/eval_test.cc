// What expressions give, as a table: text and the values for the rows of one small batch, nulls among them.
#include "batch/json_rows.h"
#include "unit/expr/expr_testing.h"

namespace weir {
namespace {

const Batch& Rows() {
  static const Batch batch = MakeBatch(
      "i: integer, j: integer, x: number, b: boolean, s: string, t: timestamp, d: date, m: decimal(6, 2), l: "
      "array<integer>, "
      "o: object{a: integer, c: string}, kv: map<integer>",
      R"([{"i": 7, "j": 2, "x": 2.5, "b": true, "s": "Hello", "t": "2024-05-17T10:30:15.25Z", "d": "2024-05-17", "m": "12.50",
           "l": [3, 1, 2], "o": {"a": 1, "c": "x"}, "kv": [["k", 1]]},
          {"i": -7, "j": 0, "x": -0.5, "b": false, "s": "", "t": "1969-12-31T23:59:59Z", "d": "1970-01-01", "m": "-0.05",
           "l": [], "o": {"a": null, "c": "y"}, "kv": []},
          {}])");
  return batch;
}

struct Case {
  const char* text;
  const char* expected;
};

void Check(const std::vector<Case>& cases, ExprLanguage language = ExprLanguage::kGeneric) {
  for (const Case& c : cases) EXPECT_EQ(EvaluateLine(Rows(), c.text, language), c.expected) << c.text;
}

TEST(Eval, Arithmetic) {
  Check(
      {{"i + j", "9 | -7 | null"},
       {"i - 10", "-3 | -17 | null"},
       {"i * j", "14 | 0 | null"},
       {"i / 2", "3.5 | -3.5 | null"},
       {"i // 2", "3 | -4 | null"},
       {"i % 3", "1 | 2 | null"},
       {"i % 4", "3 | 1 | null"},
       {"i // -2", "-4 | 3 | null"},
       {"-i", "-7 | 7 | null"},
       {"x * 2", "5.0 | -1.0 | null"},
       {"x % 2", "0.5 | 1.5 | null"},
       {"i + x", "9.5 | -7.5 | null"},
       {"i // j", "3 | error: division by zero: -7 // 0 | null"},
       {"i % j", "1 | error: division by zero: -7 % 0 | null"},
       {"i / j", "3.5 | error: division by zero: -7.0 / 0 | null"},
       {"9223372036854775807 + i", "error: integer overflow: 9223372036854775807 + 7 | 9223372036854775800 | null"},
       {"-9223372036854775808 - i", "error: integer overflow: -9223372036854775808 - 7 | -9223372036854775801 | null"},
       {"i * 4611686018427387904",
        "error: integer overflow: 7 * 4611686018427387904 | error: integer overflow: -7 * 4611686018427387904 | null"},
       {"2 + 3 * 4 - 1", "13 | 13 | 13"},
       {"m + 1", "13.50 | 0.95 | null"},
       {"m * m", "156.2500 | 0.0025 | null"},
       {"m - cast('0.005' as decimal(4, 3))", "12.495 | -0.055 | null"},
       {"m / 2", "6.25 | -0.025 | null"},
       {"null + i", "null | null | null"}});
}

TEST(Eval, ComparisonAndLogic) {
  Check({{"i > 0", "true | false | null"},
         {"i >= 7 and j = 2", "true | false | null"},
         {"i > 0 or true", "true | true | true"},
         {"i > 0 or b", "true | false | null"},
         {"i > 0 and false", "false | false | false"},
         {"not b", "false | true | null"},
         {"s = 'Hello'", "true | false | null"},
         {"s != ''", "true | false | null"},
         {"s < 'I'", "true | true | null"},
         {"x < i", "true | false | null"},
         {"m > 12", "true | false | null"},
         {"m = 12.5", "true | false | null"},
         {"t > '2000-01-01'", "true | false | null"},
         {"d = '1970-01-01'", "false | true | null"},
         {"d < t", "true | false | null"},
         {"i between 0 and 7", "true | false | null"},
         {"i not between 0 and 7", "false | true | null"},
         {"i in (1, 7)", "true | false | null"},
         {"i not in (1, 7)", "false | true | null"},
         {"i in (7, null)", "true | null | null"},
         {"i in (j, 7)", "true | false | null"},
         {"s in ('Hello', 'x')", "true | false | null"},
         {"x in (2.5, 3)", "true | false | null"},
         {"d in ('2024-05-17')", "true | false | null"},
         {"i is null", "false | false | true"},
         {"i is not null", "true | true | false"},
         {"(i > 0) is null", "false | false | true"},
         {"s and true", "true | false | null"},
         {"not l", "false | true | null"},
         {"j != 0 and i // j > 2", "true | false | null"},
         {"j = 0 or i // j > 2", "true | true | null"}});
}

TEST(Eval, DoublesHaveATotalOrder) {
  Check({{"cast('nan' as number) = cast('nan' as number)", "true | true | true"},
         {"cast('nan' as number) > x", "true | true | null"},
         {"x < cast('nan' as number)", "true | true | null"},
         {"cast('nan' as number) < x", "false | false | null"},
         {"x >= cast('nan' as number)", "false | false | null"},
         {"x in (cast('nan' as number), 2.5)", "true | false | null"},
         {"-0.0 = 0.0", "true | true | true"}});
}

TEST(Eval, Conditionals) {
  Check({{"case when i > 0 then 'p' when i < 0 then 'n' else 'z' end", R"("p" | "n" | "z")"},
         {"case when i > 0 then 1 end", "1 | null | null"},
         {"case i when 7 then 'seven' else s end", R"("seven" | "" | null)"},
         {"'p' if i > 0 else 'n'", R"("p" | "n" | "n")"},
         {"if(j = 0, 0, i // j)", "3 | 0 | null"},
         {"if(b, i)", "7 | null | null"},
         {"case when j = 0 then 1.5 else i end", "7.0 | 1.5 | null"},
         {"coalesce(i, 0)", "7 | -7 | 0"},
         {"coalesce(null, s, 'none')", R"("Hello" | "" | "none")"},
         {"ifnull(x, i)", "2.5 | -0.5 | null"},
         {"nullif(j, 0)", "2 | null | null"},
         {"greatest(i, j)", "7 | 0 | null"},
         {"least(i, j, 5)", "2 | -7 | 5"},
         {"if(i > 0, l, [9, 9])", "[3,1,2] | [9,9] | [9,9]"},
         {"coalesce(l, [i])", "[3,1,2] | [] | [null]"},
         {"if(l, o.a, j)", "1 | 0 | null"}});
}

TEST(Eval, Strings) {
  Check({{"s || '!'", R"("Hello!" | "!" | null)"},
         {"s || i", R"("Hello7" | "-7" | null)"},
         {"upper(s)", R"("HELLO" | "" | null)"},
         {"length(s)", "5 | 0 | null"},
         {"substr(s, 2, 3)", R"("ell" | "" | null)"},
         {"substr(s, -3)", R"("llo" | "" | null)"},
         {"s[0]", R"("H" | null | null)"},
         {"s[-1]", R"("o" | null | null)"},
         {"s[1:3]", R"("el" | "" | null)"},
         {"s[:-1]", R"("Hell" | "" | null)"},
         {"s like 'H%o'", "true | false | null"},
         {"s like '_e%'", "true | false | null"},
         {"s ilike 'h%'", "true | false | null"},
         {"s not like '%'", "false | false | null"},
         {"concat(s, '-', i)", R"("Hello-7" | "--7" | "-")"},
         {"concat_ws(',', s, null, 'z')", R"("Hello,z" | ",z" | "z")"},
         {"contains(s, 'ell')", "true | false | null"},
         {"split('a,b,,c', ',')", R"(["a","b","","c"] | ["a","b","","c"] | ["a","b","","c"])"},
         {"split(s, '')", R"(["H","e","l","l","o"] | [""] | null)"},
         {"regexp_extract(s, 'l+')", R"("ll" | null | null)"},
         {"regexp_replace(s, '[aeiou]', '*')", R"("H*ll*" | "" | null)"},
         {"regexp_matches(s, s)", "true | true | null"},
         {"'straße' = lower('STRAßE')", "true | true | true"},
         {"reverse('añb')", R"("bña" | "bña" | "bña")"},
         {"repeat(s, 2)", R"("HelloHello" | "" | null)"},
         {"split_part('a/b/c', '/', -1)", R"("c" | "c" | "c")"}});
}

TEST(Eval, Times) {
  Check(
      {{"date_trunc('hour', t)", R"("2024-05-17T10:00:00Z" | "1969-12-31T23:00:00Z" | null)"},
       {"date_trunc('month', d)", R"("2024-05-01" | "1970-01-01" | null)"},
       {"date_trunc('week', t)", R"("2024-05-13T00:00:00Z" | "1969-12-29T00:00:00Z" | null)"},
       {"year(t)", "2024 | 1969 | null"},
       {"extract(second from t)", "15 | 59 | null"},
       {"date_part('dow', d)", "5 | 4 | null"},
       {"t + interval '1 hour'", R"("2024-05-17T11:30:15.25Z" | "1970-01-01T00:59:59Z" | null)"},
       {"d + interval '1' month", R"("2024-06-17" | "1970-02-01" | null)"},
       {"d - interval '36 hours'", R"("2024-05-15T12:00:00Z" | "1969-12-30T12:00:00Z" | null)"},
       {"d + 1", R"("2024-05-18" | "1970-01-02" | null)"},
       {"d - date '1970-01-01'", "19860 | 0 | null"},
       {"date_diff('day', d, t)", "0 | -1 | null"},
       {"cast(t as date)", R"("2024-05-17" | "1969-12-31" | null)"},
       {"cast(d as timestamp)", R"("2024-05-17T00:00:00Z" | "1970-01-01T00:00:00Z" | null)"},
       {"strftime(t, '%Y/%m/%d %H:%M:%S')", R"("2024/05/17 10:30:15" | "1969/12/31 23:59:59" | null)"},
       {"epoch_ms(t)", "1715941815250 | -1000 | null"},
       {"to_timestamp(i)", R"("1970-01-01T00:00:07Z" | "1969-12-31T23:59:53Z" | null)"},
       {"cast('2024-13-01' as date)",
        "error: '2024-13-01' is not a date | error: '2024-13-01' is not a date | error: '2024-13-01' is not a date"}});
}

TEST(Eval, Casts) {
  Check({{"cast(i as string)", R"("7" | "-7" | null)"},
         {"cast(x as integer)", "2 | 0 | null"},
         {"x::integer", "2 | 0 | null"},
         {"cast(s as integer)", "error: 'Hello' is not an integer | error: '' is not an integer | null"},
         {"try_cast(s as integer)", "null | null | null"},
         {"cast(b as integer)", "1 | 0 | null"},
         {"cast('1e3' as number)", "1000.0 | 1000.0 | 1000.0"},
         {"cast(m as integer)", "12 | 0 | null"},
         {"cast(m as number)", "12.5 | -0.05 | null"},
         {"cast(x as decimal(4, 1))", "2.5 | -0.5 | null"},
         {"cast(i as decimal(1, 0))", "7 | -7 | null"},
         {"cast(1e30 as integer)",
          "error: 1e+30 does not fit an integer | error: 1e+30 does not fit an integer | error: 1e+30 does not fit an "
          "integer"},
         {"cast(l as string)", R"("[3,1,2]" | "[]" | null)"},
         {"cast([1] as array<number>)", "[1.0] | [1.0] | [1.0]"},
         {"to_json(o)", R"("{\"a\":1,\"c\":\"x\"}" | "{\"a\":null,\"c\":\"y\"}" | null)"}});
}

TEST(Eval, Nested) {
  Check(
      {{"l[0]", "3 | null | null"},
       {"l[-1]", "2 | null | null"},
       {"l[i - 6]", "1 | null | null"},
       {"l[1:]", "[1,2] | [] | null"},
       {"len(l)", "3 | 0 | null"},
       {"contains(l, 1)", "true | false | null"},
       {"i in l", "false | false | null"},
       {"list_sort(l)", "[1,2,3] | [] | null"},
       {"list_max(l)", "3 | null | null"},
       {"list_sum(l)", "6 | 0 | null"},
       {"l || [i]", "[3,1,2,7] | [-7] | null"},
       {"o.a", "1 | null | null"},
       {"o['c']", R"("x" | "y" | null)"},
       {"kv['k']", "1 | null | null"},
       {"kv.k", "1 | null | null"},
       {"keys(kv)", R"(["k"] | [] | null)"},
       {"[i, j]", "[7,2] | [-7,0] | [null,null]"},
       {"[]", "[] | [] | []"},
       {"{'n': i, 'q': {'r': s}}", R"({"n":7,"q":{"r":"Hello"}} | {"n":-7,"q":{"r":""}} | {"n":null,"q":{"r":null}})"},
       {"{s: i}", R"({"Hello":7} | {"":-7} | error: a key of a map is null)"},
       {"{'n': i}.n + 1", "8 | -6 | null"},
       {"list_distinct([2, 1, 2, null])", "[2,1] | [2,1] | [2,1]"},
       {"join(['a', null, s], '-')", R"("a-Hello" | "a-" | "a")"}});
}

TEST(Eval, ErrorsRejectOnlyTheRowsThatReachThem) {
  Check({{"coalesce(i // j, 0)", "3 | error: division by zero: -7 // 0 | 0"},
         {"(i // j) is null", "false | error: division by zero: -7 // 0 | true"},
         {"case when j != 0 then i // j when 1 // 0 = 0 then 0 else -1 end",
          "3 | error: division by zero: 1 // 0 | error: division by zero: 1 // 0"},
         {"true or 1 // 0 = 1", "true | true | true"}});
}

TEST(Eval, Sql) {
  Check({{"\"i\" + 1 -- a comment", "8 | -6 | null"},
         {"'it''s'", R"("it's" | "it's" | "it's")"},
         {"'a\\n'", R"("a\\n" | "a\\n" | "a\\n")"}},
        ExprLanguage::kSql);
}

TEST(Eval, TextForms) {
  Check({{"'it''s'", R"("it's" | "it's" | "it's")"},
         {"\"q\\n\\u00e9\\d\"", R"("q\né\\d" | "q\né\\d" | "q\né\\d")"},
         {"`i` + 0x10 + 1_000", "1023 | 1009 | null"},
         {"i==7", "true | false | null"},
         {"I IS NULL", "plan error: 0-1 'I': unknown field 'I' [did you mean 'i'?]"},
         {"i IS NULL OR NOT b", "false | true | true"},
         {"None", "null | null | null"},
         {"1e3", "1000.0 | 1000.0 | 1000.0"},
         {"-9223372036854775808", "-9223372036854775808 | -9223372036854775808 | -9223372036854775808"}});
}

TEST(Eval, AFieldsNameIsThatField) {
  Batch batch = MakeBatch("a-b: integer, a: integer, order: string", R"([{"a-b": 5, "a": 9, "order": "x"}])");
  EXPECT_EQ(EvaluateLine(batch, "a-b"), "5");
  EXPECT_EQ(EvaluateLine(batch, "`a-b` + a"), "14");
  EXPECT_EQ(EvaluateLine(batch, "order"), "\"x\"");
}

TEST(Filter, KeepsOnlyTrue) {
  EXPECT_EQ(FilterRows(Rows(), "i > 0"), std::vector<int>({0}));
  EXPECT_EQ(FilterRows(Rows(), "i < 100 and j < 100 and x < 100 and s != 'z'"), std::vector<int>({0, 1}));
  EXPECT_EQ(FilterRows(Rows(), "i is null or i < 0"), std::vector<int>({1, 2}));
  EXPECT_EQ(FilterRows(Rows(), "j"), std::vector<int>({0}));
  EXPECT_EQ(FilterRows(Rows(), "s"), std::vector<int>({0}));
  EXPECT_EQ(FilterRows(Rows(), "l"), std::vector<int>({0}));
  EXPECT_EQ(FilterRows(Rows(), "true"), std::vector<int>({0, 1, 2}));
  EXPECT_EQ(FilterRows(Rows(), "null"), std::vector<int>());
  EXPECT_EQ(FilterRows(Rows(), "i // j > 0"), std::vector<int>({0}));
  EXPECT_EQ(FilterRows(Rows(), "(i // j) is null"), std::vector<int>({2}));
}

}  // namespace
}  // namespace weir
