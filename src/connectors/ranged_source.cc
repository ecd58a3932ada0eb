// RangedSource: hands out ranges of numbers to lanes and cuts what is made of them into batches.
#include "connectors/ranged_source.h"

#include <algorithm>

namespace weir {

class RangedSource::Reader final : public SourceReader {
 public:
  Reader(RangedSource* source, const OperatorContext& lane) : source_(*source), lane_(lane) {}

  Result<PollResult> Poll(Emitter& out) override {
    if (emitted_ == rows_.num_rows()) {
      const int64_t morsel = source_.next_morsel_.fetch_add(1);
      const Range& range = source_.range_;
      const int64_t first = morsel * range.numbers_per_morsel;
      if (first >= range.end) return PollResult::kExhausted;
      if (lane_.morsels) lane_.morsels->Start(lane_.lane, morsel);
      WEIR_ASSIGN_OR_RETURN(rows_, range.make(first, std::min(range.numbers_per_morsel, range.end - first)));
      rows_.set_morsel(morsel);
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
    const int64_t next = source_.next_morsel_.load() * range.numbers_per_morsel;
    return last_watermark_ = range.watermark(std::min(next, range.end));
  }

 private:
  RangedSource& source_;
  const OperatorContext lane_;
  Batch rows_;
  int64_t emitted_ = 0;
  mutable EventTime last_watermark_ = kMinEventTime;
};

Result<std::unique_ptr<SourceReader>> RangedSource::OpenReader(const OperatorContext& lane) {
  return std::make_unique<Reader>(this, lane);
}

Source::Progress RangedSource::progress() const {
  return {std::min(next_morsel_.load() * range_.numbers_per_morsel, range_.end), range_.end};
}

}  // namespace weir
