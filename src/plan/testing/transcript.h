// Transcript: a test about time as it stands under `transcript:`, item by item: what comes when, and what is expected
// in between.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/event_time.h"
#include "batch/batch.h"
#include "config/node.h"

namespace weir {

/// A row that a mocked step gives.
struct TranscriptRow {
  EventTime at = kMinEventTime;
  std::optional<int64_t> weight;  // one that has any makes the collection one of changes; else 1
  NodePtr row;                    // a mapping, or x for {element: x}
};

/// A row that is expected. What is not set may be anything, but for the weight, which is then 1.
struct ExpectedRow {
  NodePtr node;  // the whole entry
  NodePtr row;   // or null
  std::optional<EventTime> at;
  std::optional<Window> window;
  std::optional<int64_t> weight;
  std::optional<PaneTiming> timing;
  std::optional<int64_t> index;
  std::optional<bool> is_first, is_last;
};

struct TranscriptItem {
  enum class Kind { kInput, kWatermark, kProcessingTime, kIdle, kEnd, kExpect };
  Kind kind = Kind::kInput;
  NodePtr node;         // the key that says the kind
  NodePtr step_node;    // the step's name; null: every mocked step
  int collection = -1;  // in Transcript::mocked or, of an expect, ::expected; -1: every mocked step
  int64_t time_us = 0;  // kWatermark: event time; kProcessingTime: how far the clock goes on
  NodePtr rows_node;    // kInput, kExpect: the list
  std::vector<TranscriptRow> rows;
  std::vector<ExpectedRow> expected;
};

/// An output of one of the file's top-level steps that a transcript names.
struct TranscriptCollection {
  std::string name;  // as it is written where it is named first
  NodePtr name_node;
  int item = -1;       // of the file's root
  std::string output;  // "": the main one
};

struct Transcript {
  NodePtr node;
  std::vector<TranscriptItem> items;
  std::vector<TranscriptCollection> mocked, expected;  // filled when names are resolved
};

/// "early", "on_time", "late", "unknown": the timing of a pane as pipeline files write it.
const char* PaneTimingName(PaneTiming timing);

}  // namespace weir
