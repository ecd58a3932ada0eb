// `windowing:` maps: Beam's four kinds of windows, calendars and counts, and our keys for lateness, accumulation,
// output time and triggers.
#include <cmath>
#include <cstdlib>
#include <optional>

#include "plan/pipeline_text.h"
#include "plan/pipeline_tree.h"

namespace weir {
namespace {

/// `number + ms|s|m|h|d`, seconds without a unit. Microseconds, or nothing after an error.
std::optional<int64_t> ReadDuration(const NodePtr& node, const std::string& key, Diagnostics* diagnostics) {
  static const std::pair<const char*, double> kUnits[] = {{"", 1e6},   {"ms", 1e3},   {"s", 1e6},
                                                          {"m", 60e6}, {"h", 3600e6}, {"d", 86400e6}};
  if (node->is_scalar() && !node->IsNull()) {
    const std::string& text = node->text();
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    std::string unit = end;
    unit.erase(0, unit.find_first_not_of(' '));
    if (end != text.c_str() && std::isfinite(number)) {
      for (const auto& [name, factor] : kUnits) {
        const double us = std::round(number * factor);
        if (unit == name && std::abs(us) < 9e18) return static_cast<int64_t>(us);
      }
    }
  }
  ErrorAt(node, "'" + key + "' is a duration like 10s, 500ms, 15m, 2h or 1d; this is " + Shown(node), diagnostics);
  return std::nullopt;
}

class WindowingReader {
 public:
  WindowingReader(WindowingStrategy* out, Diagnostics* diagnostics) : out_(out), diagnostics_(diagnostics) {}

  void Read(const NodePtr& node) {
    if (!node->is_map()) {
      ErrorAt(node, "'windowing' is a mapping like {type: fixed, size: 60s}; this is " + node->Describe(),
              diagnostics_);
      return;
    }
    KeySet keys{{"type", "allowed_lateness", "accumulation", "output_time", "trigger"}, {}};
    ReadKind(node, &keys);
    if (out_ == nullptr) return;
    CheckKeys(node, keys, "windowing", diagnostics_);
    WindowingStrategy& strategy = *out_;
    ReadOptional(node, "offset", &strategy.offset_us);
    ReadOptional(node, "allowed_lateness", &strategy.allowed_lateness_us);
    if (strategy.allowed_lateness_us < 0)
      ErrorAt(node->Find("allowed_lateness"), "'allowed_lateness' is below 0", diagnostics_);
    ReadChoice(node, "accumulation",
               {{"discarding", Accumulation::kDiscarding},
                {"accumulating", Accumulation::kAccumulating},
                {"retracting", Accumulation::kRetracting}},
               &strategy.accumulation);
    ReadChoice(node, "output_time",
               {{"end_of_window", OutputTime::kEndOfWindow},
                {"earliest", OutputTime::kEarliest},
                {"latest", OutputTime::kLatest}},
               &strategy.output_time);
    if (NodePtr trigger = node->Find("trigger")) ReadTrigger(trigger, 0, &out_->trigger);
  }

 private:
  void ReadKind(const NodePtr& node, KeySet* keys) {
    NodePtr type = node->Find("type");
    if (!type) {
      ErrorAt(node, "windowing needs a 'type': global, fixed, sliding, sessions, calendar or count", diagnostics_);
      out_ = nullptr;
      return;
    }
    const std::string text = type->is_scalar() ? type->text() : "";
    WindowingStrategy& strategy = *out_;
    auto& known = keys->known;
    if (text == "global") {
      strategy.kind = WindowKind::kGlobal;
    } else if (text == "fixed") {
      strategy.kind = WindowKind::kFixed;
      known.insert(known.end(), {"size", "offset", "timezone"});
      if (node->Find("timezone")) {
        ReadCalendarSize(node);
      } else {
        ReadPositive(node, "size", text, &strategy.size_us);
      }
    } else if (text == "sliding") {
      strategy.kind = WindowKind::kSliding;
      known.insert(known.end(), {"size", "period", "offset"});
      ReadPositive(node, "size", text, &strategy.size_us);
      ReadPositive(node, "period", text, &strategy.period_us);
    } else if (text == "sessions") {
      strategy.kind = WindowKind::kSessions;
      known.push_back("gap");
      ReadPositive(node, "gap", text, &strategy.gap_us);
    } else if (text == "calendar") {
      known.insert(known.end(), {"every", "offset", "timezone"});
      ReadEvery(node);
    } else if (text == "count") {
      known = {"type", "size"};
      ReadCountWindows(node);
    } else {
      std::string close = ClosestMatch(text, {"global", "fixed", "sliding", "sessions", "calendar", "count"});
      ErrorAt(
          type,
          "unknown type of windows " + Shown(type) + "; there are global, fixed, sliding, sessions, calendar and count",
          diagnostics_, close.empty() ? "" : "did you mean '" + close + "'?");
      out_ = nullptr;
    }
  }

  void ReadTimezone(const NodePtr& node) {
    out_->kind = WindowKind::kCalendar;
    const NodePtr zone = node->Find("timezone");
    if (!zone) return;
    if (zone->is_scalar() && IsTimeZone(zone->text())) {
      out_->calendar.timezone = zone->text();
      return;
    }
    ErrorAt(zone, "unknown time zone " + Shown(zone), diagnostics_, "IANA names, for example Europe/Berlin or UTC");
  }

  /// A number and d, w, mo or y: with a time zone these are of the calendar.
  void ReadCalendarSize(const NodePtr& node) {
    ReadTimezone(node);
    const NodePtr size = node->Find("size");
    if (!size) {
      ErrorAt(node->Find("type"), "fixed windows need a 'size'", diagnostics_);
      return;
    }
    using Unit = CalendarPeriod::Unit;
    static const std::pair<const char*, Unit> kUnits[] = {
        {"d", Unit::kDay}, {"w", Unit::kWeek}, {"mo", Unit::kMonth}, {"y", Unit::kYear}};
    const std::string text = size->is_scalar() ? size->text() : "";
    char* end = nullptr;
    const long long count = std::strtoll(text.c_str(), &end, 10);
    for (const auto& [name, unit] : kUnits) {
      if (std::string(end) != name || count < 1 || count > 10'000) continue;
      out_->calendar.unit = unit;
      out_->calendar.count = count;
      return;
    }
    ErrorAt(size, "with a 'timezone', 'size' is a number of days, weeks, months or years; this is " + Shown(size),
            diagnostics_, "for example 1d, 2w, 1mo or 1y; shorter windows are the same in every time zone");
  }

  void ReadEvery(const NodePtr& node) {
    ReadTimezone(node);
    if (!node->Find("every")) {
      ErrorAt(node->Find("type"), "calendar windows need 'every': day, week, month, quarter or year", diagnostics_);
      return;
    }
    using Unit = CalendarPeriod::Unit;
    enum class Every { kDay, kWeek, kMonth, kQuarter, kYear };
    Every every = Every::kDay;
    ReadChoice(node, "every",
               {{"day", Every::kDay},
                {"week", Every::kWeek},
                {"month", Every::kMonth},
                {"quarter", Every::kQuarter},
                {"year", Every::kYear}},
               &every);
    static constexpr Unit kUnits[] = {Unit::kDay, Unit::kWeek, Unit::kMonth, Unit::kMonth, Unit::kYear};
    out_->calendar.unit = kUnits[static_cast<int>(every)];
    out_->calendar.count = every == Every::kQuarter ? 3 : 1;
  }

  /// Each key gives a pane when `size` rows have come, and one of the rest at the end: a trigger says the same.
  void ReadCountWindows(const NodePtr& node) {
    out_->trigger.kind = TriggerSpec::Kind::kRepeat;
    TriggerSpec& full = out_->trigger.parts.emplace_back();
    full.kind = TriggerSpec::Kind::kAfterCount;
    full.count = 1;
    if (const NodePtr size = node->Find("size")) {
      ReadCount(size, "size", &full.count);
    } else {
      ErrorAt(node->Find("type"), "count windows need a 'size'", diagnostics_);
    }
  }

  void ReadPositive(const NodePtr& node, const std::string& key, const std::string& type, int64_t* out) {
    NodePtr value = node->Find(key);
    if (!value) {
      ErrorAt(node->Find("type"), type + " windows need a '" + key + "'", diagnostics_);
      return;
    }
    std::optional<int64_t> us = ReadDuration(value, key, diagnostics_);
    if (!us) return;
    if (*us <= 0) ErrorAt(value, "'" + key + "' must be more than 0", diagnostics_);
    *out = *us;
  }

  void ReadOptional(const NodePtr& node, const std::string& key, int64_t* out) {
    if (NodePtr value = node->Find(key)) {
      if (auto us = ReadDuration(value, key, diagnostics_)) *out = *us;
    }
  }

  template <class E>
  void ReadChoice(const NodePtr& node, const std::string& key, std::initializer_list<std::pair<const char*, E>> choices,
                  E* out) {
    NodePtr value = node->Find(key);
    if (!value) return;
    std::vector<std::string> names;
    for (const auto& [name, choice] : choices) {
      if (value->is_scalar() && value->text() == name) {
        *out = choice;
        return;
      }
      names.push_back(name);
    }
    std::string list = names[0];
    for (size_t i = 1; i < names.size(); ++i) list += (i + 1 == names.size() ? " or " : ", ") + names[i];
    std::string close = value->is_scalar() ? ClosestMatch(value->text(), names) : "";
    ErrorAt(value, "'" + key + "' is " + list + "; this is " + Shown(value), diagnostics_,
            close.empty() ? "" : "did you mean '" + close + "'?");
  }

  void ReadTrigger(const NodePtr& node, int depth, TriggerSpec* out) {
    using Kind = TriggerSpec::Kind;
    if (depth > 16) {
      ErrorAt(node, "triggers are nested more than 16 deep", diagnostics_);
      return;
    }
    if (node->is_scalar() && node->text() == "default") return;
    if (!node->is_map() || node->entries().empty()) {
      ErrorAt(node,
              "'trigger' is default, or a mapping with early and late, after_count, processing_time, any, all, "
              "each or repeat; this is " +
                  node->Describe(),
              diagnostics_);
      return;
    }
    if (node->Find("early") || node->Find("late")) {
      CheckKeys(node, {{"early", "late"}, {}}, "trigger", diagnostics_);
      out->kind = Kind::kEarlyLate;
      if (NodePtr early = node->Find("early")) ReadFiring(early, &out->early);
      if (NodePtr late = node->Find("late")) ReadFiring(late, &out->late);
      return;
    }
    if (!CheckKeys(node, {{"after_count", "processing_time", "any", "all", "each", "repeat", "early", "late"}, {}},
                   "trigger", diagnostics_)) {
      return;
    }
    if (node->entries().size() > 1) {
      ErrorAt(node->entries()[1].key, "a trigger has one key; combine several with any, all or each", diagnostics_);
      return;
    }
    const std::string& key = node->entries()[0].key->text();
    const NodePtr& value = node->entries()[0].value;
    if (key == "after_count") {
      out->kind = Kind::kAfterCount;
      ReadCount(value, key, &out->count);
    } else if (key == "processing_time") {
      out->kind = Kind::kProcessingTime;
      ReadPositive(node, key, "processing-time", &out->delay_us);
    } else if (key == "repeat") {
      out->kind = Kind::kRepeat;
      ReadTrigger(value, depth + 1, &out->parts.emplace_back());
    } else {
      out->kind = key == "any" ? Kind::kAny : key == "all" ? Kind::kAll : Kind::kEach;
      if (!value->is_sequence() || value->items().empty()) {
        ErrorAt(value, "'" + key + "' is a list of triggers; this is " + value->Describe(), diagnostics_);
        return;
      }
      for (const NodePtr& part : value->items()) ReadTrigger(part, depth + 1, &out->parts.emplace_back());
    }
  }

  /// `{every: 1m}` or `{count: 100}`.
  void ReadFiring(const NodePtr& node, std::vector<TriggerSpec>* out) {
    if (!node->is_map() || node->entries().size() != 1) {
      ErrorAt(node, "expected {every: DURATION} or {count: N}; this is " + node->Describe(), diagnostics_);
      return;
    }
    if (!CheckKeys(node, {{"every", "count"}, {}}, "trigger", diagnostics_)) return;
    TriggerSpec& firing = out->emplace_back();
    if (node->Find("every")) {
      firing.kind = TriggerSpec::Kind::kProcessingTime;
      ReadPositive(node, "every", "trigger", &firing.delay_us);
    } else {
      firing.kind = TriggerSpec::Kind::kAfterCount;
      ReadCount(node->Find("count"), "count", &firing.count);
    }
  }

  void ReadCount(const NodePtr& value, const std::string& key, int64_t* out) {
    std::optional<int64_t> count = value->is_scalar() ? value->AsInt64() : std::nullopt;
    if (!count || *count < 1) {
      ErrorAt(value, "'" + key + "' is an integer of at least 1; this is " + Shown(value), diagnostics_);
      return;
    }
    *out = *count;
  }

  WindowingStrategy* out_;
  Diagnostics* diagnostics_;
};

}  // namespace

bool ParseWindowing(const NodePtr& node, WindowingStrategy* windowing, Diagnostics* diagnostics) {
  const int before = diagnostics->error_count();
  WindowingReader(windowing, diagnostics).Read(node);
  return diagnostics->error_count() == before;
}

}  // namespace weir
