// Every function's example gives what its documentation says; texts of expressions parse back to themselves.
#include <arrow/scalar.h>
#include <arrow/type.h>

#include <set>

#include "batch/json_rows.h"
#include "expr/function_table.h"
#include "unit/expr/expr_testing.h"

namespace weir {
namespace {

TEST(FunctionTable, ExamplesGiveTheirResults) {
  Batch one = MakeBatch("nothing: integer", "[{}]");
  std::set<std::string> names;
  for (const FunctionDoc& function : FunctionTable::All()) {
    EXPECT_TRUE(names.insert(function.name).second) << function.name << " stands twice";
    EXPECT_FALSE(function.doc.empty() || function.signatures.empty()) << function.name;
    EXPECT_NE(function.example.find(function.name), std::string::npos) << function.name << " is not in its example";
    EXPECT_EQ(EvaluateLine(one, function.example), EvaluateLine(one, function.result)) << function.example;
  }
  EXPECT_GT(names.size(), 100u);
  EXPECT_NE(FunctionTable::Find("UPPER"), nullptr);
  EXPECT_EQ(FunctionTable::Find("nonsense"), nullptr);
}

TEST(ToString, ParsesBackToTheSame) {
  SchemaPtr schema = SchemaFromText("a: integer, b: number, s: string, t: timestamp, l: array<integer>").ValueOrDie();
  for (const char* text : {"a+1",
                           "(a + 1) * 2 - -3",
                           "a - (b - 1)",
                           "not (a = 1 or b > 2) and s is not null",
                           "a between 1 and 2 or true",
                           "case when a = 1 then 'it''s' else s || '\\\\d' end",
                           "'x' if a > 1 else null",
                           "cast(a as decimal(10, 2)) > 1.5",
                           "s not like 'a%'",
                           "a not in (1, 2, null)",
                           "t + interval '90 minutes' - interval '1 month'",
                           "l[0] + l[-1]",
                           "l[1:]",
                           "[1, 2]",
                           "{'a': a, 'b': {'c': s}}",
                           "date '2024-05-17' < t",
                           "timestamp '2024-05-17T10:00:00.5Z' = t",
                           "-9223372036854775808",
                           "1e300 * b",
                           "a // 2 % 3",
                           "-(a)",
                           "-(-3)",
                           "upper(s) in ('A', \"B\")",
                           "s ilike '%\\t%'",
                           "a::string"}) {
    std::vector<ExprError> errors;
    auto first = CompiledExpr::Compile(text, ExprLanguage::kGeneric, *schema, &errors);
    ASSERT_NE(first, nullptr) << text << ": " << errors[0].message;
    std::string printed = first->ToString();
    auto second = CompiledExpr::Compile(printed, ExprLanguage::kGeneric, *schema, &errors);
    ASSERT_NE(second, nullptr) << text << " printed as " << printed << ": " << errors[0].message;
    EXPECT_EQ(second->ToString(), printed) << text;
    EXPECT_TRUE(second->type()->Equals(*first->type())) << text;
  }
}

TEST(CompiledExpr, SaysWhatAScanMayUse) {
  SchemaPtr schema = SchemaFromText("a: integer, b: number, s: string, d: date").ValueOrDie();
  std::vector<ExprError> errors;
  auto compiled =
      CompiledExpr::Compile("a > 3 and 2 >= b and s = 'x' and d < '2024-01-01' and a < b and lower(s) = 'y'",
                            ExprLanguage::kGeneric, *schema, &errors);
  ASSERT_NE(compiled, nullptr);
  std::string shown;
  for (const auto& term : compiled->Conjuncts()) {
    shown += std::to_string(term.column) + " " + std::to_string(static_cast<int>(term.op)) + " " +
             term.value->ToString() + "; ";
  }
  EXPECT_EQ(shown, "0 4 3; 1 3 2; 3 2 2024-01-01; 2 0 x; ");  // the cheap ones first
  EXPECT_EQ(compiled->columns(), std::vector<int>({0, 1, 2, 3}));
  EXPECT_FALSE(compiled->can_fail());
  EXPECT_EQ(CompiledExpr::Compile(" b ", ExprLanguage::kGeneric, *schema, &errors)->as_column(), 1);
  EXPECT_EQ(CompiledExpr::Compile("2 + 3", ExprLanguage::kGeneric, *schema, &errors)->as_constant()->ToString(), "5");
  EXPECT_EQ(
      CompiledExpr::Compile("false and a = 1", ExprLanguage::kGeneric, *schema, &errors)->as_constant()->ToString(),
      "false");
  EXPECT_TRUE(CompiledExpr::Compile("a + 1", ExprLanguage::kGeneric, *schema, &errors)->can_fail());
  EXPECT_EQ(CompiledExpr::Literal(std::make_shared<arrow::StringScalar>("o'k"))->ToString(), "'o\\'k'");
  auto cast = CompiledExpr::Cast(CompiledExpr::Column(*schema, 0), arrow::utf8());
  ASSERT_TRUE(cast.ok());
  EXPECT_EQ((*cast)->ToString(), "cast(a as string)");
  EXPECT_FALSE(CompiledExpr::Cast(CompiledExpr::Column(*schema, 0), TimestampType()).ok());
}

}  // namespace
}  // namespace weir
