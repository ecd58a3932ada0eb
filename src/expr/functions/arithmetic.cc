// Arithmetic: + - * / // % and the sign. Integers are checked: what does not fit 64 bits is a row error, never a wrap.
// Division is true division; // and % round towards minus infinity, as Python's. Division by zero is a row error.
#include <arrow/type.h>

#include <algorithm>

#include "expr/functions/kernels.h"

namespace weir::expr {
namespace {

std::string Overflow(int64_t a, const char* op, int64_t b) {
  return "integer overflow: " + std::to_string(a) + " " + op + " " + std::to_string(b);
}

struct AddOp {
  static constexpr const char* kName = "+";
  static int64_t Wrap(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  }
  // Negative when the sum of a and b wrapped to r (Warren, Hacker's Delight, 2-13).
  static int64_t Sign(int64_t a, int64_t b, int64_t r) { return (a ^ r) & (b ^ r); }
  double operator()(double a, double b) const { return a + b; }
};
struct SubtractOp {
  static constexpr const char* kName = "-";
  static int64_t Wrap(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
  }
  static int64_t Sign(int64_t a, int64_t b, int64_t r) { return (a ^ b) & (a ^ r); }
  double operator()(double a, double b) const { return a - b; }
};
struct MultiplyOp {
  static constexpr const char* kName = "*";
  static int64_t Wrap(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  }
  static int64_t Sign(int64_t a, int64_t b, int64_t) {
    int64_t r;
    return -static_cast<int64_t>(__builtin_mul_overflow(a, b, &r));
  }
  double operator()(double a, double b) const { return a * b; }
};

// Computes all rows by wrapping arithmetic and looks for overflow in the sign of one accumulated word; only then row by
// row.
template <class Op>
void Checked(Frame& f) {
  int64_t* __restrict out = f.values<int64_t>();
  const auto* a = f.args[0].data<int64_t>();
  const auto* b = f.args[1].data<int64_t>();
  const bool a_constant = f.args[0].constant, b_constant = f.args[1].constant;
  int64_t overflow = 0;
  auto one = [&](int i, int64_t x, int64_t y) {
    int64_t r = Op::Wrap(x, y);
    overflow |= Op::Sign(x, y, r);
    out[i] = r;
  };
  if (f.rows.dense() && b_constant && !a_constant) {
    const int64_t y = b[0];
    for (int i = 0; i < f.rows.count; ++i) one(i, a[i], y);
  } else if (f.rows.dense() && !a_constant) {
    for (int i = 0; i < f.rows.count; ++i) one(i, a[i], b[i]);
  } else {
    ForRows(f.rows, [&](int i) { one(i, a[a_constant ? 0 : i], b[b_constant ? 0 : i]); });
  }
  if (overflow >= 0) return;
  ForRows(f.rows, [&](int i) {
    int64_t x = a[a_constant ? 0 : i], y = b[b_constant ? 0 : i];
    if (Op::Sign(x, y, Op::Wrap(x, y)) < 0 && f.out->IsValid(i)) f.Fail(i, Overflow(x, Op::kName, y));
  });
}

// Unsigned division by an invariant d ≥ 2 that is no power of two, by multiplication with a 65-bit reciprocal
// (Granlund and Montgomery, Division by Invariant Integers using Multiplication, figure 4.1).
struct Reciprocal {
  uint64_t magic = 0;
  int shift = 0;
  explicit Reciprocal(uint64_t d) {
    int log = 64 - __builtin_clzll(d - 1);
    auto numerator = ((static_cast<unsigned __int128>(1) << log) - d) << 64;
    magic = static_cast<uint64_t>(numerator / d) + 1;
    shift = log - 1;
  }
  uint64_t Divide(uint64_t n) const {
    auto high = static_cast<uint64_t>(static_cast<unsigned __int128>(magic) * n >> 64);
    return (((n - high) >> 1) + high) >> shift;
  }
};

struct Floor {
  int64_t quotient;
  int64_t rest;
};

inline Floor FloorDivide(int64_t a, int64_t b) {
  int64_t q = a / b, r = a % b;
  if (r != 0 && (r < 0) != (b < 0)) {
    --q;
    r += b;
  }
  return {q, r};
}

template <bool kQuotient>
void FloorByConstant(Frame& f, int64_t divisor) {
  auto* out = f.values<int64_t>();
  const auto* a = f.args[0].data<int64_t>();
  Reciprocal reciprocal(static_cast<uint64_t>(divisor));
  ForRows(f.rows, [&](int i) {
    int64_t x = a[i];
    // Floor division of a negative x is -1 - (-1 - x) / d.
    uint64_t flip = static_cast<uint64_t>(x >> 63);
    uint64_t q = reciprocal.Divide(static_cast<uint64_t>(x) ^ flip) ^ flip;
    out[i] = kQuotient ? static_cast<int64_t>(q)
                       : static_cast<int64_t>(static_cast<uint64_t>(x) - q * static_cast<uint64_t>(divisor));
  });
}

template <bool kQuotient>
void FloorIntegers(Frame& f) {
  auto* out = f.values<int64_t>();
  const Vec& va = f.args[0];
  const Vec& vb = f.args[1];
  if (vb.constant && !va.constant) {
    int64_t d = vb.data<int64_t>()[0];
    if (d > 2 && (d & (d - 1)) != 0) return FloorByConstant<kQuotient>(f, d);
  }
  internal::Arg<int64_t> a(va), b(vb);
  ForRows(f.rows, [&](int i) {
    int64_t x = a[i], y = b[i];
    if (y == 0) {
      out[i] = 0;
      f.Fail(i, "division by zero: " + std::to_string(x) + (kQuotient ? " // 0" : " % 0"));
    } else if (y == -1) {  // the smallest integer has no positive twin
      out[i] = kQuotient ? static_cast<int64_t>(0 - static_cast<uint64_t>(x)) : 0;
      if (kQuotient && x == INT64_MIN) f.Fail(i, Overflow(x, "//", y));
    } else {
      Floor result = FloorDivide(x, y);
      out[i] = kQuotient ? result.quotient : result.rest;
    }
  });
}

double FloorDoubles(Frame& f, int i, double a, double b) {
  if (b == 0) f.Fail(i, "division by zero: " + FormatDouble(a) + " // 0");
  return std::floor(a / b);
}

double ModuloDoubles(Frame& f, int i, double a, double b) {
  if (b == 0) {
    f.Fail(i, "division by zero: " + FormatDouble(a) + " % 0");
    return 0;
  }
  double r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

// True division of doubles: fast when no divisor is zero.
void Divide(Frame& f) {
  double* __restrict out = f.values<double>();
  const auto* a = f.args[0].data<double>();
  const auto* b = f.args[1].data<double>();
  const bool a_constant = f.args[0].constant, b_constant = f.args[1].constant;
  bool zero = false;
  ForRows(f.rows, [&](int i) {
    double y = b[b_constant ? 0 : i];
    zero |= y == 0;
    out[i] = a[a_constant ? 0 : i] / y;
  });
  if (!zero) return;
  ForRows(f.rows, [&](int i) {
    if (b[b_constant ? 0 : i] == 0 && f.out->IsValid(i)) {
      f.Fail(i, "division by zero: " + FormatDouble(a[a_constant ? 0 : i]) + " / 0");
    }
  });
}

void NegateIntegers(Frame& f) {
  auto* out = f.values<int64_t>();
  internal::Arg<int64_t> a(f.args[0]);
  ForRows(f.rows, [&](int i) {
    out[i] = static_cast<int64_t>(0 - static_cast<uint64_t>(a[i]));
    if (a[i] == INT64_MIN && f.out->IsValid(i)) f.Fail(i, "integer overflow: -(" + std::to_string(a[i]) + ")");
  });
}

struct NegateDouble {
  double operator()(double a) const { return -a; }
};
struct NegateDecimal {
  Int128 operator()(Int128 a) const { return -a; }
};

const arrow::DecimalType& Decimal(const TypePtr& type) { return static_cast<const arrow::DecimalType&>(*type); }

Int128 CheckedDecimal(Frame& f, int i, Int128 value, bool overflow) {
  if (overflow || !FitsPrecision(value, Decimal(*f.type).precision())) {
    f.Fail(i, "decimal overflow: the result has more than " + std::to_string(Decimal(*f.type).precision()) + " digits");
  }
  return value;
}

Int128 AddDecimals(Frame& f, int i, Int128 a, Int128 b) { return CheckedDecimal(f, i, a + b, false); }
Int128 SubtractDecimals(Frame& f, int i, Int128 a, Int128 b) { return CheckedDecimal(f, i, a - b, false); }
Int128 MultiplyDecimals(Frame& f, int i, Int128 a, Int128 b) {
  Int128 r = 0;
  bool overflow = __builtin_mul_overflow(a, b, &r);
  return CheckedDecimal(f, i, r, overflow);
}

// The same without checks, for results whose type has room for all of them. Unsigned: rows that are dead hold anything.
using UInt128 = unsigned __int128;
struct AddWide {
  Int128 operator()(Int128 a, Int128 b) const {
    return static_cast<Int128>(static_cast<UInt128>(a) + static_cast<UInt128>(b));
  }
};
struct SubtractWide {
  Int128 operator()(Int128 a, Int128 b) const {
    return static_cast<Int128>(static_cast<UInt128>(a) - static_cast<UInt128>(b));
  }
};
struct MultiplyWide {
  Int128 operator()(Int128 a, Int128 b) const {
    return static_cast<Int128>(static_cast<UInt128>(a) * static_cast<UInt128>(b));
  }
};

/// Products of 38 digits: those of two factors of 64 bits always fit. Only if some factor is longer, row by row.
void MultiplyLongDecimals(Frame& f) {
  auto* out = f.values<Int128>();
  internal::Arg<Int128> a(f.args[0]), b(f.args[1]);
  bool longer = false;
  ForRows(f.rows, [&](int i) {
    const auto x = static_cast<int64_t>(a[i]), y = static_cast<int64_t>(b[i]);
    longer |= (x != a[i]) | (y != b[i]);
    out[i] = static_cast<Int128>(x) * y;
  });
  if (longer) Row<MultiplyDecimals>(f);
}

// Operands are brought to one scale; the sum has a digit more.
template <class Op>
std::string BindDecimalSum(CallBinding& call) {
  TypePtr common = CommonType(call.args[0]->type, call.args[1]->type);
  if (common->id() != arrow::Type::DECIMAL128) common = CommonType(common, arrow::decimal128(1, 0));
  int precision = std::min(38, Decimal(common).precision() + 1);
  call.result = arrow::decimal128(precision, Decimal(common).scale());
  call.types = {call.result, call.result};
  if (Decimal(common).precision() < 38) {
    call.kernel = Binary<Int128, Int128, Int128, Op>;
    call.flags = kDenseSafe;
  }
  return "";
}

std::string BindDecimalProduct(CallBinding& call) {
  for (TypePtr& type : call.types) {
    if (type->id() != arrow::Type::DECIMAL128) type = arrow::decimal128(19, 0);
  }
  int scale = Decimal(call.types[0]).scale() + Decimal(call.types[1]).scale();
  if (scale > 38)
    return "the product would have " + std::to_string(scale) + " digits behind the point, 38 are the most";
  const int digits = Decimal(call.types[0]).precision() + Decimal(call.types[1]).precision();
  const int precision = std::max(std::min(38, digits), scale);
  call.result = arrow::decimal128(precision, scale);
  if (digits <= 38) {
    call.kernel = Binary<Int128, Int128, Int128, MultiplyWide>;
    call.flags = kDenseSafe;
  } else if (precision == 38) {
    call.kernel = MultiplyLongDecimals;
  }
  return "";
}

std::string BindSameDecimal(CallBinding& call) {
  call.result = call.args[0]->type->id() == arrow::Type::DECIMAL128 ? call.args[0]->type : arrow::decimal128(19, 0);
  call.types[0] = call.result;
  return "";
}

// date - date is days; timestamp - timestamp is seconds.
struct DateDifference {
  int64_t operator()(int64_t a, int64_t b) const { return a - b; }
};
double SecondsBetween(Frame&, int, int64_t a, int64_t b) {
  return (static_cast<double>(a) - static_cast<double>(b)) / 1e6;
}

int64_t CheckedDate(Frame& f, int i, int64_t days, bool overflow) {
  if (overflow || days < INT32_MIN || days > INT32_MAX) f.Fail(i, "date overflow");
  return days;
}
int64_t AddDays(Frame& f, int i, int64_t date, int64_t days) {
  int64_t r = 0;
  bool overflow = __builtin_add_overflow(date, days, &r);
  return CheckedDate(f, i, r, overflow);
}
int64_t SubtractDays(Frame& f, int i, int64_t date, int64_t days) {
  int64_t r = 0;
  bool overflow = __builtin_sub_overflow(date, days, &r);
  return CheckedDate(f, i, r, overflow);
}

}  // namespace

void AddArithmetic(FunctionList* list) {
  constexpr uint32_t kChecked = kDenseSafe | kCanFail;
  list->push_back({"+",
                   "operator",
                   "Sum. Integers that overflow are row errors.",
                   "2 + 3",
                   "5",
                   {{"(integer, integer) -> integer", Checked<AddOp>, kChecked},
                    {"(number, number) -> number", Binary<double, double, double, AddOp>, kDenseSafe},
                    {"(decimal, decimal) -> any", Row<AddDecimals>, kCanFail, BindDecimalSum<AddWide>},
                    {"(date, integer) -> date", Row<AddDays>, kCanFail}}});
  list->push_back({"-",
                   "operator",
                   "Difference or sign; between dates whole days, between timestamps seconds.",
                   "2 - 3",
                   "-1",
                   {{"(integer, integer) -> integer", Checked<SubtractOp>, kChecked},
                    {"(number, number) -> number", Binary<double, double, double, SubtractOp>, kDenseSafe},
                    {"(decimal, decimal) -> any", Row<SubtractDecimals>, kCanFail, BindDecimalSum<SubtractWide>},
                    {"(date, date) -> integer", Binary<int64_t, int64_t, int64_t, DateDifference>, kDenseSafe},
                    {"(timestamp, timestamp) -> number", Row<SecondsBetween>, kNoFlags},
                    {"(date, integer) -> date", Row<SubtractDays>, kCanFail},
                    {"(integer) -> integer", NegateIntegers, kChecked},
                    {"(number) -> number", Unary<double, double, NegateDouble>, kDenseSafe},
                    {"(decimal) -> any", Unary<Int128, Int128, NegateDecimal>, kDenseSafe, BindSameDecimal}}});
  list->push_back({"*",
                   "operator",
                   "Product. Integers that overflow are row errors.",
                   "2 * 3",
                   "6",
                   {{"(integer, integer) -> integer", Checked<MultiplyOp>, kChecked},
                    {"(number, number) -> number", Binary<double, double, double, MultiplyOp>, kDenseSafe},
                    {"(decimal, decimal) -> any", Row<MultiplyDecimals>, kCanFail, BindDecimalProduct}}});
  list->push_back({"/",
                   "operator",
                   "True division: always a number.",
                   "7 / 2",
                   "3.5",
                   {{"(number, number) -> number", Divide, kChecked}}});
  list->push_back({"//",
                   "operator",
                   "Quotient, rounded down.",
                   "-7 // 2",
                   "-4",
                   {{"(integer, integer) -> integer", FloorIntegers<true>, kCanFail},
                    {"(number, number) -> number", Row<FloorDoubles>, kCanFail}}});
  list->push_back({"%",
                   "operator",
                   "What // leaves; it has the divisor's sign.",
                   "-7 % 3",
                   "2",
                   {{"(integer, integer) -> integer", FloorIntegers<false>, kCanFail},
                    {"(number, number) -> number", Row<ModuloDoubles>, kCanFail}}});
  list->push_back({"mod",
                   "math",
                   "The same as the operator %.",
                   "mod(-7, 3)",
                   "2",
                   {{"(integer, integer) -> integer", FloorIntegers<false>, kCanFail},
                    {"(number, number) -> number", Row<ModuloDoubles>, kCanFail}}});
}

}  // namespace weir::expr
