// The watermark of several splits: the least of those at work, whoever joins, falls silent, comes back or ends.
#include "time/split_watermarks.h"

#include <gtest/gtest.h>

#include <random>

namespace weir {
namespace {

using From = WatermarkRule::From;

constexpr int64_t kSecond = 1'000'000;

/// Lets `seconds` pass as a reader sees them: asked every half second.
void Wait(SplitWatermarks* splits, int64_t* now_us, int64_t seconds) {
  for (int64_t i = 0; i < 2 * seconds; ++i) splits->OnProcessingTime(*now_us += kSecond / 2);
}

TEST(SplitWatermarks, IsTheLeastOfTheSplitsMinusTheirDisorder) {
  SplitWatermarks splits({From::kEventTime, 5 * kSecond, 0});
  const int a = splits.Add(1), b = splits.Add(1);
  splits.OnRows(a, 100 * kSecond, 2);
  EXPECT_EQ(splits.watermark(), kMinEventTime) << "b has said nothing yet";
  splits.OnRows(b, 90 * kSecond, 3);
  EXPECT_EQ(splits.watermark(), 85 * kSecond);
  splits.OnRows(b, 70 * kSecond, 4);
  EXPECT_EQ(splits.watermark(), 85 * kSecond) << "an old row changes nothing";
  splits.OnRows(b, 200 * kSecond, 5);
  EXPECT_EQ(splits.watermark(), 95 * kSecond) << "now a is the last";
}

TEST(SplitWatermarks, AnIdleSplitStepsAsideAndComesBackWithoutPullingBack) {
  SplitWatermarks splits({From::kEventTime, 0, 30 * kSecond});
  int64_t now = kSecond;
  const int idle = splits.Add(now), busy = splits.Add(now);
  splits.OnRows(idle, 10 * kSecond, now);
  for (int i = 0; i < 29; ++i) {
    Wait(&splits, &now, 1);
    splits.OnRows(busy, (100 + i) * kSecond, now);
  }
  EXPECT_EQ(splits.watermark(), 10 * kSecond) << "29 s of silence are not idle";
  Wait(&splits, &now, 1);
  splits.OnRows(busy, 150 * kSecond, now);
  EXPECT_EQ(splits.watermark(), 150 * kSecond);
  EXPECT_FALSE(splits.idle());
  splits.OnRows(idle, 20 * kSecond, now);  // late, but not silent
  EXPECT_EQ(splits.watermark(), 150 * kSecond);
  splits.OnRows(busy, 300 * kSecond, now);
  EXPECT_EQ(splits.watermark(), 150 * kSecond) << "it counts again";
  splits.OnRows(idle, 290 * kSecond, now);
  EXPECT_EQ(splits.watermark(), 290 * kSecond);
}

TEST(SplitWatermarks, WhereAllAreIdleTheFurthestCountsWhateverTheOrder) {
  for (const bool together : {true, false}) {
    SplitWatermarks splits({From::kEventTime, 0, 10 * kSecond});
    int64_t now = kSecond;
    const int a = splits.Add(now), b = splits.Add(now);
    splits.OnRows(a, 50 * kSecond, now);
    if (!together) Wait(&splits, &now, 5);
    splits.OnRows(b, 80 * kSecond, now);
    EXPECT_EQ(splits.watermark(), 50 * kSecond);
    Wait(&splits, &now, 10);
    EXPECT_TRUE(splits.idle());
    EXPECT_EQ(splits.watermark(), 80 * kSecond);
  }
}

TEST(SplitWatermarks, BackPressureIsNotSilence) {
  SplitWatermarks splits({From::kEventTime, 0, 30 * kSecond});
  const int a = splits.Add(kSecond);
  splits.OnRows(a, 50 * kSecond, kSecond);
  splits.OnProcessingTime(3600 * kSecond);
  EXPECT_FALSE(splits.idle()) << "nobody asked for an hour";
}

TEST(SplitWatermarks, AnEndedSplitLeavesTheWatermarkWhereItIs) {
  SplitWatermarks splits({From::kEventTime, 5 * kSecond, 0});
  const int a = splits.Add(1);
  splits.OnRows(a, 100 * kSecond, 2);
  splits.End(a);
  EXPECT_EQ(splits.watermark(), 95 * kSecond);
  EXPECT_FALSE(splits.idle()) << "without a timeout nothing is idle";
  const int again = splits.Add(3);  // it restarted: until its first row nobody knows where it is
  const int b = splits.Add(3);
  splits.OnRows(b, 500 * kSecond, 4);
  EXPECT_EQ(splits.watermark(), 95 * kSecond);
  splits.OnRows(again, 400 * kSecond, 5);
  EXPECT_EQ(splits.watermark(), 395 * kSecond);
}

TEST(SplitWatermarks, WhereAllHaveEndedTheFurthestCounts) {
  SplitWatermarks splits({From::kEventTime, 0, 0});
  const int backlog = splits.Add(1), a = splits.Add(1);
  splits.OnRows(a, 100 * kSecond, 2);
  splits.End(a);
  EXPECT_EQ(splits.watermark(), kMinEventTime) << "the backlog may hold older rows";
  const int b = splits.Add(3);
  splits.End(backlog);
  splits.OnRows(b, 70 * kSecond, 4);
  EXPECT_EQ(splits.watermark(), 70 * kSecond);
  splits.End(b);
  EXPECT_EQ(splits.watermark(), 100 * kSecond);
}

TEST(SplitWatermarks, WithoutAnySplitItIsIdleAfterTheTimeout) {
  SplitWatermarks splits({From::kEventTime, 0, 10 * kSecond});
  int64_t now = kSecond;
  const int a = splits.Add(now);
  splits.OnRows(a, kSecond, now);
  splits.End(a);
  EXPECT_FALSE(splits.idle());
  Wait(&splits, &now, 11);
  EXPECT_TRUE(splits.idle());
  splits.Add(now);
  EXPECT_FALSE(splits.idle()) << "a new split may have something at once";
}

TEST(SplitWatermarks, InOrderOnlyWhatIsCompleteCounts) {
  SplitWatermarks splits({From::kOrder, 0, 0});
  const int a = splits.Add(1);
  splits.OnRows(a, 100 * kSecond, 2);
  splits.OnRows(a, 40 * kSecond, 2);
  EXPECT_EQ(splits.watermark(), kMinEventTime) << "within a file rows come in any order";
  splits.EndPiece(a);
  EXPECT_EQ(splits.watermark(), 100 * kSecond);
}

TEST(SplitWatermarks, ProcessingTimeIsTheClock) {
  SplitWatermarks splits({From::kProcessingTime, 2 * kSecond, 0});
  splits.OnProcessingTime(10 * kSecond);
  const int a = splits.Add(10 * kSecond);
  splits.OnRows(a, 3 * kSecond, 11 * kSecond);
  EXPECT_EQ(splits.watermark(), 9 * kSecond);
}

TEST(SplitWatermarks, NeverGoesBackAndNeverPassesAnActiveSplit) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    const int64_t disorder = static_cast<int64_t>(random() % 5) * kSecond;
    SplitWatermarks splits({From::kEventTime, disorder, 0});
    std::vector<std::pair<int, EventTime>> open;  // newest row of each
    EventTime last = kMinEventTime;
    for (int64_t now = 1; now < 200; ++now) {
      const auto what = random() % 10;
      if (open.empty() || what == 0) {
        open.emplace_back(splits.Add(now), kMinEventTime);
      } else {
        const auto at = random() % open.size();
        if (what == 1) {
          splits.End(open[at].first);
          open.erase(open.begin() + static_cast<int64_t>(at));
        } else {
          const EventTime time = static_cast<int64_t>(random() % 1000) * kSecond;
          open[at].second = std::max(open[at].second, time);
          splits.OnRows(open[at].first, time, now);
        }
      }
      EXPECT_GE(splits.watermark(), last);
      if (splits.watermark() > last) {
        for (const auto& [split, newest] : open) EXPECT_LE(splits.watermark(), newest - disorder);
      }
      last = splits.watermark();
    }
  }
}

}  // namespace
}  // namespace weir
