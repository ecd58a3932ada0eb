// Triggers as a tree of small state machines over one row of integers.
#include "time/trigger_machine.h"

#include <algorithm>

#include "base/event_time.h"

namespace weir {

TriggerMachine::TriggerMachine(const TriggerSpec& spec) {
  Add(spec);
  can_finish_ = CanFinish(spec);
}

int TriggerMachine::Add(const TriggerSpec& spec) {
  const int at = static_cast<int>(nodes_.size());
  nodes_.push_back({spec.kind, spec.count, spec.delay_us, -1, -1, -1, {}, num_slots_, 0});
  if (spec.kind != Kind::kDefault && spec.kind != Kind::kAny && spec.kind != Kind::kAll && spec.kind != Kind::kRepeat) {
    nodes_[at].slot = num_slots_++;
  }
  // What only counts after the watermark needs no look at each row before it.
  if (spec.kind == Kind::kAfterCount) fires_on_rows_ = true;
  if (spec.kind == Kind::kProcessingTime) has_timers_ = true;
  if (!spec.early.empty()) {
    const int early = Add(spec.early[0]);
    nodes_[at].early = early;
  }
  if (!spec.late.empty()) {
    const bool before = fires_on_rows_;
    const int late = Add(spec.late[0]);
    fires_on_rows_ = before;
    nodes_[at].late = late;
  }
  for (const TriggerSpec& part : spec.parts) {
    const int below = Add(part);
    nodes_[at].parts.push_back(below);
  }
  nodes_[at].end_slot = num_slots_;
  return at;
}

bool TriggerMachine::CanFinish(const TriggerSpec& spec) {
  switch (spec.kind) {
    case Kind::kDefault:
    case Kind::kRepeat:
      return false;
    case Kind::kEarlyLate:
      return spec.late.empty();
    case Kind::kAny:
    case Kind::kAll:
    case Kind::kEach:
    case Kind::kAfterCount:
    case Kind::kProcessingTime:
      return true;
  }
  return true;
}

void TriggerMachine::OnRow(int at, int64_t* slots, const Now& now) const {
  const Node& node = nodes_[at];
  switch (node.kind) {
    case Kind::kDefault:
      return;
    case Kind::kAfterCount:
      ++slots[node.slot];
      return;
    case Kind::kProcessingTime:
      if (slots[node.slot] == 0) slots[node.slot] = now.processing_us + node.delay_us;
      return;
    case Kind::kEarlyLate: {
      const int below = slots[node.slot] == 0 ? node.early : node.late;
      if (below >= 0) OnRow(below, slots, now);
      return;
    }
    case Kind::kEach:
      OnRow(node.parts[slots[node.slot]], slots, now);
      return;
    case Kind::kAny:
    case Kind::kAll:
    case Kind::kRepeat:
      for (int part : node.parts) OnRow(part, slots, now);
      return;
  }
}

bool TriggerMachine::ShouldFire(int at, const int64_t* slots, const Now& now, bool fresh) const {
  const Node& node = nodes_[at];
  const auto fires = [&](int part) { return ShouldFire(part, slots, now, fresh); };
  switch (node.kind) {
    case Kind::kDefault:
      return now.passed && fresh;
    case Kind::kAfterCount:
      return slots[node.slot] >= node.count;
    case Kind::kProcessingTime:
      return slots[node.slot] != 0 && now.processing_us >= slots[node.slot];
    case Kind::kEarlyLate:
      if (slots[node.slot] == 0) return now.passed || (node.early >= 0 && fires(node.early));
      return node.late >= 0 && fires(node.late);
    case Kind::kEach:
      return fires(node.parts[slots[node.slot]]);
    case Kind::kAny:
    case Kind::kRepeat:
      return std::any_of(node.parts.begin(), node.parts.end(), fires);
    case Kind::kAll:
      return std::all_of(node.parts.begin(), node.parts.end(), fires);
  }
  return false;
}

bool TriggerMachine::OnFire(int at, int64_t* slots, const Now& now) const {
  const Node& node = nodes_[at];
  switch (node.kind) {
    case Kind::kDefault:
      return false;
    case Kind::kAfterCount:
    case Kind::kProcessingTime:
    case Kind::kAny:
    case Kind::kAll:
      return true;
    case Kind::kEarlyLate:
      if (slots[node.slot] == 0) {
        if (node.early >= 0) Reset(node.early, slots);
        if (!now.passed) return false;
        slots[node.slot] = 1;
        return node.late < 0;
      }
      if (node.late >= 0) Reset(node.late, slots);
      return false;
    case Kind::kEach: {
      const int part = node.parts[slots[node.slot]];
      if (!OnFire(part, slots, now)) return false;
      return ++slots[node.slot] == static_cast<int64_t>(node.parts.size());
    }
    case Kind::kRepeat:
      if (OnFire(node.parts[0], slots, now)) Reset(node.parts[0], slots);
      return false;
  }
  return true;
}

void TriggerMachine::Reset(int at, int64_t* slots) const {
  std::fill(slots + nodes_[at].first_slot, slots + nodes_[at].end_slot, 0);
}

int64_t TriggerMachine::NextTimer(const int64_t* slots) const {
  return has_timers_ ? NextTimer(0, slots) : kMaxEventTime;
}

int64_t TriggerMachine::NextTimer(int at, const int64_t* slots) const {
  const Node& node = nodes_[at];
  switch (node.kind) {
    case Kind::kDefault:
    case Kind::kAfterCount:
      return kMaxEventTime;
    case Kind::kProcessingTime:
      return slots[node.slot] == 0 ? kMaxEventTime : slots[node.slot];
    case Kind::kEarlyLate: {
      const int below = slots[node.slot] == 0 ? node.early : node.late;
      return below < 0 ? kMaxEventTime : NextTimer(below, slots);
    }
    case Kind::kEach:
      return NextTimer(node.parts[slots[node.slot]], slots);
    case Kind::kAny:
    case Kind::kRepeat:
    case Kind::kAll: {
      int64_t next = kMaxEventTime;
      for (int part : node.parts) {
        const int64_t of_part = NextTimer(part, slots);
        if (of_part == kMaxEventTime) continue;
        // All: nothing happens before the last of them.
        const bool later = node.kind == Kind::kAll && next != kMaxEventTime;
        next = later ? std::max(next, of_part) : std::min(next, of_part);
      }
      return next;
    }
  }
  return kMaxEventTime;
}

void TriggerMachine::Reopen(int64_t* slots) const {
  for (const Node& node : nodes_) {
    if (node.kind == Kind::kEarlyLate) std::fill(slots + node.first_slot, slots + node.end_slot, 0);
  }
}

// Counts add up, the earlier deadline stands, phases go by the one that is further.
void TriggerMachine::Merge(int64_t* into, const int64_t* from) const {
  for (const Node& node : nodes_) {
    if (node.slot < 0) continue;
    int64_t& to = into[node.slot];
    const int64_t other = from[node.slot];
    if (node.kind == Kind::kAfterCount) {
      to += other;
    } else if (node.kind == Kind::kProcessingTime) {
      to = to == 0 ? other : other == 0 ? to : std::min(to, other);
    } else {
      to = std::max(to, other);
    }
  }
}

}  // namespace weir
