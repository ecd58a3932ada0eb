// Random expressions over random rows, beside a second implementation that computes one row at a time. The text of an
// expression and the function that computes it are made together. WEIR_SEED picks the seed, which every failure prints.
#include <cmath>
#include <cstdlib>
#include <functional>
#include <random>
#include <variant>

#include "batch/json_rows.h"
#include "batch/print.h"
#include "expr/functions/nested.h"
#include "unit/expr/expr_testing.h"
#include "unit/test_seed.h"

namespace weir {
namespace {

struct Null {};
struct Failed {};
using Value = std::variant<Null, Failed, bool, int64_t, double, std::string>;
enum Type { kBool, kInt, kDouble, kString };

struct Tree {
  std::string text;
  std::function<Value(int row)> value;
};

struct Data {
  std::vector<Value> ints[2], doubles[1], bools[1], strings[2];
};

template <class T>
const T* As(const Value& value) {
  return std::get_if<T>(&value);
}
bool IsNull(const Value& value) { return As<Null>(value) != nullptr; }
bool IsFailed(const Value& value) { return As<Failed>(value) != nullptr; }
bool IsTrue(const Value& value) { return As<bool>(value) && *As<bool>(value); }

// Both arguments are always computed; a failed one fails the row, a null one makes null.
template <class F>
std::function<Value(int)> Strict(const Tree& a, const Tree& b, F f) {
  return [a, b, f](int row) -> Value {
    Value x = a.value(row), y = b.value(row);
    if (IsFailed(x) || IsFailed(y)) return Failed{};
    if (IsNull(x) || IsNull(y)) return Null{};
    return f(x, y);
  };
}

class Generator {
 public:
  Generator(std::mt19937_64& random, const Data& data) : random_(random), data_(data) {}

  Tree Make(Type type, int depth) {
    if (depth == 0 || Pick(6) == 0) return Leaf(type);
    if (Pick(8) == 0) return Case(type, depth);
    if (Pick(10) == 0) return Coalesce(type, depth);
    switch (type) {
      case kBool:
        return Bool(depth);
      case kInt:
        return Int(depth);
      case kDouble:
        return Double(depth);
      default:
        return String(depth);
    }
  }

 private:
  int Pick(int n) { return static_cast<int>(random_() % n); }

  Tree Column(const char* name, const std::vector<Value>& values) {
    return {name, [&values](int row) { return values[row]; }};
  }

  Tree Leaf(Type type) {
    bool constant = Pick(3) == 0;
    switch (type) {
      case kBool:
        return Column("b", data_.bools[0]);
      case kInt: {
        if (!constant) return Pick(2) ? Column("i", data_.ints[0]) : Column("j", data_.ints[1]);
        int64_t value = Pick(2) ? Pick(7) - 3 : static_cast<int64_t>(random_() >> 1);
        return {"(" + std::to_string(value) + ")", [value](int) { return Value(value); }};
      }
      case kDouble: {
        if (!constant) return Column("x", data_.doubles[0]);
        double value = Pick(9) - 4.5;
        return {"(" + std::to_string(value) + ")", [value](int) { return Value(value); }};
      }
      default: {
        if (!constant) return Pick(2) ? Column("s", data_.strings[0]) : Column("u", data_.strings[1]);
        std::string value = std::vector<std::string>{"", "a", "ab", "zz"}[Pick(4)];
        return {"'" + value + "'", [value](int) { return Value(value); }};
      }
    }
  }

  Tree Case(Type type, int depth) {
    Tree when = Make(kBool, depth - 1), then = Make(type, depth - 1), otherwise = Make(type, depth - 1);
    return {"(case when " + when.text + " then " + then.text + " else " + otherwise.text + " end)",
            [=](int row) -> Value {
              Value condition = when.value(row);
              if (IsFailed(condition)) return Failed{};
              return IsTrue(condition) ? then.value(row) : otherwise.value(row);
            }};
  }

  Tree Coalesce(Type type, int depth) {
    Tree a = Make(type, depth - 1), b = Make(type, depth - 1);
    return {"coalesce(" + a.text + ", " + b.text + ")", [=](int row) -> Value {
              Value first = a.value(row);
              return IsNull(first) ? b.value(row) : first;
            }};
  }

  Tree Logic(int depth, bool is_and) {
    std::vector<Tree> terms;
    std::string text;
    for (int n = 2 + Pick(3); n > 0; --n) {
      terms.push_back(Make(kBool, depth - 1));
      text += (text.empty() ? "(" : is_and ? " and " : " or ") + terms.back().text;
    }
    return {text + ")", [terms, is_and](int row) -> Value {
              bool null = false;
              for (const Tree& term : terms) {
                Value value = term.value(row);
                if (IsFailed(value)) return Failed{};
                if (IsNull(value)) {
                  null = true;
                } else if (IsTrue(value) != is_and) {
                  return !is_and;
                }
              }
              if (null) return Null{};
              return is_and;
            }};
  }

  template <class T>
  Tree Comparison(Type type, int depth) {
    Tree a = Make(type, depth - 1), b = Make(type, depth - 1);
    static const char* kOps[] = {"=", "!=", "<", "<=", ">", ">="};
    int op = Pick(6);
    return {"(" + a.text + " " + kOps[op] + " " + b.text + ")",
            Strict(a, b, [op](const Value& x, const Value& y) -> Value {
              int order = Compare(*As<T>(x), *As<T>(y));
              bool results[] = {order == 0, order != 0, order<0, order <= 0, order> 0, order >= 0};
              return results[op];
            })};
  }
  template <class T>
  static int Compare(const T& a, const T& b) {
    return a < b ? -1 : b < a ? 1 : 0;
  }
  static int Compare(double a, double b) {  // NaN equals itself and is the largest
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) - std::isnan(b);
    return a < b ? -1 : b < a;
  }

  Tree Bool(int depth) {
    switch (Pick(8)) {
      case 0:
      case 1:
        return Logic(depth, Pick(2) == 0);
      case 2: {
        Tree a = Make(kBool, depth - 1);
        return {"(not " + a.text + ")", [a](int row) -> Value {
                  Value value = a.value(row);
                  return As<bool>(value) ? Value(!*As<bool>(value)) : value;
                }};
      }
      case 3: {
        Tree a = Make(static_cast<Type>(Pick(4)), depth - 1);
        return {"(" + a.text + " is null)", [a](int row) -> Value {
                  Value value = a.value(row);
                  return IsFailed(value) ? value : Value(IsNull(value));
                }};
      }
      case 4: {
        Tree a = Make(kInt, depth - 1);
        return {"(" + a.text + " in (1, 2, -3))", [a](int row) -> Value {
                  Value value = a.value(row);
                  if (const auto* v = As<int64_t>(value)) return *v == 1 || *v == 2 || *v == -3;
                  return value;
                }};
      }
      case 5:
        return Comparison<int64_t>(kInt, depth);
      case 6:
        return Comparison<double>(kDouble, depth);
      default:
        return Comparison<std::string>(kString, depth);
    }
  }

  Tree Int(int depth) {
    if (Pick(4) == 0) {
      Tree a = Make(kString, depth - 1);
      return {"length(" + a.text + ")", [a](int row) -> Value {
                Value value = a.value(row);
                if (const auto* s = As<std::string>(value)) return static_cast<int64_t>(s->size());
                return value;
              }};
    }
    Tree a = Make(kInt, depth - 1), b = Make(kInt, depth - 1);
    static const char* kOps[] = {"+", "-", "*", "//", "%"};
    int op = Pick(5);
    return {"(" + a.text + " " + kOps[op] + " " + b.text + ")",
            Strict(a, b, [op](const Value& x, const Value& y) -> Value {
              __int128 p = *As<int64_t>(x), q = *As<int64_t>(y), r = 0;
              if (op == 0) r = p + q;
              if (op == 1) r = p - q;
              if (op == 2) r = p * q;
              if (op >= 3) {
                if (q == 0) return Failed{};
                __int128 quotient = p / q;
                if (quotient * q != p && (p < 0) != (q < 0)) --quotient;
                r = op == 3 ? quotient : p - quotient * q;
              }
              if (r != static_cast<int64_t>(r)) return Failed{};
              return static_cast<int64_t>(r);
            })};
  }

  Tree Double(int depth) {
    if (Pick(3) == 0) {
      Tree a = Make(kInt, depth - 1), b = Make(kInt, depth - 1);
      return {"(" + a.text + " / " + b.text + ")", Strict(a, b, [](const Value& x, const Value& y) -> Value {
                if (*As<int64_t>(y) == 0) return Failed{};
                return static_cast<double>(*As<int64_t>(x)) / static_cast<double>(*As<int64_t>(y));
              })};
    }
    Tree a = Make(kDouble, depth - 1), b = Make(kDouble, depth - 1);
    int op = Pick(3);
    return {"(" + a.text + " " + "+-*"[op] + " " + b.text + ")",
            Strict(a, b, [op](const Value& x, const Value& y) -> Value {
              double p = *As<double>(x), q = *As<double>(y);
              return op == 0 ? p + q : op == 1 ? p - q : p * q;
            })};
  }

  Tree String(int depth) {
    if (Pick(2) == 0) {
      Tree a = Make(kString, depth - 1), b = Make(kString, depth - 1);
      return {"(" + a.text + " || " + b.text + ")", Strict(a, b, [](const Value& x, const Value& y) -> Value {
                return *As<std::string>(x) + *As<std::string>(y);
              })};
    }
    Tree a = Make(kString, depth - 1);
    bool upper = Pick(2) == 0;
    return {(upper ? "upper(" : "substr(") + a.text + (upper ? ")" : ", 2, 3)"), [a, upper](int row) -> Value {
              Value value = a.value(row);
              const auto* s = As<std::string>(value);
              if (s == nullptr) return value;
              if (!upper) return s->size() < 2 ? "" : s->substr(1, 3);
              std::string out = *s;
              for (char& c : out) c = static_cast<char>(std::toupper(c));
              return out;
            }};
  }

  std::mt19937_64& random_;
  const Data& data_;
};

std::string Show(const Value& value) {
  if (IsNull(value)) return "null";
  if (IsFailed(value)) return "error";
  if (const auto* b = As<bool>(value)) return *b ? "true" : "false";
  if (const auto* i = As<int64_t>(value)) return std::to_string(*i);
  if (const auto* d = As<double>(value)) return std::isfinite(*d) ? expr::FormatDouble(*d) : "null";  // as JSON has it
  std::string text;
  expr::AppendJsonString(*As<std::string>(value), &text);
  return text;
}

Batch MakeRows(std::mt19937_64& random, int rows, Data* data) {
  auto pick = [&](int n) { return static_cast<int>(random() % n); };
  int null_one_in = pick(2) ? 5 : 1000000;
  auto fill = [&](std::vector<Value>* out, auto make) {
    for (int k = 0; k < rows; ++k) out->push_back(pick(null_one_in) == 0 ? Value(Null{}) : Value(make()));
  };
  for (auto& ints : data->ints) {
    fill(&ints, [&] { return pick(20) ? static_cast<int64_t>(pick(9) - 4) : pick(2) ? INT64_MAX : INT64_MIN; });
  }
  fill(&data->doubles[0], [&] { return (pick(41) - 20) / 4.0; });
  fill(&data->bools[0], [&] { return pick(2) == 0; });
  for (auto& strings : data->strings) {
    fill(&strings, [&] { return std::vector<std::string>{"", "a", "ab", "abc", "zz top", "Zz"}[pick(6)]; });
  }
  std::string json = "[";
  for (int k = 0; k < rows; ++k) {
    json += std::string(k > 0 ? "," : "") + "{\"i\":" + Show(data->ints[0][k]) + ",\"j\":" + Show(data->ints[1][k]) +
            ",\"x\":" + Show(data->doubles[0][k]) + ",\"b\":" + Show(data->bools[0][k]) +
            ",\"s\":" + Show(data->strings[0][k]) + ",\"u\":" + Show(data->strings[1][k]) + "}";
  }
  return MakeBatch("i: integer, j: integer, x: number, b: boolean, s: string, u: string", json + "]");
}

TEST(Random, AgreesWithRowAtATime) {
  const uint64_t seed = TestSeed();
  std::mt19937_64 random(seed);
  SCOPED_TRACE(SeedText(seed));
  for (int round = 0; round < 60 && !testing::Test::HasFailure(); ++round) {
    Data data;
    const int sizes[] = {1, 7, 100, 1024, 2500};
    const int rows = sizes[round % 5];
    Batch batch = MakeRows(random, rows, &data);
    Batch encoded = DictionaryEncode(DictionaryEncode(batch, 4).ValueOrDie(), 5).ValueOrDie();
    for (int n = 0; n < 12; ++n) {
      Generator generator(random, data);
      Tree tree = generator.Make(static_cast<Type>(random() % 4), 4);
      std::vector<std::string> expected;
      for (int row = 0; row < rows; ++row) expected.push_back(Show(tree.value(row)));
      for (const Batch* input : {&batch, &encoded}) {
        std::vector<std::string> got = Evaluate(*input, tree.text);
        for (std::string& value : got) {
          if (value.starts_with("error: ")) value = "error";
        }
        ASSERT_EQ(got.size(), expected.size()) << tree.text << "\n" << got[0];
        for (int row = 0; row < rows; ++row)
          ASSERT_EQ(got[row], expected[row]) << tree.text << "\nrow " << row << ": " << RowToJson(*input, row);
      }
      Tree condition = generator.Make(kBool, 4);
      std::vector<int> passing;
      for (int row = 0; row < rows; ++row) {
        if (IsTrue(condition.value(row))) passing.push_back(row);
      }
      ASSERT_EQ(FilterRows(batch, condition.text), passing) << condition.text;
      ASSERT_EQ(FilterRows(encoded, condition.text), passing) << condition.text;
    }
  }
}

}  // namespace
}  // namespace weir
