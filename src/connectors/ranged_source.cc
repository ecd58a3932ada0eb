// RangedSource: hands out ranges of numbers to lanes and cuts what is made of them into batches.
#include "connectors/ranged_source.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "connectors/support/position.h"

namespace weir {

class RangedSource::Reader final : public SourceReader {
 public:
  Reader(RangedSource* source, const OperatorContext& lane) : source_(*source), lane_(lane) {}

  Result<PollResult> Poll(Emitter& out) override {
    const Range& range = source_.range_;
    if (range.event_time_is_arrival) last_watermark_ = std::max(last_watermark_, out.processing_time_us());
    if (emitted_ == rows_.num_rows()) {
      if (draining_) return PollResult::kExhausted;
      const Claim claim = source_.Take(out.processing_time_us());
      if (claim.result != PollResult::kProduced) return claim.result;
      if (lane_.morsels) lane_.morsels->Start(lane_.lane, claim.morsel);
      WEIR_ASSIGN_OR_RETURN(rows_, range.make(claim.first, claim.count));
      if (range.event_time_is_arrival) rows_.set_event_time(Int64Column(last_watermark_));
      rows_.set_morsel(claim.morsel);
      emitted_ = 0;
    }
    while (emitted_ < rows_.num_rows()) {
      const int64_t count = std::min(lane_.batch_rows, rows_.num_rows() - emitted_);
      Batch part = rows_.Slice(emitted_, count);
      emitted_ += count;
      WEIR_RETURN_NOT_OK(out.Emit(std::move(part)));
      if (out.full()) break;  // the rest comes with the next call
    }
    return PollResult::kProduced;
  }

  EventTime watermark() const override {
    const Range& range = source_.range_;
    // While rows are left the next call emits from the morsel at hand, which began no later than the rest of it.
    if (!range.watermark || emitted_ < rows_.num_rows()) return last_watermark_;
    return last_watermark_ = range.watermark(std::min(source_.next_.load(), range.end));
  }

  bool Drain() override { return draining_ = true; }
  bool can_pause() const override { return emitted_ == rows_.num_rows(); }

 private:
  RangedSource& source_;
  const OperatorContext lane_;
  Batch rows_;
  int64_t emitted_ = 0;
  bool draining_ = false;
  mutable EventTime last_watermark_ = kMinEventTime;
};

RangedSource::Claim RangedSource::Take(int64_t now_us) {
  if (range_.rate > 0) return TakeDue(now_us);
  const int64_t first = next_.fetch_add(range_.numbers_per_morsel);
  if (first >= range_.end) return {.result = PollResult::kExhausted};
  const int64_t count = std::min(range_.numbers_per_morsel, range_.end - first);
  return {.first = first, .count = count, .morsel = first / range_.numbers_per_morsel};
}

RangedSource::Claim RangedSource::TakeDue(int64_t now_us) {
  std::lock_guard lock(mutex_);
  const int64_t first = next_.load();
  if (first >= range_.end) return {.result = PollResult::kExhausted};
  if (start_us_ < 0) start_us_ = now_us;
  const double due = static_cast<double>(now_us - start_us_) * 1e-6 * range_.rate + 1;
  const int64_t last = std::min(range_.end, first_ + static_cast<int64_t>(std::min(due, 1e18)));
  if (last <= first) return {.result = PollResult::kIdle};
  const int64_t count = std::min(range_.numbers_per_morsel, last - first);
  next_ = first + count;
  return {.first = first, .count = count, .morsel = next_morsel_++};
}

Result<std::unique_ptr<SourceReader>> RangedSource::OpenReader(const OperatorContext& lane) {
  return std::make_unique<Reader>(this, lane);
}

Result<std::string> RangedSource::Position() { return PrintPosition({{"next", std::min(next_.load(), range_.end)}}); }

Status RangedSource::Restore(const std::string& text) {
  WEIR_ASSIGN_OR_RETURN(const nlohmann::json position, ParsePosition(text));
  const int64_t next = IntAt(position, "next", -1);
  if (next < 0) return Status::Invalid("the saved position is damaged: '", text, "'");
  next_ = first_ = next;
  next_morsel_ = 0;
  return Status::OK();
}

Source::Progress RangedSource::progress() const {
  const int64_t done = std::min(next_.load(), range_.end);
  return {done, range_.end == Range::kEndless ? 0 : range_.end};
}

}  // namespace weir
