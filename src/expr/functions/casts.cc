// Conversions: cast(x as T), try_cast(x as T), and those that the checker adds. What does not fit is a row error, or
// null under try_cast. Numbers become integers by cutting off the fraction; text must be the whole value, blanks around
// it aside.
#include <arrow/array/array_base.h>
#include <arrow/array/util.h>
#include <arrow/compute/cast.h>
#include <arrow/type.h>

#include <charconv>

#include "batch/gather.h"
#include "expr/functions/kernels.h"
#include "expr/functions/nested.h"
#include "expr/functions/time_text.h"
#include "expr/functions/utf8.h"

namespace weir::expr {
namespace {

std::string Quoted(StringRef s) {
  std::string_view v = s.view();
  return "'" + std::string(v.substr(0, OffsetOfCodePoint(v, 60))) + (CountCodePoints(v) > 60 ? "…'" : "'");
}

// A value that does not fit: a row error whose text is made only now, or null.
template <bool kTry, class Message>
void Misfit(Frame& f, int i, Message message) {
  if constexpr (kTry) {
    f.SetNull(i);
  } else {
    f.Fail(i, message());
  }
}

const arrow::DecimalType& Decimal(const TypePtr& type) { return static_cast<const arrow::DecimalType&>(*type); }

struct IntToDouble {
  double operator()(int64_t a) const { return static_cast<double>(a); }
};
struct BoolToInt {
  int64_t operator()(uint8_t a) const { return a; }
};
struct BoolToDouble {
  double operator()(uint8_t a) const { return a; }
};
struct IntToBool {
  uint8_t operator()(int64_t a) const { return a != 0; }
};
struct DoubleToBool {
  uint8_t operator()(double a) const { return a != 0; }
};

template <bool kTry>
int64_t DoubleToInt(Frame& f, int i, double x) {
  if (x > -9223372036854775809.0 && x < 9223372036854775808.0) return static_cast<int64_t>(x);
  Misfit<kTry>(f, i, [&] { return FormatDouble(x) + " does not fit an integer"; });
  return 0;
}

template <bool kTry>
int64_t StringToInt(Frame& f, int i, StringRef s) {
  int64_t value = 0;
  if (!ParseInt64(s.view(), &value)) Misfit<kTry>(f, i, [&] { return Quoted(s) + " is not an integer"; });
  return value;
}
template <bool kTry>
double StringToDouble(Frame& f, int i, StringRef s) {
  double value = 0;
  if (!ParseDouble(s.view(), &value)) Misfit<kTry>(f, i, [&] { return Quoted(s) + " is not a number"; });
  return value;
}
template <bool kTry>
uint8_t StringToBool(Frame& f, int i, StringRef s) {
  std::string lower(s.view().substr(0, 6));
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  for (const char* word : {"true", "t", "yes", "y", "on", "1"}) {
    if (lower == word) return 1;
  }
  for (const char* word : {"false", "f", "no", "n", "off", "0"}) {
    if (lower == word) return 0;
  }
  Misfit<kTry>(f, i, [&] { return Quoted(s) + " is not a boolean"; });
  return 0;
}
template <bool kTry>
int64_t StringToTimestamp(Frame& f, int i, StringRef s) {
  int64_t value = 0;
  if (!ParseTimestamp(s.view(), &value)) Misfit<kTry>(f, i, [&] { return Quoted(s) + " is not a timestamp"; });
  return value;
}
template <bool kTry>
int64_t StringToDate(Frame& f, int i, StringRef s) {
  int64_t value = 0;
  if (!ParseDate(s.view(), &value)) Misfit<kTry>(f, i, [&] { return Quoted(s) + " is not a date"; });
  return value;
}
template <bool kTry>
StringRef BytesToString(Frame& f, int i, StringRef s) {
  if (IsValidUtf8(s.view())) return s;
  Misfit<kTry>(f, i, [] { return std::string("the bytes are not valid UTF-8"); });
  return {"", 0};
}
StringRef SameString(Frame&, int, StringRef s) { return s; }

template <bool kTry>
int64_t DateToTimestamp(Frame& f, int i, int64_t days) {
  int64_t micros = 0;
  if (__builtin_mul_overflow(days, kMicrosPerDay, &micros)) {
    Misfit<kTry>(f, i, [&] { return "the date " + FormatDate(days) + " does not fit a timestamp"; });
  }
  return micros;
}
int64_t TimestampToDate(Frame&, int, int64_t micros) { return FloorDiv(micros, kMicrosPerDay); }

template <bool kTry>
Int128 CheckDecimal(Frame& f, int i, Int128 value, bool fits) {
  int precision = Decimal(*f.type).precision();
  if (fits && FitsPrecision(value, precision)) return value;
  Misfit<kTry>(f, i, [&] { return "the value does not fit " + TypeName(**f.type); });
  return 0;
}
template <bool kTry>
Int128 IntToDecimal(Frame& f, int i, int64_t x) {
  Int128 value = 0;
  bool fits = !__builtin_mul_overflow(static_cast<Int128>(x), PowerOfTen(Decimal(*f.type).scale()), &value);
  return CheckDecimal<kTry>(f, i, value, fits);
}
// By way of the shortest text of the double, so that 0.1 is 0.1.
template <bool kTry>
Int128 DoubleToDecimal(Frame& f, int i, double x) {
  Int128 value = 0;
  bool fits =
      std::isfinite(x) && ParseDecimal(FormatDouble(x), Decimal(*f.type).precision(), Decimal(*f.type).scale(), &value);
  return CheckDecimal<kTry>(f, i, value, fits);
}
template <bool kTry>
Int128 StringToDecimal(Frame& f, int i, StringRef s) {
  Int128 value = 0;
  if (!ParseDecimal(s.view(), Decimal(*f.type).precision(), Decimal(*f.type).scale(), &value)) {
    Misfit<kTry>(f, i, [&] { return Quoted(s) + " is not a " + TypeName(**f.type); });
  }
  return value;
}
template <bool kTry>
Int128 DecimalToDecimal(Frame& f, int i, Int128 x) {
  int more = Decimal(*f.type).scale() - Decimal(f.arg_types[0]).scale();
  Int128 value = x;
  bool fits = more <= 0 || !__builtin_mul_overflow(x, PowerOfTen(more), &value);
  return CheckDecimal<kTry>(f, i, more < 0 ? DividePowerOfTen(x, -more) : value, fits);
}

/// To a scale and a number of digits in front of the point that are no smaller: always fits.
void WidenDecimal(Frame& f) {
  auto* out = f.values<Int128>();
  internal::Arg<Int128> x(f.args[0]);
  const int more = Decimal(*f.type).scale() - Decimal(f.arg_types[0]).scale();
  if (more == 0) return ForRows(f.rows, [&](int i) { out[i] = x[i]; });
  const auto unit = static_cast<unsigned __int128>(PowerOfTen(more));  // unsigned: rows that are dead hold anything
  ForRows(f.rows, [&](int i) { out[i] = static_cast<Int128>(static_cast<unsigned __int128>(x[i]) * unit); });
}
bool WidensDecimal(const arrow::DataType& from, const arrow::DataType& to) {
  const auto& a = static_cast<const arrow::DecimalType&>(from);
  const auto& b = static_cast<const arrow::DecimalType&>(to);
  return b.scale() >= a.scale() && b.precision() - b.scale() >= a.precision() - a.scale();
}
double DecimalToDouble(Frame& f, int, Int128 x) {
  double value = 0;
  ParseDouble(FormatDecimal(x, Decimal(f.arg_types[0]).scale()), &value);
  return value;
}
template <bool kTry>
int64_t DecimalToInt(Frame& f, int i, Int128 x) {
  Int128 whole = x / PowerOfTen(Decimal(f.arg_types[0]).scale());
  if (whole < INT64_MIN || whole > INT64_MAX)
    Misfit<kTry>(f, i, [] { return std::string("the decimal does not fit an integer"); });
  return static_cast<int64_t>(whole);
}
uint8_t DecimalToBool(Frame&, int, Int128 x) { return x != 0; }

StringRef BoolToString(Frame&, int, uint8_t x) { return x ? StringRef{"true", 4} : StringRef{"false", 5}; }
StringRef IntToString(Frame& f, int, int64_t x) {
  char* out = f.scratch->arena().Allocate(24);
  auto size = static_cast<size_t>(std::to_chars(out, out + 24, x).ptr - out);
  f.scratch->arena().Return(24 - size);
  return {out, size};
}
StringRef DoubleToString(Frame& f, int, double x) { return f.Copy(FormatDouble(x)); }
StringRef DecimalToString(Frame& f, int, Int128 x) { return f.Copy(FormatDecimal(x, Decimal(f.arg_types[0]).scale())); }
StringRef TimestampToString(Frame& f, int, int64_t x) { return f.Copy(FormatTimestamp(x)); }
StringRef DateToString(Frame& f, int, int64_t x) { return f.Copy(FormatDate(x)); }
StringRef NestedToString(Frame& f, int, NestedRef x) {
  std::string out;
  AppendJson(*x.array, x.row, &out);
  return f.Copy(out);
}

// Lists, maps and objects whose parts only widen: Arrow's cast over the alive rows.
Status WidenNested(Frame* f) {
  WEIR_ASSIGN_OR_RETURN(auto column, AliveColumn(f->scratch, f->args[0], f->arg_types[0], f->rows));
  WEIR_ASSIGN_OR_RETURN(auto cast, arrow::compute::Cast(*arrow::MakeArray(column), *f->type));
  SetNested(f, cast->data());
  return Status::OK();
}
void Widen(Frame& f) { f.status = WidenNested(&f); }

bool Widens(const arrow::DataType& from, const arrow::DataType& to) {
  if (from.Equals(to) || from.id() == arrow::Type::NA) return true;
  if (from.id() == arrow::Type::INT64 && to.id() == arrow::Type::DOUBLE) return true;
  bool nested = from.id() == to.id() && from.num_fields() == to.num_fields() && from.num_fields() > 0;
  for (int k = 0; nested && k < from.num_fields(); ++k) {
    nested = Widens(*from.field(k)->type(), *to.field(k)->type()) &&
             (from.id() != arrow::Type::STRUCT || from.field(k)->name() == to.field(k)->name());
  }
  return nested;
}

Conversion ToString(const arrow::DataType& from, bool try_cast) {
  switch (from.id()) {
    case arrow::Type::BOOL:
      return {Row<BoolToString>};
    case arrow::Type::INT64:
      return {Row<IntToString>};
    case arrow::Type::DOUBLE:
      return {Row<DoubleToString>};
    case arrow::Type::DECIMAL128:
      return {Row<DecimalToString>};
    case arrow::Type::TIMESTAMP:
      return {Row<TimestampToString>};
    case arrow::Type::DATE32:
      return {Row<DateToString>};
    case arrow::Type::BINARY:
      return try_cast ? Conversion{Row<BytesToString<true>>, kCanNull}
                      : Conversion{Row<BytesToString<false>>, kCanFail};
    default:
      return {Row<NestedToString>};
  }
}

template <bool kTry>
Conversion Find(const arrow::DataType& from, const arrow::DataType& to) {
  constexpr uint32_t kPartial = kTry ? kCanNull : kCanFail;
  using arrow::Type;
  auto id = from.id();
  switch (to.id()) {
    case Type::BOOL:
      if (id == Type::INT64) return {Unary<uint8_t, int64_t, IntToBool>, kDenseSafe};
      if (id == Type::DOUBLE) return {Unary<uint8_t, double, DoubleToBool>, kDenseSafe};
      if (id == Type::DECIMAL128) return {Row<DecimalToBool>};
      if (id == Type::STRING) return {Row<StringToBool<kTry>>, kPartial};
      break;
    case Type::INT64:
      if (id == Type::BOOL) return {Unary<int64_t, uint8_t, BoolToInt>, kDenseSafe};
      if (id == Type::DOUBLE) return {Row<DoubleToInt<kTry>>, kPartial};
      if (id == Type::DECIMAL128) return {Row<DecimalToInt<kTry>>, kPartial};
      if (id == Type::STRING) return {Row<StringToInt<kTry>>, kPartial};
      break;
    case Type::DOUBLE:
      if (id == Type::BOOL) return {Unary<double, uint8_t, BoolToDouble>, kDenseSafe};
      if (id == Type::INT64) return {Unary<double, int64_t, IntToDouble>, kDenseSafe};
      if (id == Type::DECIMAL128) return {Row<DecimalToDouble>};
      if (id == Type::STRING) return {Row<StringToDouble<kTry>>, kPartial};
      break;
    case Type::DECIMAL128:
      if (id == Type::INT64) return {Row<IntToDecimal<kTry>>, kPartial};
      if (id == Type::DOUBLE) return {Row<DoubleToDecimal<kTry>>, kPartial};
      if (id == Type::DECIMAL128 && WidensDecimal(from, to)) return {WidenDecimal, kDenseSafe};
      if (id == Type::DECIMAL128) return {Row<DecimalToDecimal<kTry>>, kPartial};
      if (id == Type::STRING) return {Row<StringToDecimal<kTry>>, kPartial};
      break;
    case Type::TIMESTAMP:
      if (id == Type::STRING) return {Row<StringToTimestamp<kTry>>, kPartial};
      if (id == Type::DATE32) return {Row<DateToTimestamp<kTry>>, kPartial};
      break;
    case Type::DATE32:
      if (id == Type::STRING) return {Row<StringToDate<kTry>>, kPartial};
      if (id == Type::TIMESTAMP) return {Row<TimestampToDate>};
      break;
    case Type::STRING:
      return ToString(from, kTry);
    case Type::BINARY:
      if (id == Type::STRING) return {Row<SameString>};
      break;
    default:
      break;
  }
  if (PhysOf(to) == Phys::kNested && Widens(from, to)) return {Widen};
  return {};
}

}  // namespace

Conversion FindConversion(const arrow::DataType& from, const arrow::DataType& to, bool try_cast) {
  return try_cast ? Find<true>(from, to) : Find<false>(from, to);
}

}  // namespace weir::expr
