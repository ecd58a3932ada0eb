// Reads what stands under `transcript:` of a test: the shape of each item, its times and rows.
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "base/duration.h"
#include "expr/functions/time_text.h"
#include "plan/pipeline_tree.h"

namespace weir {
namespace {

using Kind = TranscriptItem::Kind;

constexpr std::array<const char*, 4> kTimings = {"early", "on_time", "late", "unknown"};
constexpr double kMicrosPerSecond = 1e6;
constexpr const char* kTimeHelp = "RFC 3339, as \"2026-03-01T23:50:00Z\", or seconds since 1970";

class TranscriptReader {
 public:
  explicit TranscriptReader(Diagnostics* diagnostics) : diagnostics_(diagnostics) {}

  Transcript Read(const NodePtr& node) {
    Transcript transcript;
    transcript.node = node;
    if (!node->is_sequence()) {
      Say(node, "a transcript is a list of items; this is " + node->Describe());
      return transcript;
    }
    bool expects = false;
    for (const NodePtr& entry : node->items()) {
      TranscriptItem item;
      if (ReadItem(entry, &item)) transcript.items.push_back(std::move(item));
      expects |= entry->is_map() && entry->Find("expect") != nullptr;
    }
    if (!expects) Say(node, "a transcript needs an 'expect'");
    return transcript;
  }

 private:
  using Read1 = bool (TranscriptReader::*)(const NodePtr& value, TranscriptItem* item);

  bool ReadItem(const NodePtr& entry, TranscriptItem* item) {
    static const KeySet kKinds = {{"input", "watermark", "processing_time", "idle", "end", "expect"}, {}};
    if (!entry->is_map()) {
      Say(entry, "an item of a transcript is a mapping with one key; this is " + entry->Describe(), KindHelp(kKinds));
      return false;
    }
    if (!CheckKeys(entry, kKinds, "a transcript", diagnostics_)) return false;
    if (entry->entries().size() != 1) {
      Say(entry, "an item of a transcript has one key; this has " + std::to_string(entry->entries().size()),
          entry->entries().empty() ? KindHelp(kKinds) : "write an item for each, in the order in which they happen");
      return false;
    }
    static const std::array<std::pair<Kind, Read1>, 6> kReads = {{{Kind::kInput, &TranscriptReader::Input},
                                                                  {Kind::kWatermark, &TranscriptReader::Watermark},
                                                                  {Kind::kProcessingTime, &TranscriptReader::Clock},
                                                                  {Kind::kIdle, &TranscriptReader::Step},
                                                                  {Kind::kEnd, &TranscriptReader::End},
                                                                  {Kind::kExpect, &TranscriptReader::Expect}}};
    const NodeEntry& one = entry->entries()[0];
    item->node = one.key;
    for (size_t i = 0; i < kReads.size(); ++i) {
      if (kKinds.known[i] != one.key->text()) continue;
      item->kind = kReads[i].first;
      return (this->*kReads[i].second)(one.value, item);
    }
    return false;
  }

  static std::string KindHelp(const KeySet& kinds) {
    std::string help = "one of ";
    for (const std::string& kind : kinds.known) help += (kind == kinds.known[0] ? "" : ", ") + kind;
    return help;
  }

  bool Input(const NodePtr& value, TranscriptItem* item) {
    if (!StepAndRows(value, "input", item)) return false;
    bool good = true;
    for (const NodePtr& entry : item->rows_node->items()) {
      TranscriptRow row;
      good &= InputRow(entry, &row);
      item->rows.push_back(std::move(row));
    }
    return good;
  }

  bool InputRow(const NodePtr& entry, TranscriptRow* row) {
    if (!entry->is_map()) {
      Say(entry, "a row of 'input' is {at, row}; this is " + entry->Describe(), "write {at: TIME, row: …}");
      return false;
    }
    bool good = CheckKeys(entry, {{"at", "row", "weight"}, {}}, "a row of 'input'", diagnostics_);
    row->row = entry->Find("row");
    if (!row->row && good) {
      Say(entry, "a row of 'input' needs a 'row'");
      good = false;
    }
    if (NodePtr at = entry->Find("at")) good &= Time(at, "'at'", &row->at);
    if (NodePtr weight = entry->Find("weight")) good &= Weight(weight, &row->weight.emplace());
    return good;
  }

  bool Watermark(const NodePtr& value, TranscriptItem* item) {
    if (!value->is_map()) return Time(value, "a watermark", &item->time_us);
    bool good = CheckKeys(value, {{"step", "at"}, {}}, "'watermark'", diagnostics_);
    good &= StepOf(value, "watermark", item);
    NodePtr at = value->Find("at");
    if (!at) Say(value, "'watermark' needs an 'at'");
    return at && Time(at, "'at'", &item->time_us) && good;
  }

  bool Clock(const NodePtr& value, TranscriptItem* item) {
    Result<Duration> by =
        value->is_scalar() ? ParseDuration(value->text()) : Status::Invalid("this is ", value->Describe());
    if (by.ok() && by->us > 0) {
      item->time_us = by->us;
      return true;
    }
    Say(value,
        "'processing_time' is how far the clock goes on, as 60s" + (by.ok() ? "" : "; " + by.status().message()));
    return false;
  }

  bool Step(const NodePtr& value, TranscriptItem* item) {
    item->step_node = value;
    if (value->is_scalar() && !value->IsNull() && !value->text().empty()) return true;
    Say(value, "'" + item->node->text() + "' names a step; this is " + value->Describe());
    return false;
  }

  bool End(const NodePtr& value, TranscriptItem* item) {
    if (!Step(value, item)) return false;
    if (value->text() == "all") item->step_node = nullptr;
    return true;
  }

  bool Expect(const NodePtr& value, TranscriptItem* item) {
    if (!StepAndRows(value, "expect", item)) return false;
    bool good = true;
    for (const NodePtr& entry : item->rows_node->items()) {
      ExpectedRow row;
      good &= ReadExpectedRow(entry, &row);
      item->expected.push_back(std::move(row));
    }
    return good;
  }

  bool ReadExpectedRow(const NodePtr& entry, ExpectedRow* row) {
    row->node = entry;
    if (!entry->is_map()) {
      Say(entry, "a row of 'expect' is a mapping; this is " + entry->Describe(), "write {row: …}");
      return false;
    }
    bool good = CheckKeys(entry, {{"row", "at", "event_time", "window", "pane", "weight"}, {}}, "a row of 'expect'",
                          diagnostics_);
    row->row = entry->Find("row");
    for (const char* key : {"at", "event_time"}) {
      EventTime at = 0;
      NodePtr node = entry->Find(key);
      if (!node) continue;
      good &= Time(node, "'" + std::string(key) + "'", &at);
      if (row->at) Say(node, "'at' and 'event_time' are the same: give one");
      row->at = at;
    }
    if (NodePtr window = entry->Find("window")) good &= ReadWindow(window, &row->window.emplace());
    if (NodePtr pane = entry->Find("pane")) good &= ReadPane(pane, row);
    if (NodePtr weight = entry->Find("weight")) good &= Weight(weight, &row->weight.emplace());
    return good;
  }

  bool ReadWindow(const NodePtr& node, Window* window) {
    if (node->is_scalar() && node->text() == "global") return true;
    if (!node->is_sequence() || node->items().size() != 2) {
      Say(node, "'window' is [start, end] or global; this is " + Shown(node));
      return false;
    }
    const bool start = Time(node->items()[0], "the start of a window", &window->start);
    const bool end = Time(node->items()[1], "the end of a window", &window->end);
    if (!start || !end) return false;
    if (window->start >= window->end) Say(node, "this window ends before it starts");
    return window->start < window->end;
  }

  bool ReadPane(const NodePtr& node, ExpectedRow* row) {
    if (!node->is_map()) {
      Say(node, "'pane' is {timing, index, is_first, is_last}; this is " + node->Describe());
      return false;
    }
    bool good = CheckKeys(node, {{"timing", "index", "is_first", "is_last"}, {}}, "'pane'", diagnostics_);
    if (NodePtr timing = node->Find("timing")) good &= ReadTiming(timing, &row->timing.emplace());
    if (NodePtr index = node->Find("index")) {
      row->index = index->is_scalar() ? index->AsInt64() : std::nullopt;
      if (!row->index) Say(index, "'index' counts panes from 0; this is " + Shown(index));
      good &= row->index.has_value();
    }
    for (auto [key, target] : {std::pair{"is_first", &row->is_first}, std::pair{"is_last", &row->is_last}}) {
      NodePtr flag = node->Find(key);
      if (!flag) continue;
      *target = flag->is_scalar() ? flag->AsBool() : std::nullopt;
      if (!*target) Say(flag, "'" + std::string(key) + "' is true or false; this is " + Shown(flag));
      good &= target->has_value();
    }
    return good;
  }

  bool ReadTiming(const NodePtr& node, PaneTiming* timing) {
    for (size_t i = 0; node->is_scalar() && i < kTimings.size(); ++i) {
      if (node->text() != kTimings[i]) continue;
      *timing = static_cast<PaneTiming>(i);
      return true;
    }
    Say(node, "'timing' is early, on_time, late or unknown; this is " + Shown(node));
    return false;
  }

  bool StepAndRows(const NodePtr& value, const std::string& kind, TranscriptItem* item) {
    if (!value->is_map()) {
      Say(value, "'" + kind + "' is {step, rows}; this is " + value->Describe());
      return false;
    }
    bool good = CheckKeys(value, {{"step", "rows"}, {}}, "'" + kind + "'", diagnostics_);
    good &= StepOf(value, kind, item);
    item->rows_node = value->Find("rows");
    if (!item->rows_node) {
      if (good) Say(value, "'" + kind + "' needs 'rows'", "write 'rows: []' for none");
      return false;
    }
    if (item->rows_node->is_sequence()) return good;
    Say(item->rows_node, "'rows' is a list; this is " + item->rows_node->Describe());
    return false;
  }

  bool StepOf(const NodePtr& value, const std::string& kind, TranscriptItem* item) {
    if (!value->Find("step")) {
      Say(value, "'" + kind + "' needs a 'step'");
      return false;
    }
    item->step_node = FindText(value, "step", diagnostics_);
    return item->step_node != nullptr;
  }

  bool Time(const NodePtr& node, const std::string& what, EventTime* out) {
    if (node->is_scalar() && !node->IsNull()) {
      if (auto seconds = node->AsDouble(); seconds && std::abs(*seconds) < 9e12) {
        const auto whole = node->AsInt64();
        *out = whole ? *whole * static_cast<int64_t>(kMicrosPerSecond) : std::llround(*seconds * kMicrosPerSecond);
        return true;
      }
      if (!node->AsDouble() && expr::ParseTimestamp(node->text(), out)) return true;
    }
    Say(node, what + " is a time; this is " + Shown(node), kTimeHelp);
    return false;
  }

  bool Weight(const NodePtr& node, int64_t* out) {
    const auto weight = node->is_scalar() ? node->AsInt64() : std::nullopt;
    if (!weight || *weight == 0) {
      Say(node, "'weight' is an integer other than 0; this is " + Shown(node),
          "1: the row is there; -1: it is no more");
      return false;
    }
    *out = *weight;
    return true;
  }

  void Say(const NodePtr& node, std::string message, std::string hint = "") {
    ErrorAt(node, std::move(message), diagnostics_, std::move(hint));
  }

  Diagnostics* const diagnostics_;
};

}  // namespace

const char* PaneTimingName(PaneTiming timing) { return kTimings[static_cast<size_t>(timing)]; }

Transcript ReadTranscript(const NodePtr& node, Diagnostics* diagnostics) {
  return TranscriptReader(diagnostics).Read(node);
}

}  // namespace weir
