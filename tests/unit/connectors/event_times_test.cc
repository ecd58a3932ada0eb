// The event times of Generate: a permutation within its bound, a watermark that holds, late rows as many as asked for.
#include "connectors/generate/event_times.h"

#include <arrow/array/data.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace weir::generate {
namespace {

constexpr int64_t kFrom = 1'000'000'000;

std::vector<int64_t> Times(const EventTimes& times, int64_t first, int64_t count) {
  auto column = times.Make(first, count).ValueOrDie();
  const auto* values = column->GetValues<int64_t>(1);
  return {values, values + count};
}

FieldConfig EverySecond() {
  FieldConfig field;
  field.every = Duration::Seconds(1);
  return field;
}

TEST(EventTimes, WithoutDisorderTheyAreTheFieldOfKindTime) {
  const EventTimes times(kFrom, EverySecond(), {}, 7, 5);
  EXPECT_EQ(Times(times, 3, 2), (std::vector<int64_t>{kFrom + 3'000'000, kFrom + 4'000'000}));
  EXPECT_EQ(times.WatermarkBefore(4), kFrom + 4'000'000);
}

TEST(EventTimes, AreShuffledWithinTheBoundAndNoneIsLost) {
  DisorderConfig disorder;
  disorder.out_of_orderness = Duration::Seconds(30);
  const EventTimes times(kFrom, EverySecond(), disorder, 7, 3110);
  const std::vector<int64_t> made = Times(times, 0, 3110);
  EXPECT_FALSE(std::is_sorted(made.begin(), made.end()));
  int64_t newest = kFrom, furthest = 0;
  for (size_t row = 0; row < made.size(); ++row) {
    EXPECT_GE(made[row], times.WatermarkBefore(static_cast<int64_t>(row))) << row;
    newest = std::max(newest, made[row]);
    furthest = std::max(furthest, newest - made[row]);
  }
  EXPECT_LE(furthest, 30'000'000);
  EXPECT_GE(furthest, 25'000'000) << "the disorder is what was asked for, about";
  std::vector<int64_t> sorted = made;
  std::sort(sorted.begin(), sorted.end());
  for (size_t row = 0; row < sorted.size(); ++row)
    EXPECT_EQ(sorted[row], kFrom + static_cast<int64_t>(row) * 1'000'000);
  const std::vector<int64_t> part = Times(times, 1234, 100);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), made.begin() + 1234)) << "a range gives the times of the whole";
}

TEST(EventTimes, AShareIsLate) {
  DisorderConfig disorder;
  disorder.jitter = Duration{500'000};
  disorder.late = LateConfig{0.1, Duration::Seconds(3600)};
  const EventTimes times(kFrom, EverySecond(), disorder, 7, 10'000);
  const std::vector<int64_t> made = Times(times, 0, 10'000);
  int64_t late = 0;
  for (size_t row = 0; row < made.size(); ++row) {
    const int64_t place = kFrom + static_cast<int64_t>(row) * 1'000'000;
    const bool is_late = made[row] < place;
    late += is_late;
    const int64_t added = made[row] - place + (is_late ? 3'600'000'000 : 0);
    EXPECT_GE(added, 0);
    EXPECT_LT(added, 500'000);
  }
  EXPECT_NEAR(static_cast<double>(late), 1000, 120);
}

}  // namespace
}  // namespace weir::generate
