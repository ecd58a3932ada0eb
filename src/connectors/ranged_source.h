// RangedSource: a source whose rows are a pure function of numbers 0, 1, 2 … Lanes take ranges of numbers as they come,
// as fast as they can or as many as are due.
#pragma once

#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>

#include "engine/operator.h"

namespace weir {

struct Range {
  static constexpr int64_t kEndless = std::numeric_limits<int64_t>::max() / 4;
  int64_t end = 0;             // numbers [0, end)
  int64_t numbers_per_morsel;  // how many are made at once, at most; > 0
  /// Number n is due n / rate seconds of processing time after the first; 0: all are due at once. Who is late catches
  /// up as fast as it can: no number is left out.
  double rate = 0;
  /// The event time of a row is the processing time at which it is made, and so is the watermark.
  bool event_time_is_arrival = false;
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
  /// The next number; lanes stop between ranges.
  Result<std::string> Position() override;
  Status Restore(const std::string& position) override;

 private:
  class Reader;
  struct Claim {
    PollResult result = PollResult::kProduced;
    int64_t first = 0, count = 0;
    int64_t morsel = 0;
  };
  /// The next numbers for one lane.
  Claim Take(int64_t now_us);
  Claim TakeDue(int64_t now_us);

  const Range range_;
  std::atomic<int64_t> next_{0};  // number that nobody has taken
  std::mutex mutex_;              // of a source with a rate, with what follows
  int64_t start_us_ = -1;
  int64_t first_ = 0;  // that this run makes: due at once
  int64_t next_morsel_ = 0;
};

}  // namespace weir
