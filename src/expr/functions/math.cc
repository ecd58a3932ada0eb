// Mathematical functions.
#include <arrow/type.h>

#include <numbers>

#include "expr/functions/kernels.h"

namespace weir::expr {
namespace {

double Domain(Frame& f, int i, const char* name, double x) {
  f.Fail(i, std::string(name) + "(" + FormatDouble(x) + ") has no value");
  return 0;
}

int64_t AbsInteger(Frame& f, int i, int64_t a) {
  if (a == INT64_MIN) f.Fail(i, "integer overflow: abs(" + std::to_string(a) + ")");
  return a < 0 ? static_cast<int64_t>(0 - static_cast<uint64_t>(a)) : a;
}
struct AbsDouble {
  double operator()(double a) const { return std::fabs(a); }
};
struct AbsDecimal {
  Int128 operator()(Int128 a) const { return a < 0 ? -a : a; }
};
struct SameInteger {
  int64_t operator()(int64_t a) const { return a; }
};

// A rounded number that is an integer again, as SQL's ceil and floor of numbers people put into keys expect.
int64_t ToInteger(Frame& f, int i, const char* name, double x) {
  if (!(x >= -9223372036854775808.0 && x < 9223372036854775808.0)) {
    f.Fail(i, std::string(name) + "(" + FormatDouble(x) + ") does not fit an integer");
    return 0;
  }
  return static_cast<int64_t>(x);
}
int64_t Ceil(Frame& f, int i, double x) { return ToInteger(f, i, "ceil", std::ceil(x)); }
int64_t FloorOf(Frame& f, int i, double x) { return ToInteger(f, i, "floor", std::floor(x)); }

struct TruncDouble {
  double operator()(double a) const { return std::trunc(a); }
};
struct RoundDouble {
  double operator()(double a) const { return std::round(a); }
};

constexpr int64_t kMaxDigits = 300;

// Half away from zero, as SQL. The nearest decimal text decides, so that round(2.675, 2) is what it looks like.
double RoundDigits(Frame&, int, double x, int64_t digits) {
  if (!std::isfinite(x) || digits > 17) return x;
  if (digits < -kMaxDigits) return 0;
  if (digits >= 0) {
    double scale = std::pow(10.0, static_cast<double>(digits));
    double scaled = x * scale;
    if (std::fabs(scaled) > 9007199254740992.0) return x;
    double rounded = std::round(scaled);
    // x * scale may fall short of a half that the shortest decimal form of x has.
    double half = std::trunc(scaled) + std::copysign(0.5, x);
    if (std::nextafter(scaled, half) == half) rounded = std::trunc(scaled) + std::copysign(1.0, x);
    return rounded / scale;
  }
  double scale = std::pow(10.0, static_cast<double>(-digits));
  return std::round(x / scale) * scale;
}

int64_t RoundInteger(Frame& f, int i, int64_t x, int64_t digits) {
  if (digits >= 0) return x;
  if (digits < -18) return 0;
  Int128 unit = PowerOfTen(static_cast<int>(-digits));
  Int128 r = DividePowerOfTen(x, static_cast<int>(-digits)) * unit;
  if (r < INT64_MIN || r > INT64_MAX)
    f.Fail(i, "integer overflow: round(" + std::to_string(x) + ", " + std::to_string(digits) + ")");
  return static_cast<int64_t>(r);
}

Int128 RoundDecimal(Frame& f, int, Int128 x, int64_t digits) {
  int scale = static_cast<const arrow::DecimalType&>(*f.arg_types[0]).scale();
  if (digits >= scale || digits < scale - 38) return digits >= scale ? x : 0;
  int drop = static_cast<int>(scale - digits);
  return DividePowerOfTen(x, drop) * PowerOfTen(drop);
}
Int128 RoundDecimalWhole(Frame& f, int i, Int128 x) { return RoundDecimal(f, i, x, 0); }

std::string SameDecimal(CallBinding& call) {
  if (call.types[0]->id() != arrow::Type::DECIMAL128) call.types[0] = arrow::decimal128(19, 0);
  call.result = call.types[0];
  return "";
}

double TruncDigits(Frame&, int, double x, int64_t digits) {
  if (!std::isfinite(x) || digits > 17 || digits < -kMaxDigits) return digits > 17 ? x : 0;
  double scale = std::pow(10.0, static_cast<double>(digits));
  double scaled = x * scale;
  return std::fabs(scaled) > 9007199254740992.0 ? x : std::trunc(scaled) / scale;
}

double Sqrt(Frame& f, int i, double x) { return x < 0 ? Domain(f, i, "sqrt", x) : std::sqrt(x); }
double Ln(Frame& f, int i, double x) { return x <= 0 ? Domain(f, i, "ln", x) : std::log(x); }
double Log10(Frame& f, int i, double x) { return x <= 0 ? Domain(f, i, "log10", x) : std::log10(x); }
double Log2(Frame& f, int i, double x) { return x <= 0 ? Domain(f, i, "log2", x) : std::log2(x); }
double LogBase(Frame& f, int i, double base, double x) {
  if (base <= 0 || base == 1) return Domain(f, i, "log: base", base);
  return x <= 0 ? Domain(f, i, "log", x) : std::log(x) / std::log(base);
}
double Asin(Frame& f, int i, double x) { return x < -1 || x > 1 ? Domain(f, i, "asin", x) : std::asin(x); }
double Acos(Frame& f, int i, double x) { return x < -1 || x > 1 ? Domain(f, i, "acos", x) : std::acos(x); }

double Power(Frame& f, int i, double a, double b) {
  double r = std::pow(a, b);
  bool bad = (std::isnan(r) && !std::isnan(a) && !std::isnan(b)) || (a == 0 && b < 0);
  if (bad) f.Fail(i, "power(" + FormatDouble(a) + ", " + FormatDouble(b) + ") has no value");
  return r;
}

double Atan2(Frame&, int, double y, double x) { return std::atan2(y, x); }

template <double (*Fn)(double)>
struct Plain {
  double operator()(double x) const { return Fn(x); }
};
double Degrees(double x) { return x * (180 / std::numbers::pi); }
double Radians(double x) { return x * (std::numbers::pi / 180); }

double Pi(Frame&, int) { return std::numbers::pi; }

int64_t SignInteger(Frame&, int, int64_t x) { return (x > 0) - (x < 0); }
int64_t SignDouble(Frame&, int, double x) { return (x > 0) - (x < 0); }
uint8_t IsNan(Frame&, int, double x) { return std::isnan(x); }
uint8_t IsFinite(Frame&, int, double x) { return std::isfinite(x); }

template <double (*Fn)(double)>
constexpr KernelFn kPlain = Unary<double, double, Plain<Fn>>;

void AddRounding(FunctionList* list) {
  list->push_back({"abs",
                   "math",
                   "The value without its sign.",
                   "abs(-3)",
                   "3",
                   {{"(integer) -> integer", Row<AbsInteger>, kCanFail},
                    {"(number) -> number", Unary<double, double, AbsDouble>, kDenseSafe},
                    {"(decimal) -> any", Unary<Int128, Int128, AbsDecimal>, kDenseSafe, SameDecimal}}});
  list->push_back({"ceil",
                   "math",
                   "The smallest integer that is not below x.",
                   "ceil(2.1)",
                   "3",
                   {{"(integer) -> integer", Unary<int64_t, int64_t, SameInteger>, kDenseSafe},
                    {"(number) -> integer", Row<Ceil>, kCanFail}}});
  list->push_back({"floor",
                   "math",
                   "The largest integer that is not above x.",
                   "floor(-2.1)",
                   "-3",
                   {{"(integer) -> integer", Unary<int64_t, int64_t, SameInteger>, kDenseSafe},
                    {"(number) -> integer", Row<FloorOf>, kCanFail}}});
  list->push_back(
      {"round",
       "math",
       "Rounds to digits behind the point (0 unless given), halves away from zero; negative digits round tens.",
       "round(2.345, 2)",
       "2.35",
       {{"(integer) -> integer", Unary<int64_t, int64_t, SameInteger>, kDenseSafe},
        {"(number) -> number", Unary<double, double, RoundDouble>, kDenseSafe},
        {"(decimal) -> any", Row<RoundDecimalWhole>, kNoFlags, SameDecimal},
        {"(integer, integer) -> integer", Row<RoundInteger>, kCanFail},
        {"(number, integer) -> number", Row<RoundDigits>, kNoFlags},
        {"(decimal, integer) -> any", Row<RoundDecimal>, kNoFlags, SameDecimal}}});
  list->push_back({"trunc",
                   "math",
                   "Cuts digits off behind the point, or behind `digits` of them.",
                   "trunc(-2.7)",
                   "-2.0",
                   {{"(integer) -> integer", Unary<int64_t, int64_t, SameInteger>, kDenseSafe},
                    {"(number) -> number", Unary<double, double, TruncDouble>, kDenseSafe},
                    {"(number, integer) -> number", Row<TruncDigits>, kNoFlags}}});
  list->push_back(
      {"sign",
       "math",
       "-1, 0 or 1.",
       "sign(-3.5)",
       "-1",
       {{"(integer) -> integer", Row<SignInteger>, kNoFlags}, {"(number) -> integer", Row<SignDouble>, kNoFlags}}});
  list->push_back({"isnan",
                   "math",
                   "Whether x is not a number.",
                   "isnan(1.0)",
                   "false",
                   {{"(number) -> boolean", Row<IsNan>, kNoFlags}}});
  list->push_back({"isfinite",
                   "math",
                   "Whether x is neither infinite nor NaN.",
                   "isfinite(1.0)",
                   "true",
                   {{"(number) -> boolean", Row<IsFinite>, kNoFlags}}});
}

}  // namespace

void AddMath(FunctionList* list) {
  AddRounding(list);
  auto plain = [&](const char* name, const char* doc, const char* example, const char* result, KernelFn kernel) {
    list->push_back({name, "math", doc, example, result, {{"(number) -> number", kernel, kDenseSafe}}});
  };
  auto partial = [&](const char* name, const char* doc, const char* example, const char* result, KernelFn kernel) {
    list->push_back({name, "math", doc, example, result, {{"(number) -> number", kernel, kCanFail}}});
  };
  partial("sqrt", "Square root.", "sqrt(9)", "3.0", Row<Sqrt>);
  plain("cbrt", "Cube root.", "cbrt(8)", "2.0", kPlain<std::cbrt>);
  plain("exp", "e to the power of x.", "exp(0)", "1.0", kPlain<std::exp>);
  partial("ln", "Natural logarithm.", "ln(1)", "0.0", Row<Ln>);
  list->push_back(
      {"log",
       "math",
       "Logarithm to base 10, or to the base given first.",
       "log(2, 8)",
       "3.0",
       {{"(number) -> number", Row<Log10>, kCanFail}, {"(number, number) -> number", Row<LogBase>, kCanFail}}});
  partial("log10", "Logarithm to base 10.", "log10(1000)", "3.0", Row<Log10>);
  partial("log2", "Logarithm to base 2.", "log2(8)", "3.0", Row<Log2>);
  for (const char* name : {"power", "pow"}) {
    list->push_back({name,
                     "math",
                     "The first to the power of the second.",
                     name[3] == 'e' ? "power(2, 10)" : "pow(2, 10)",
                     "1024.0",
                     {{"(number, number) -> number", Row<Power>, kCanFail}}});
  }
  list->push_back(
      {"pi", "math", "The circle's constant.", "round(pi(), 4)", "3.1416", {{"() -> number", Row<Pi>, kNoFlags}}});
  plain("sin", "Sine of an angle in radians.", "sin(0)", "0.0", kPlain<std::sin>);
  plain("cos", "Cosine of an angle in radians.", "cos(0)", "1.0", kPlain<std::cos>);
  plain("tan", "Tangent of an angle in radians.", "tan(0)", "0.0", kPlain<std::tan>);
  partial("asin", "Angle whose sine is x.", "asin(0)", "0.0", Row<Asin>);
  partial("acos", "Angle whose cosine is x.", "acos(1)", "0.0", Row<Acos>);
  plain("atan", "Angle whose tangent is x.", "atan(0)", "0.0", kPlain<std::atan>);
  list->push_back({"atan2",
                   "math",
                   "Angle of the point (x, y), given y first.",
                   "atan2(0, 1)",
                   "0.0",
                   {{"(number, number) -> number", Row<Atan2>, kNoFlags}}});
  plain("degrees", "Radians as degrees.", "degrees(0)", "0.0", kPlain<Degrees>);
  plain("radians", "Degrees as radians.", "radians(0)", "0.0", kPlain<Radians>);
}

}  // namespace weir::expr
