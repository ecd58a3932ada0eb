// Functions that take a timestamp or date apart: date_trunc, date_part, year … second.
#include <arrow/type.h>

#include <array>

#include "expr/functions/kernels.h"
#include "expr/functions/time_unit.h"

namespace weir::expr {
namespace {

int64_t TruncDays(TimeUnit unit, int64_t days) {
  if (unit == TimeUnit::kDay) return days;
  if (unit == TimeUnit::kWeek) return days - (IsoWeekday(days) - 1);
  Civil c = CivilFromDays(days);
  int month = unit == TimeUnit::kYear ? 1 : unit == TimeUnit::kQuarter ? (c.month - 1) / 3 * 3 + 1 : c.month;
  return DaysFromCivil(c.year, month, 1);
}

void DateTrunc(Frame& f) {
  TimeUnit unit = f.state_as<UnitState>().unit;
  bool date = (*f.type)->id() == arrow::Type::DATE32;
  auto* out = f.values<int64_t>();
  internal::Arg<int64_t> in(f.args[1]);
  int64_t size = MicrosOf(unit);
  if (!date && unit >= TimeUnit::kDay) {
    ForRows(f.rows, [&](int i) { out[i] = in[i] - FloorMod(in[i], size); });
    return;
  }
  ForRows(f.rows, [&](int i) {
    out[i] = date ? TruncDays(unit, in[i]) : TruncDays(unit, FloorDiv(in[i], kMicrosPerDay)) * kMicrosPerDay;
  });
}

std::string BindTrunc(CallBinding& call) {
  std::string message = BindUnit(call);
  if (!message.empty()) return message;
  TimeUnit unit = static_cast<const UnitState&>(*call.state).unit;
  bool date = call.args[1]->type->id() == arrow::Type::DATE32 && unit <= TimeUnit::kDay;
  call.result = call.types[1] = date ? arrow::date32() : TimestampType();
  return "";
}

using PartFn = int64_t (*)(int64_t micros);

int64_t Days(int64_t micros) { return FloorDiv(micros, kMicrosPerDay); }
int64_t OfDay(int64_t micros, int64_t unit) { return FloorMod(micros, kMicrosPerDay) / unit; }

int64_t Year(int64_t t) { return CivilFromDays(Days(t)).year; }
int64_t Quarter(int64_t t) { return (CivilFromDays(Days(t)).month - 1) / 3 + 1; }
int64_t Month(int64_t t) { return CivilFromDays(Days(t)).month; }
int64_t Day(int64_t t) { return CivilFromDays(Days(t)).day; }
int64_t Week(int64_t t) { return IsoWeek(Days(t), nullptr); }
int64_t IsoYear(int64_t t) {
  int64_t year;
  IsoWeek(Days(t), &year);
  return year;
}
int64_t DayOfWeek(int64_t t) { return IsoWeekday(Days(t)) % 7; }
int64_t IsoDayOfWeek(int64_t t) { return IsoWeekday(Days(t)); }
int64_t DayOfYear(int64_t t) { return Days(t) - DaysFromCivil(Year(t), 1, 1) + 1; }
int64_t Hour(int64_t t) { return OfDay(t, 3600 * kMicrosPerSecond); }
int64_t Minute(int64_t t) { return OfDay(t, 60 * kMicrosPerSecond) % 60; }
int64_t Second(int64_t t) { return OfDay(t, kMicrosPerSecond) % 60; }
int64_t Millisecond(int64_t t) { return FloorMod(t, 60 * kMicrosPerSecond) / 1000; }
int64_t Microsecond(int64_t t) { return FloorMod(t, 60 * kMicrosPerSecond); }
int64_t EpochSecond(int64_t t) { return FloorDiv(t, kMicrosPerSecond); }

template <PartFn kPart>
int64_t Part(Frame&, int, int64_t t) {
  return kPart(t);
}

struct NamedPart {
  std::string_view name;
  PartFn part;
};

constexpr std::array<NamedPart, 20> kParts = {{{"year", Year},
                                               {"quarter", Quarter},
                                               {"month", Month},
                                               {"week", Week},
                                               {"day", Day},
                                               {"dayofweek", DayOfWeek},
                                               {"dow", DayOfWeek},
                                               {"isodow", IsoDayOfWeek},
                                               {"weekday", DayOfWeek},
                                               {"dayofyear", DayOfYear},
                                               {"doy", DayOfYear},
                                               {"isoyear", IsoYear},
                                               {"hour", Hour},
                                               {"minute", Minute},
                                               {"second", Second},
                                               {"millisecond", Millisecond},
                                               {"microsecond", Microsecond},
                                               {"milliseconds", Millisecond},
                                               {"microseconds", Microsecond},
                                               {"epoch", EpochSecond}}};

struct PartState final : KernelState {
  PartFn part = nullptr;
};

void DatePart(Frame& f) {
  PartFn part = f.state_as<PartState>().part;
  auto* out = f.values<int64_t>();
  internal::Arg<int64_t> in(f.args[1]);
  ForRows(f.rows, [&](int i) { out[i] = part(in[i]); });
}

std::string BindPart(CallBinding& call) {
  const std::string* name = call.ConstantText(0);
  if (name == nullptr) return "the part is a constant string: 'year', 'hour' …";
  std::string lower(*name), all;
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  for (const NamedPart& part : kParts) {
    if (part.name == lower) {
      auto state = std::make_shared<PartState>();
      state->part = part.part;
      call.state = std::move(state);
      call.state_key = lower;
      return "";
    }
    all += (all.empty() ? "" : ", ") + std::string(part.name);
  }
  return "'" + *name + "' is no part of a time: " + all;
}

int64_t LastDay(Frame&, int, int64_t days) {
  Civil c = CivilFromDays(days);
  return DaysFromCivil(c.year, c.month, DaysInMonth(c.year, c.month));
}

}  // namespace

void AddTimeParts(FunctionList* list) {
  auto part = [&](const char* name, const char* doc, const char* example, const char* result, KernelFn kernel) {
    list->push_back({name, "time", doc, example, result, {{"(timestamp) -> integer", kernel}}});
  };
  list->push_back({"date_trunc",
                   "time",
                   "The start of the unit that a timestamp or date lies in; weeks begin on Monday.",
                   "date_trunc('month', date '2024-05-17')",
                   "date '2024-05-01'",
                   {{"(string, timestamp) -> any", DateTrunc, kNoFlags, BindTrunc}}});
  list->push_back({"date_part",
                   "time",
                   "A part of a timestamp or date, also written extract(year from x): year quarter month week day "
                   "dayofweek (Sunday 0) isodow "
                   "(Monday 1) dayofyear hour minute second millisecond microsecond epoch.",
                   "date_part('quarter', date '2024-05-17')",
                   "2",
                   {{"(string, timestamp) -> integer", DatePart, kNoFlags, BindPart}}});
  part("year", "The year.", "year(date '2024-05-17')", "2024", Row<Part<Year>>);
  part("quarter", "The quarter, 1 to 4.", "quarter(date '2024-05-17')", "2", Row<Part<Quarter>>);
  part("month", "The month, 1 to 12.", "month(date '2024-05-17')", "5", Row<Part<Month>>);
  part("week", "The week of the year by ISO 8601.", "week(date '2024-05-17')", "20", Row<Part<Week>>);
  part("day", "The day of the month.", "day(date '2024-05-17')", "17", Row<Part<Day>>);
  part("dayofweek", "The day of the week, Sunday is 0.", "dayofweek(date '2024-05-17')", "5", Row<Part<DayOfWeek>>);
  part("isodow", "The day of the week, Monday is 1 and Sunday 7.", "isodow(date '2024-05-19')", "7",
       Row<Part<IsoDayOfWeek>>);
  part("dayofyear", "The day of the year, from 1.", "dayofyear(date '2024-02-01')", "32", Row<Part<DayOfYear>>);
  part("hour", "The hour, 0 to 23.", "hour(timestamp '2024-05-17T10:30:15Z')", "10", Row<Part<Hour>>);
  part("minute", "The minute.", "minute(timestamp '2024-05-17T10:30:15Z')", "30", Row<Part<Minute>>);
  part("second", "The whole second.", "second(timestamp '2024-05-17T10:30:15.5Z')", "15", Row<Part<Second>>);
  list->push_back({"last_day",
                   "time",
                   "The last day of the date's month.",
                   "last_day(date '2024-02-10')",
                   "date '2024-02-29'",
                   {{"(date) -> date", Row<LastDay>}}});
}

}  // namespace weir::expr
