// TriggerMachine: decides when a cell (one key in one window) gives a pane. The machine is immutable and shared; what a
// cell remembers is a row of num_slots() integers, all zero at first, so that a million cells are one array.
//
// Semantics: Beam's triggers (Akidau et al., The Dataflow Model, VLDB 2015; Beam's programming guide). A
// processing-time delay counts from the first row of a pane.
#pragma once

#include <cstdint>
#include <vector>

#include "time/trigger.h"

namespace weir {

class TriggerMachine {
 public:
  explicit TriggerMachine(const TriggerSpec& spec);

  /// What a decision depends on besides the cell's own past.
  struct Now {
    int64_t processing_us = 0;  // µs since 1970
    bool passed = false;        // the watermark has reached the end of the window
  };

  int num_slots() const { return num_slots_; }
  /// A row came into the cell.
  void OnRow(int64_t* slots, const Now& now) const { OnRow(0, slots, now); }
  /// Whether the cell gives a pane now. `fresh`: rows came since its last pane.
  bool ShouldFire(const int64_t* slots, const Now& now, bool fresh) const { return ShouldFire(0, slots, now, fresh); }
  /// The cell gives a pane. True: it was the last that this trigger gives.
  bool OnFire(int64_t* slots, const Now& now) const { return OnFire(0, slots, now); }
  /// The processing time at which it may fire without another row; kMaxEventTime: never.
  int64_t NextTimer(const int64_t* slots) const;
  /// Two sessions became one.
  void Merge(int64_t* into, const int64_t* from) const;
  /// The end of the window moved beyond the watermark again: it will be passed once more.
  void Reopen(int64_t* slots) const;

  /// Rows can make it fire before the watermark; else only the watermark and timers do.
  bool fires_on_rows() const { return fires_on_rows_; }
  bool has_timers() const { return has_timers_; }
  /// Some cell may be finished while its window is open.
  bool can_finish() const { return can_finish_; }

 private:
  using Kind = TriggerSpec::Kind;
  struct Node {
    Kind kind;
    int64_t count = 0, delay_us = 0;
    int slot = -1;  // count, deadline (0: none), phase or number of the current part
    int early = -1, late = -1;
    std::vector<int> parts;
    int first_slot = 0, end_slot = 0;  // of it and everything below
  };

  int Add(const TriggerSpec& spec);
  void OnRow(int node, int64_t* slots, const Now& now) const;
  bool ShouldFire(int node, const int64_t* slots, const Now& now, bool fresh) const;
  bool OnFire(int node, int64_t* slots, const Now& now) const;
  void Reset(int node, int64_t* slots) const;
  int64_t NextTimer(int node, const int64_t* slots) const;
  static bool CanFinish(const TriggerSpec& spec);

  std::vector<Node> nodes_;  // a node stands before those below it
  int num_slots_ = 0;
  bool fires_on_rows_ = false;
  bool has_timers_ = false;
  bool can_finish_ = false;
};

}  // namespace weir
