// TriggerSpec: when the panes of a window are given. The tree that a `trigger:` in a pipeline file is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir {

/// A trigger is evaluated for each key in each window by itself. One that has fired for the last time is finished; the
/// rows that come after that belong to no pane.
struct TriggerSpec {
  enum class Kind {
    kDefault,         // at the watermark, then at each late row
    kEarlyLate,       // at the watermark, with firings before (`early`) and after (`late`) it
    kAfterCount,      // once, when `count` rows have come
    kProcessingTime,  // once, `delay_us` after the first row
    kAny,             // once, with the first of `parts`
    kAll,             // once, when all of `parts` have fired
    kEach,            // each of `parts` in turn
    kRepeat,          // its one part again and again
  };
  Kind kind = Kind::kDefault;
  int64_t count = 0;                     // kAfterCount
  int64_t delay_us = 0;                  // kProcessingTime, after the pane's first row
  std::vector<TriggerSpec> early, late;  // kEarlyLate: none or one each, of kind kAfterCount or kProcessingTime
  std::vector<TriggerSpec> parts;        // kAny, kAll, kEach; exactly one for kRepeat

  bool is_default() const { return kind == Kind::kDefault; }
  bool operator==(const TriggerSpec&) const = default;
  /// As it is written in a pipeline file: "{repeat: {after_count: 3}}".
  std::string ToString() const;
};

}  // namespace weir
