// Readings of rows and what changes between them, against counting by hand.
#include "connectors/files/endless/row_multiset.h"

#include <arrow/builder.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

namespace weir {
namespace {

const SchemaPtr& Schema() {
  static const SchemaPtr schema = arrow::schema({arrow::field("n", arrow::int64()), arrow::field("s", arrow::utf8())});
  return schema;
}

using Row = std::pair<int64_t, std::string>;

Batch Rows(const std::vector<Row>& rows) {
  arrow::Int64Builder numbers;
  arrow::StringBuilder texts;
  for (const auto& [number, text] : rows) {
    EXPECT_TRUE(numbers.Append(number).ok());
    EXPECT_TRUE(texts.Append(text).ok());
  }
  const auto count = static_cast<int64_t>(rows.size());
  return Batch(Schema(), {numbers.Finish().ValueOrDie()->data(), texts.Finish().ValueOrDie()->data()}, count);
}

/// The changes of the reading as (row, weight), in their order.
std::vector<std::pair<Row, int64_t>> Changes(RowMultiset* set, int64_t batch_rows) {
  std::vector<std::pair<Row, int64_t>> out;
  set->Complete();
  while (auto batch = set->TakeChanges(batch_rows).ValueOrDie()) {
    EXPECT_LE(batch->num_rows(), batch_rows);
    const auto numbers = arrow::MakeArray(batch->column(0)), texts = arrow::MakeArray(batch->column(1));
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      out.push_back({{static_cast<const arrow::Int64Array&>(*numbers).Value(row),
                      static_cast<const arrow::StringArray&>(*texts).GetString(row)},
                     batch->weight().at(row)});
    }
  }
  return out;
}

TEST(RowMultiset, GivesWhatIsGoneThenWhatIsNew) {
  RowMultiset set(Schema(), {0, 1});
  ASSERT_TRUE(set.Add(Rows({{1, "a"}, {2, "b"}, {2, "b"}})).ok());
  EXPECT_EQ(Changes(&set, 10), (std::vector<std::pair<Row, int64_t>>{{{1, "a"}, 1}, {{2, "b"}, 2}}));
  ASSERT_TRUE(set.Add(Rows({{3, "c"}, {2, "b"}})).ok());
  EXPECT_EQ(Changes(&set, 10), (std::vector<std::pair<Row, int64_t>>{{{1, "a"}, -1}, {{2, "b"}, -1}, {{3, "c"}, 1}}));
  ASSERT_TRUE(set.Add(Rows({{2, "b"}, {3, "c"}})).ok());
  EXPECT_TRUE(Changes(&set, 10).empty());
}

TEST(RowMultiset, AReadingThatFailedCountsForNothing) {
  RowMultiset set(Schema(), {0, 1});
  ASSERT_TRUE(set.Add(Rows({{1, "a"}})).ok());
  Changes(&set, 10);
  ASSERT_TRUE(set.Add(Rows({{9, "z"}})).ok());
  set.Discard();
  ASSERT_TRUE(set.Add(Rows({{1, "a"}, {2, "b"}})).ok());
  EXPECT_EQ(Changes(&set, 10), (std::vector<std::pair<Row, int64_t>>{{{2, "b"}, 1}}));
}

TEST(RowMultiset, TheSumOfAllChangesIsTheLastReading) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  RowMultiset set(Schema(), {0, 1});
  std::map<Row, int64_t> sum;
  int64_t most = 0;
  for (int reading = 0; reading < 30; ++reading) {
    std::map<Row, int64_t> expected;
    std::vector<Row> rows;
    // The range moves on, so that old rows are gone for good and are forgotten.
    const auto from = static_cast<int64_t>(reading) * 1000;
    for (uint64_t i = 0; i < random() % 5000; ++i) {
      const auto number = from + static_cast<int64_t>(random() % 3000);
      rows.emplace_back(number, "t" + std::to_string(number % 7));
      ++expected[rows.back()];
    }
    ASSERT_TRUE(set.Add(Rows(rows)).ok());
    for (const auto& [row, weight] : Changes(&set, 1 + static_cast<int64_t>(random() % 1000))) {
      if ((sum[row] += weight) == 0) sum.erase(row);
    }
    EXPECT_EQ(sum, expected) << "reading " << reading;
    most = std::max(most, set.num_rows());
  }
  EXPECT_LT(most, 20'000) << "rows that are gone are forgotten";
}

}  // namespace
}  // namespace weir
