// EventTimes: the column of Generate that is the event time of its rows, with the disorder of a real stream.
#pragma once

#include <memory>
#include <optional>

#include "connectors/generate/field_maker.h"

namespace weir::generate {

/// Rows that come long after their time.
struct LateConfig {
  double share = 0;
  Duration by;
  static const FieldSet<LateConfig>& Fields();
};

struct DisorderConfig {
  Duration out_of_orderness, jitter;
  std::optional<LateConfig> late;
  static const FieldSet<DisorderConfig>& Fields();
};

/// The time of row n is from + every × p(n), where p shuffles groups of rows that lie within `out_of_orderness`; up to
/// `jitter` is added, and a share of the rows is late. All of it is a function of seed and row number.
class EventTimes final : public FieldMaker {
 public:
  /// Times of rows 0 … rows - 1. `from_us`: time of the first. Of `field` only `every` counts.
  EventTimes(int64_t from_us, const FieldConfig& field, const DisorderConfig& disorder, uint64_t seed, int64_t rows);

  Result<ArrayDataPtr> Make(int64_t first, int64_t count) const override;
  /// No row from `row` on is older, the late ones aside.
  EventTime WatermarkBefore(int64_t row) const { return from_us_ + every_us_ * (row - row % group_); }

 private:
  /// Places within one group: i → (factor × i + offset) mod size.
  struct Shuffle {
    int64_t number = -1;  // of the group
    int64_t size = 1;     // of the last group: what is left
    int64_t factor = 1, offset = 0;
  };
  Shuffle ShuffleOf(int64_t group_number) const;

  const uint64_t seed_;
  const int64_t rows_;
  const int64_t from_us_, every_us_, jitter_us_;
  const double late_share_;
  const int64_t late_us_;
  int64_t group_ = 1;  // rows that are shuffled among themselves
};

}  // namespace weir::generate
