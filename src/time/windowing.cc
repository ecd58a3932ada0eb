// Window assignment of Beam's four windowings and of calendars.
#include "time/windowing.h"

#include <numeric>

namespace weir {
namespace {

std::string Seconds(int64_t us) {
  if (us % 86'400'000'000 == 0 && us != 0) return std::to_string(us / 86'400'000'000) + "d";
  if (us % 3'600'000'000 == 0 && us != 0) return std::to_string(us / 3'600'000'000) + "h";
  if (us % 60'000'000 == 0 && us != 0) return std::to_string(us / 60'000'000) + "m";
  if (us % 1'000'000 == 0) return std::to_string(us / 1'000'000) + "s";
  if (us % 1'000 == 0) return std::to_string(us / 1'000) + "ms";
  return std::to_string(us) + "us";
}

}  // namespace

std::string WindowingStrategy::ToString() const {
  std::string out = Kind();
  if (!trigger.is_default()) out += ", trigger " + trigger.ToString();
  if (accumulation == Accumulation::kAccumulating) out += ", accumulating";
  if (accumulation == Accumulation::kRetracting) out += ", retracting";
  if (allowed_lateness_us > 0) out += ", allowed lateness " + Seconds(allowed_lateness_us);
  if (output_time == OutputTime::kEarliest) out += ", output time earliest";
  if (output_time == OutputTime::kLatest) out += ", output time latest";
  return out;
}

std::string WindowingStrategy::Kind() const {
  std::string offset = offset_us != 0 ? ", offset " + Seconds(offset_us) : "";
  switch (kind) {
    case WindowKind::kGlobal:
      return "global";
    case WindowKind::kFixed:
      return "fixed(size " + Seconds(size_us) + offset + ")";
    case WindowKind::kSliding:
      return "sliding(size " + Seconds(size_us) + ", period " + Seconds(period_us) + offset + ")";
    case WindowKind::kSessions:
      return "sessions(gap " + Seconds(gap_us) + ")";
    case WindowKind::kCalendar:
      return "fixed(size " + calendar.Size() + ", timezone " + calendar.timezone + offset + ")";
  }
  return "";
}

void AssignWindows(const WindowingStrategy& windowing, EventTime time, std::vector<Window>* out) {
  out->clear();
  switch (windowing.kind) {
    case WindowKind::kGlobal:
      out->push_back(Window{});
      return;
    case WindowKind::kFixed: {
      // A row without a time is before every event: its window begins just behind where time, and the global one,
      // begins.
      const bool in_range = time >= kMinEventTime + windowing.size_us;
      EventTime start = in_range ? FixedWindowStart(time, windowing.size_us, windowing.offset_us) : kMinEventTime + 1;
      out->push_back({start, start + windowing.size_us});
      return;
    }
    case WindowKind::kSliding: {
      EventTime last = FixedWindowStart(time, windowing.period_us, windowing.offset_us);
      EventTime first = last;
      while (first - windowing.period_us > time - windowing.size_us) first -= windowing.period_us;
      // Where the period is longer than the size, a time between two windows has none.
      for (EventTime start = first; start <= last; start += windowing.period_us) {
        if (start > time - windowing.size_us) out->push_back({start, start + windowing.size_us});
      }
      return;
    }
    case WindowKind::kSessions:
      out->push_back({time, time + windowing.gap_us});
      return;
    case WindowKind::kCalendar:
      out->push_back(CalendarWindow(windowing.calendar, windowing.offset_us, time));
      return;
  }
}

int64_t SliceWidth(const WindowingStrategy& windowing) { return std::gcd(windowing.size_us, windowing.period_us); }

}  // namespace weir
