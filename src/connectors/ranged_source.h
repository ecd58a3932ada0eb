// RangedSource: a source whose rows are a pure function of numbers 0 … end - 1. Lanes take ranges of numbers as they
// come.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "engine/operator.h"

namespace weir {

struct Range {
  int64_t end = 0;             // numbers [0, end)
  int64_t numbers_per_morsel;  // how many are made at once; > 0
  /// The rows of numbers [first, first + count), of the source's schema; may be fewer rows than numbers. Called by any
  /// lane, at any time, in any order.
  std::function<Result<Batch>(int64_t first, int64_t count)> make;
  /// No number from `number` on gives a row older than this. Null: unknown.
  std::function<EventTime(int64_t number)> watermark;
};

class RangedSource final : public Source {
 public:
  explicit RangedSource(Range range) : range_(std::move(range)) {}
  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override;
  /// Counts numbers, not bytes: nothing is read.
  Progress progress() const override;

 private:
  class Reader;
  const Range range_;
  std::atomic<int64_t> next_morsel_{0};
};

}  // namespace weir
