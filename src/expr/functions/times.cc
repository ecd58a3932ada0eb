// Functions that make, parse, format and move timestamps and dates.
#include <arrow/type.h>

#include <array>

#include "expr/functions/kernels.h"
#include "expr/functions/time_text.h"
#include "expr/functions/time_unit.h"

namespace weir::expr {

bool TimeUnitNamed(std::string_view name, TimeUnit* unit) {
  static constexpr std::array<std::pair<std::string_view, TimeUnit>, 10> kNames = {
      {{"year", TimeUnit::kYear},
       {"quarter", TimeUnit::kQuarter},
       {"month", TimeUnit::kMonth},
       {"week", TimeUnit::kWeek},
       {"day", TimeUnit::kDay},
       {"hour", TimeUnit::kHour},
       {"minute", TimeUnit::kMinute},
       {"second", TimeUnit::kSecond},
       {"millisecond", TimeUnit::kMillisecond},
       {"microsecond", TimeUnit::kMicrosecond}}};
  std::string lower(name);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  if (lower.size() > 1 && lower.back() == 's') lower.pop_back();
  for (const auto& [known, value] : kNames) {
    if (known == lower) {
      *unit = value;
      return true;
    }
  }
  return false;
}

std::string BindUnit(CallBinding& call) {
  const std::string* name = call.ConstantText(0);
  if (name == nullptr) return "the unit is a constant string: 'day', 'hour' …";
  auto state = std::make_shared<UnitState>();
  if (!TimeUnitNamed(*name, &state->unit)) {
    return "'" + *name +
           "' is no unit: year, quarter, month, week, day, hour, minute, second, millisecond, microsecond";
  }
  call.state_key = *name;
  call.state = std::move(state);
  return "";
}

namespace {

struct IntervalState final : KernelState {
  int64_t months = 0;
  int64_t micros = 0;
};

// `micros` plus months (the day held to the month's last) plus microseconds. False when it overflows.
bool Move(int64_t* micros, int64_t months, int64_t more) {
  if (months != 0) {
    int64_t days = AddMonths(FloorDiv(*micros, kMicrosPerDay), months);
    int64_t rest = FloorMod(*micros, kMicrosPerDay);
    if (__builtin_mul_overflow(days, kMicrosPerDay, micros) || __builtin_add_overflow(*micros, rest, micros))
      return false;
  }
  return !__builtin_add_overflow(*micros, more, micros);
}

void MoveOrFail(Frame& f, int i, int64_t value, int64_t months, int64_t micros) {
  bool date = (*f.type)->id() == arrow::Type::DATE32;
  int64_t moved = date ? value * kMicrosPerDay : value;
  bool fits = Move(&moved, months, micros);
  if (date) moved = FloorDiv(moved, kMicrosPerDay);
  if (!fits || (date && (moved < INT32_MIN || moved > INT32_MAX))) {
    f.Fail(i, "time overflow: " + (date ? FormatDate(value) : FormatTimestamp(value)) + " moved too far");
  }
  f.values<int64_t>()[i] = moved;
}

void AddInterval(Frame& f) {
  const auto& interval = f.state_as<IntervalState>();
  internal::Arg<int64_t> in(f.args[0]);
  ForRows(f.rows, [&](int i) { MoveOrFail(f, i, in[i], interval.months, interval.micros); });
}

// date_add(unit, n, time)
void DateAdd(Frame& f) {
  TimeUnit unit = f.state_as<UnitState>().unit;
  internal::Arg<int64_t> count(f.args[1]), in(f.args[2]);
  ForRows(f.rows, [&](int i) {
    int64_t months, micros;
    bool fits = !__builtin_mul_overflow(count[i], MonthsOf(unit), &months) && std::abs(months) < 12'000'000 &&
                !__builtin_mul_overflow(count[i], MicrosOf(unit), &micros);
    if (!fits) {
      f.values<int64_t>()[i] = 0;
      return f.Fail(i, "time overflow: date_add() of " + std::to_string(count[i]));
    }
    MoveOrFail(f, i, in[i], months, micros);
  });
}

std::string BindDateAdd(CallBinding& call) {
  std::string message = BindUnit(call);
  if (!message.empty()) return message;
  TimeUnit unit = static_cast<const UnitState&>(*call.state).unit;
  bool date = call.args[2]->type->id() == arrow::Type::DATE32 && unit <= TimeUnit::kDay;
  call.result = call.types[2] = date ? arrow::date32() : TimestampType();
  return "";
}

// Borders of `unit` between a and b: what date_trunc() of both differ by.
int64_t Borders(TimeUnit unit, int64_t micros) {
  int64_t days = FloorDiv(micros, kMicrosPerDay);
  if (int64_t months = MonthsOf(unit); months != 0) {
    Civil c = CivilFromDays(days);
    return FloorDiv(c.year * 12 + c.month - 1, months);
  }
  if (unit == TimeUnit::kWeek) return FloorDiv(days + 3, 7);
  return FloorDiv(micros, MicrosOf(unit));
}

int64_t DateDiff(Frame& f, int, StringRef, int64_t a, int64_t b) {
  TimeUnit unit = f.state_as<UnitState>().unit;
  return Borders(unit, b) - Borders(unit, a);
}

int64_t SecondsToTimestamp(Frame& f, int i, int64_t seconds) {
  int64_t micros = 0;
  if (__builtin_mul_overflow(seconds, kMicrosPerSecond, &micros))
    f.Fail(i, "time overflow: to_timestamp(" + std::to_string(seconds) + ")");
  return micros;
}
int64_t NumberToTimestamp(Frame& f, int i, double seconds) {
  double micros = std::round(seconds * 1e6);
  if (!(std::fabs(micros) < 9.2e18)) {
    f.Fail(i, "time overflow: to_timestamp(" + FormatDouble(seconds) + ")");
    return 0;
  }
  return static_cast<int64_t>(micros);
}
int64_t MillisToTimestamp(Frame& f, int i, int64_t ms) {
  int64_t micros = 0;
  if (__builtin_mul_overflow(ms, int64_t{1000}, &micros))
    f.Fail(i, "time overflow: from_epoch_ms(" + std::to_string(ms) + ")");
  return micros;
}
struct Same {
  int64_t operator()(int64_t a) const { return a; }
};

double Epoch(Frame&, int, int64_t micros) { return static_cast<double>(micros) / 1e6; }
int64_t EpochMs(Frame&, int, int64_t micros) { return FloorDiv(micros, 1000); }

std::string Quoted(StringRef s) {
  std::string_view v = s.view();
  return "'" + std::string(v.substr(0, 60)) + (v.size() > 60 ? "…'" : "'");
}

int64_t ParseText(Frame& f, int i, StringRef s) {
  int64_t micros = 0;
  if (!ParseTimestamp(s.view(), &micros)) f.Fail(i, Quoted(s) + " is not a timestamp");
  return micros;
}
int64_t ParsePattern(Frame& f, int i, StringRef s, StringRef pattern) {
  int64_t micros = 0;
  if (!ParseTime(pattern.view(), s.view(), &micros))
    f.Fail(i, Quoted(s) + " does not fit the pattern " + Quoted(pattern));
  return micros;
}
int64_t ParseDatePattern(Frame& f, int i, StringRef s, StringRef pattern) {
  return FloorDiv(ParsePattern(f, i, s, pattern), kMicrosPerDay);
}

StringRef Format(Frame& f, int i, int64_t micros, StringRef pattern) {
  std::string out, bad;
  if (!FormatTime(pattern.view(), micros, &out, &bad)) f.Fail(i, "no such time pattern: " + bad);
  return f.Copy(out);
}

std::string BindTimePattern(CallBinding& call) {
  const std::string* pattern = call.ConstantText(1);
  std::string bad;
  if (pattern != nullptr && !IsTimePattern(*pattern, &bad)) {
    return "no such time pattern: " + bad +
           "; there are %Y %m %d %H %M %S %f %j %y %a %A %b %B %e %p %I %F %T %s %z and others";
  }
  return "";
}

int64_t MakeDate(Frame& f, int i, int64_t y, int64_t m, int64_t d) {
  if (y < -9999 || y > 99999 || m < 1 || m > 12 || d < 1 || d > DaysInMonth(y, static_cast<int>(m))) {
    f.Fail(i, "there is no date " + std::to_string(y) + "-" + std::to_string(m) + "-" + std::to_string(d));
    return 0;
  }
  return DaysFromCivil(y, static_cast<int>(m), static_cast<int>(d));
}
int64_t MakeTimestamp(Frame& f, int i, int64_t y, int64_t m, int64_t d, int64_t hour, int64_t minute, double second) {
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || !(second >= 0 && second < 61)) {
    f.Fail(i, "there is no time " + std::to_string(hour) + ":" + std::to_string(minute) + ":" + FormatDouble(second));
    return 0;
  }
  int64_t days = MakeDate(f, i, y, m, d);
  return days * kMicrosPerDay + (hour * 3600 + minute * 60) * kMicrosPerSecond + std::llround(second * 1e6);
}

}  // namespace

KernelFn AddIntervalKernel() { return AddInterval; }

std::shared_ptr<const KernelState> MakeInterval(int64_t months, int64_t micros) {
  auto state = std::make_shared<IntervalState>();
  state->months = months;
  state->micros = micros;
  return state;
}

void AddTimes(FunctionList* list) {
  auto add = [&](const char* name, const char* doc, const char* example, const char* result,
                 std::vector<Overload> overloads) {
    list->push_back({name, "time", doc, example, result, std::move(overloads)});
  };
  add("to_timestamp", "The timestamp so many seconds after 1970-01-01T00:00:00Z.", "to_timestamp(90)",
      "timestamp '1970-01-01T00:01:30Z'",
      {{"(integer) -> timestamp", Row<SecondsToTimestamp>, kCanFail},
       {"(number) -> timestamp", Row<NumberToTimestamp>, kCanFail}});
  add("from_epoch_ms", "The timestamp so many milliseconds after 1970.", "from_epoch_ms(1500)",
      "timestamp '1970-01-01T00:00:01.5Z'", {{"(integer) -> timestamp", Row<MillisToTimestamp>, kCanFail}});
  add("from_epoch_us", "The timestamp so many microseconds after 1970.", "from_epoch_us(1500000)",
      "timestamp '1970-01-01T00:00:01.5Z'", {{"(integer) -> timestamp", Unary<int64_t, int64_t, Same>, kDenseSafe}});
  add("epoch", "Seconds since 1970, with their fraction.", "epoch(timestamp '1970-01-01T00:01:30Z')", "90.0",
      {{"(timestamp) -> number", Row<Epoch>}});
  add("epoch_ms", "Whole milliseconds since 1970.", "epoch_ms(timestamp '1970-01-01T00:01:30Z')", "90000",
      {{"(timestamp) -> integer", Row<EpochMs>}});
  add("epoch_us", "Microseconds since 1970.", "epoch_us(timestamp '1970-01-01T00:01:30Z')", "90000000",
      {{"(timestamp) -> integer", Unary<int64_t, int64_t, Same>, kDenseSafe}});
  for (const char* name : {"parse_timestamp", "strptime"}) {
    add(name, "A timestamp from text: RFC 3339, or as a strptime pattern says.",
        name[0] == 'p' ? "parse_timestamp('17/05/2024', '%d/%m/%Y')" : "strptime('17/05/2024', '%d/%m/%Y')",
        "timestamp '2024-05-17T00:00:00Z'",
        {{"(string) -> timestamp", Row<ParseText>, kCanFail},
         {"(string, string) -> timestamp", Row<ParsePattern>, kCanFail, BindTimePattern}});
  }
  add("parse_date", "A date from text as a strptime pattern says.", "parse_date('17/05/2024', '%d/%m/%Y')",
      "date '2024-05-17'", {{"(string, string) -> date", Row<ParseDatePattern>, kCanFail, BindTimePattern}});
  for (const char* name : {"format_timestamp", "strftime"}) {
    add(name, "A timestamp or date as text by a strftime pattern.",
        name[0] == 'f' ? "format_timestamp(date '2024-05-17', '%d/%m/%Y')" : "strftime(date '2024-05-17', '%d/%m/%Y')",
        "'17/05/2024'", {{"(timestamp, string) -> string", Row<Format>, kCanFail, BindTimePattern}});
  }
  add("date_add", "The time n units later.", "date_add('month', 1, date '2024-01-31')", "date '2024-02-29'",
      {{"(string, integer, timestamp) -> any", DateAdd, kCanFail, BindDateAdd}});
  add("date_diff", "How many borders of a unit lie between two times.",
      "date_diff('month', date '2024-01-31', date '2024-03-01')", "2",
      {{"(string, timestamp, timestamp) -> integer", Row<DateDiff>, kNoFlags, BindUnit}});
  add("make_date", "The date of a year, month and day.", "make_date(2024, 5, 17)", "date '2024-05-17'",
      {{"(integer, integer, integer) -> date", Row<MakeDate>, kCanFail}});
  add("make_timestamp", "The timestamp of a year, month, day, hour, minute and second.",
      "make_timestamp(2024, 5, 17, 10, 30, 0.5)", "timestamp '2024-05-17T10:30:00.5Z'",
      {{"(integer, integer, integer, integer, integer, number) -> timestamp", Row<MakeTimestamp>, kCanFail}});
}

}  // namespace weir::expr
