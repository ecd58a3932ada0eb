// Mistakes in expressions: every one at once, each at its bytes, with a hint where there is one.
#include <arrow/type.h>

#include "batch/json_rows.h"
#include "unit/expr/expr_testing.h"

namespace weir {
namespace {

const arrow::Schema& Input() {
  static const SchemaPtr schema =
      SchemaFromText(
          "price: integer, name: string, at: timestamp, tags: array<string>, o: object{a: integer}, ok: boolean")
          .ValueOrDie();
  return *schema;
}

struct Case {
  const char* text;
  const char* errors;
};

void Check(const std::vector<Case>& cases) {
  for (const Case& c : cases) EXPECT_EQ(PlanErrors(Input(), c.text), c.errors) << c.text;
}

TEST(Errors, Names) {
  Check({{"prise > 1", "0-5 'prise': unknown field 'prise' [did you mean 'price'?]"},
         {"price + nam", "8-11 'nam': unknown field 'nam' [did you mean 'name'?]"},
         {"uper(name)", "0-10 'uper(name)': unknown function 'uper' [did you mean 'upper'?]"},
         {"o.b", "0-3 'o.b': there is no field 'b' in o [there is a]"},
         {"now() > at", "0-5 'now()': the time of the run is no value of a row [write event_time()]"},
         {"sum(price)",
          "0-10 'sum(price)': an aggregate needs a group of rows [use the transform Combine; of a list: list_sum(x)]"},
         {"upper", "0-5 'upper': unknown field 'upper' ['upper' is a function: write upper(…)]"}});
}

TEST(Errors, Types) {
  Check(
      {{"price > 'a'",
        "0-11 'price > 'a'': cannot compare integer with string [convert one side: cast(x as number) or cast(x as "
        "string)]"},
       {"upper(price)", "6-11 'price': upper() takes (string), not (integer)"},
       {"name + 1",
        "0-8 'name + 1': '+' takes (integer, integer) or (number, number) or (decimal, decimal) or (date, "
        "integer), not (string, integer) [strings are joined by ||]"},
       {"ok || ok", "0-8 'ok || ok': '||' joins strings or lists, not booleans [write 'or']"},
       {"case when ok then 1 else 'x' end",
        "25-28 ''x'': the values of a case are of one type: here string, before integer [convert one: cast(… as …)]"},
       {"cast(at as integer)",
        "0-19 'cast(at as integer)': no conversion from timestamp to integer [write epoch(x), epoch_ms(x) or "
        "epoch_us(x)]"},
       {"cast(price as whatever)",
        "14-22 'whatever': there is no type 'whatever' [types are integer, number, boolean, string, "
        "bytes, timestamp, date, decimal(p, s), array<…>, map<…>]"},
       {"at > 'yesterday'",
        "0-16 'at > 'yesterday'': the string compared with a timestamp is none [write it as 2024-05-17 or "
        "2024-05-17T10:30:00Z]"},
       {"tags = tags",
        "0-11 'tags = tags': cannot compare values of type array<string> [compare their fields or items]"},
       {"price in (1, 'x')", "13-16 ''x'': cannot compare integer with string"},
       {"regexp_matches(name, '[')", "0-25 'regexp_matches(name, '[')': '[' is not a regular expression: missing ]: ["},
       {"date_trunc('fortnight', at)",
        "0-27 'date_trunc('fortnight', at)': 'fortnight' is no unit: year, quarter, month, week, "
        "day, hour, minute, second, millisecond, microsecond"}});
}

TEST(Errors, Syntax) {
  Check({{"", "0-0 '': the expression is empty"},
         {"price >", "7-7 '': the expression ends where a value is expected"},
         {"price > 1 && ok", "10-12 '&&': unexpected '&&', expected an operator or the end [write 'and']"},
         {"!ok", "0-1 '!': unexpected '!', expected a value [write 'not']"},
         {"1 < price < 3", "10-11 '<': comparisons do not chain [join them with 'and': a < b and b < c]"},
         {"(price", "6-6 '': the expression ends where ')' is expected"},
         {"'abc", "0-4 ''abc': a string has no closing '"},
         {"price ? 1 : 2", "6-7 '?': unexpected character '?' [write if(condition, a, b)]"},
         {"99999999999999999999",
          "0-20 '99999999999999999999': the integer 99999999999999999999 has more than 64 bits [write it "
          "as a number, 99999999999999999999.0, or as cast('99999999999999999999' as decimal(38, 0))]"},
         {"2nd", "0-3 '2nd': '2nd' is not a number [a name that starts with a digit stands in backticks]"},
         {"name.upper()", "5-10 'upper': values have no methods [write upper(value, …)]"},
         {"price = 1 price", "10-15 'price': unexpected 'price', expected an operator or the end"}});
}

TEST(Errors, AllAtOnce) {
  EXPECT_EQ(PlanErrors(Input(), "prise > 1 and uper(name) = 'x' and price = name"),
            "0-5 'prise': unknown field 'prise' [did you mean 'price'?]\n"
            "14-24 'uper(name)': unknown function 'uper' [did you mean 'upper'?]\n"
            "35-47 'price = name': cannot compare integer with string [convert one side: cast(x as number) or cast(x "
            "as string)]");
}

TEST(Errors, PythonIsRefusedForNow) { EXPECT_NE(PlanErrors(Input(), "price + 1", ExprLanguage::kPython), ""); }

// Deep or long texts end in an error or a result, never in a full stack.
TEST(Errors, Limits) {
  std::string parentheses = std::string(5000, '(') + "1" + std::string(5000, ')');
  EXPECT_NE(PlanErrors(Input(), parentheses).find("nested more than 64"), std::string::npos);
  std::string sum = "price", conjunction = "price > 0", nots;
  for (int i = 0; i < 5000; ++i) {
    sum += " + 1";
    conjunction += " and price > 0";
    nots += "not ";
  }
  EXPECT_NE(PlanErrors(Input(), sum).find("more than 500 chained"), std::string::npos);
  EXPECT_EQ(PlanErrors(Input(), conjunction.substr(0, 60000 - 60000 % 14 + 9)), "");
  EXPECT_NE(PlanErrors(Input(), nots + "ok").find("more than 500 chained"), std::string::npos);
  EXPECT_NE(PlanErrors(Input(), std::string(70000, ' ') + "price + 1").find("longer than 64 KiB"), std::string::npos);
}

}  // namespace
}  // namespace weir
