// The least over the open splits that are not idle.
#include "time/split_watermarks.h"

#include <algorithm>

namespace weir {
namespace {

/// A reader is asked every few milliseconds; a longer gap is back pressure, not silence of its splits.
constexpr int64_t kMaxStepUs = 1'000'000;

}  // namespace

int SplitWatermarks::Add(int64_t now_us) {
  OnProcessingTime(now_us);
  auto free = std::find_if(splits_.begin(), splits_.end(), [](const Split& split) { return !split.open; });
  if (free == splits_.end()) free = splits_.insert(splits_.end(), Split{});
  *free = Split{.open = true, .silent_since_us = asked_us_};
  Merge();
  return static_cast<int>(free - splits_.begin());
}

void SplitWatermarks::OnRows(int split, EventTime latest, int64_t now_us) {
  OnProcessingTime(now_us);
  Split& from = splits_[static_cast<size_t>(split)];
  from.silent_since_us = asked_us_;
  from.latest = std::max(from.latest, latest);
  if (rule_.from == WatermarkRule::From::kEventTime) Publish(&from);
  from.idle = false;
  Merge();
}

void SplitWatermarks::EndPiece(int split) {
  if (rule_.from == WatermarkRule::From::kOrder) Publish(&splits_[static_cast<size_t>(split)]);
  Merge();
}

void SplitWatermarks::End(int split) {
  Split& ended = splits_[static_cast<size_t>(split)];
  EndPiece(split);
  ended.open = false;
  ended_ = std::max(ended_, ended.watermark);
  const bool any = std::any_of(splits_.begin(), splits_.end(), [](const Split& other) { return other.open; });
  if (!any) none_open_since_us_ = asked_us_;
  Merge();
}

void SplitWatermarks::Publish(Split* split) {
  if (split->latest == kMinEventTime) return;
  const bool fits = split->latest >= kMinEventTime + rule_.out_of_orderness_us;
  if (fits) split->watermark = std::max(split->watermark, split->latest - rule_.out_of_orderness_us);
}

void SplitWatermarks::OnProcessingTime(int64_t now_us) {
  if (now_us_ != 0) asked_us_ += std::clamp<int64_t>(now_us - now_us_, 0, kMaxStepUs);
  now_us_ = std::max(now_us_, now_us);
  if (rule_.from == WatermarkRule::From::kProcessingTime) {
    watermark_ = std::max(watermark_, now_us_ - rule_.out_of_orderness_us);
    return;
  }
  if (rule_.idle_timeout_us <= 0) return;
  bool changed = !idle_;
  for (Split& split : splits_) {
    if (!split.open || split.idle || asked_us_ - split.silent_since_us < rule_.idle_timeout_us) continue;
    split.idle = true;
    changed = true;
  }
  if (changed) Merge();
}

SplitWatermarks::State SplitWatermarks::state() const {
  State out{.watermark = watermark_, .ended = ended_};
  for (const Split& split : splits_) out.splits.push_back({split.open, split.idle, split.latest, split.watermark});
  return out;
}

void SplitWatermarks::Restore(const State& state) {
  watermark_ = state.watermark;
  ended_ = state.ended;
  splits_.clear();
  for (const State::Split& split : state.splits) {
    splits_.push_back({split.open, split.idle, asked_us_, split.latest, split.watermark});
  }
  Merge();
}

void SplitWatermarks::Merge() {
  if (rule_.from == WatermarkRule::From::kProcessingTime) return;
  EventTime least = kMaxEventTime, greatest = kMinEventTime;
  bool open = false, active = false;
  for (const Split& split : splits_) {
    if (!split.open) continue;
    open = true;
    greatest = std::max(greatest, split.watermark);
    if (split.idle) continue;
    active = true;
    least = std::min(least, split.watermark);
  }
  // Where all have stepped aside, each for the others, or ended, the one that was furthest counts.
  watermark_ = std::max(watermark_, active ? least : open ? greatest : ended_);
  const bool silent = rule_.idle_timeout_us > 0 && asked_us_ - none_open_since_us_ >= rule_.idle_timeout_us;
  idle_ = open ? !active : silent;
}

}  // namespace weir
