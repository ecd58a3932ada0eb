// Times as text: every day of 800 years there and back, patterns both ways, and what is refused.
#include "expr/functions/time_text.h"

#include <gtest/gtest.h>

namespace weir::expr {
namespace {

TEST(TimeText, EveryDayThereAndBack) {
  int64_t expected = DaysFromCivil(1600, 1, 1);
  for (int64_t year = 1600; year < 2400; ++year) {
    for (int month = 1; month <= 12; ++month) {
      for (int day = 1; day <= DaysInMonth(year, month); ++day, ++expected) {
        ASSERT_EQ(DaysFromCivil(year, month, day), expected);
        Civil civil = CivilFromDays(expected);
        ASSERT_TRUE(civil.year == year && civil.month == month && civil.day == day)
            << year << "-" << month << "-" << day;
      }
    }
  }
}

TEST(TimeText, TimestampsThereAndBack) {
  for (int64_t micros :
       {int64_t{0}, int64_t{-1}, int64_t{1715941815250000}, int64_t{-62135596800000000}, int64_t{253402300799999999}}) {
    int64_t back = 1;
    ASSERT_TRUE(ParseTimestamp(FormatTimestamp(micros), &back)) << FormatTimestamp(micros);
    EXPECT_EQ(back, micros);
  }
}

TEST(TimeText, FormsOfTimestamps) {
  int64_t expected = 0, micros = 0;
  ASSERT_TRUE(ParseTimestamp("2024-05-17T10:30:00Z", &expected));
  for (const char* text : {"2024-05-17 10:30:00", "2024-05-17T12:30:00+02:00", "2024-05-17T10:30Z",
                           " 2024-05-17 10:30:00 UTC ", "2024-05-17t05:30:00.000-0500", "2024-05-17 12:30:00+02"}) {
    ASSERT_TRUE(ParseTimestamp(text, &micros)) << text;
    EXPECT_EQ(micros, expected) << text;
  }
  for (const char* text :
       {"", "2024", "2024-13-01", "2024-02-30", "2024-05-17T", "2024-05-17T25:00:00", "2024-05-17T10:61:00",
        "2024-05-17x", "17/05/2024", "2024-05-17T10:30:00.", "2024-05-17T10:30:00+2", "999999-01-01"}) {
    EXPECT_FALSE(ParseTimestamp(text, &micros)) << text;
  }
}

TEST(TimeText, PatternsBothWays) {
  const int64_t micros = 1715941815000000;  // Friday, 2024-05-17T10:30:15Z
  std::string bad;
  for (const char* pattern : {"%Y-%m-%d %H:%M:%S", "%d/%b/%Y:%H:%M:%S %z", "%F %T", "%A, %B %e, %Y %I:%M:%S %p", "%s",
                              "%y%j %T", "%m/%d/%y %T.%f"}) {
    std::string text;
    int64_t back = 0;
    ASSERT_TRUE(FormatTime(pattern, micros, &text, &bad)) << pattern;
    ASSERT_TRUE(ParseTime(pattern, text, &back)) << pattern << " gives " << text;
    EXPECT_EQ(back, micros) << pattern << " gives " << text;
  }
  std::string text;
  EXPECT_FALSE(FormatTime("%Y %Q", micros, &text, &bad));
  EXPECT_EQ(bad, "%Q");
  int64_t back;
  EXPECT_FALSE(ParseTime("%Y-%m-%d", "2024-05-17 ", &back));
  EXPECT_FALSE(ParseTime("%d", "x", &back));
}

TEST(TimeText, IsoWeeks) {
  int64_t year = 0;
  EXPECT_EQ(IsoWeek(DaysFromCivil(2021, 1, 3), &year), 53);
  EXPECT_EQ(year, 2020);
  EXPECT_EQ(IsoWeek(DaysFromCivil(2024, 12, 30), &year), 1);
  EXPECT_EQ(year, 2025);
  EXPECT_EQ(AddMonths(DaysFromCivil(2024, 1, 31), 1), DaysFromCivil(2024, 2, 29));
  EXPECT_EQ(AddMonths(DaysFromCivil(2024, 3, 31), -13), DaysFromCivil(2023, 2, 28));
}

}  // namespace
}  // namespace weir::expr
