// TopRows against sorting everything: random rows, orders, group counts, batch cuts, with and without spilling.
#include "state/top/top_rows.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <random>
#include <tuple>

#include "batch/json_rows.h"
#include "batch/print.h"
#include "unit/test_seed.h"

namespace weir {
namespace {

/// key text, value integer (may be null), note text, pay integer.
using Row = std::tuple<std::string, std::optional<int64_t>, std::string, int64_t>;

Batch ToBatch(const std::vector<Row>& rows, bool dictionary) {
  arrow::StringBuilder key, note;
  arrow::Int64Builder value, pay;
  for (const auto& [k, v, n, p] : rows) {
    EXPECT_TRUE(key.Append(k).ok() && note.Append(n).ok() && pay.Append(p).ok());
    EXPECT_TRUE((v ? value.Append(*v) : value.AppendNull()).ok());
  }
  auto schema = arrow::schema({arrow::field("key", arrow::utf8()), arrow::field("value", arrow::int64()),
                               arrow::field("note", arrow::utf8()), arrow::field("pay", arrow::int64())});
  Batch batch(schema,
              {(*key.Finish())->data(), (*value.Finish())->data(), (*note.Finish())->data(), (*pay.Finish())->data()},
              static_cast<int64_t>(rows.size()));
  return dictionary && !rows.empty() ? *DictionaryEncode(batch, 0) : batch;
}

/// Order of the rows of a group: `by`, then all columns.
bool Before(const Row& a, const Row& b, const SortKey& by) {
  const auto& x = std::get<1>(a);
  const auto& y = std::get<1>(b);
  if (by.column == 1) {
    if (x.has_value() != y.has_value()) return x.has_value();
    if (x && *x != *y) return by.descending ? *x > *y : *x < *y;
  } else if (std::get<2>(a) != std::get<2>(b)) {
    return by.descending ? std::get<2>(a) > std::get<2>(b) : std::get<2>(a) < std::get<2>(b);
  }
  auto whole = [](const Row& row) {
    const auto& [k, v, n, p] = row;
    return std::tuple(k, !v.has_value(), v.value_or(0), n, p);  // null last
  };
  return whole(a) < whole(b);
}

std::vector<std::string> Texts(TopRows& top) {
  std::vector<std::string> texts;
  for (;;) {
    auto batch = top.Next();
    EXPECT_TRUE(batch.ok()) << batch.status().ToString();
    if (!batch.ok() || !*batch) return texts;
    for (int64_t row = 0; row < (*batch)->num_rows(); ++row) texts.push_back(RowToJson(**batch, row));
  }
}

class TopRowsTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(mkdtemp(dir_), nullptr); }
  void TearDown() override { EXPECT_EQ(rmdir(dir_), 0); }
  char dir_[40] = "/tmp/weir-top-test-XXXXXX";
};

TEST_F(TopRowsTest, AgreesWithSortingEverything) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 80; ++round) {
    TopRowsOptions options;
    if (random() % 4) options.keys = {0};
    options.by = {{random() % 3 ? 1 : 2, random() % 2 == 0}};
    options.n = random() % 2 ? 1 : 1 + static_cast<int64_t>(random() % 6);
    options.batch_rows = 1 + static_cast<int64_t>(random() % 50);
    options.temp_dir = dir_;
    auto budget = *MemoryBudget::Make(64 << 20);
    MemoryReservation hog(budget.get());
    if (random() % 3 == 0) {
      options.memory = budget.get();
      hog.Set(63 << 20);
    }
    const uint64_t keys = 1 + random() % 40, values = 1 + random() % 30;
    std::vector<Row> all;
    for (size_t i = random() % 800; i > 0; --i) {
      Row row{"key-" + std::to_string(random() % keys), random() % values, std::string(random() % 30, 'x'),
              random() % 4};
      if (random() % 8 == 0) std::get<1>(row) = std::nullopt;
      all.push_back(std::move(row));
    }
    TopRows top(ToBatch({}, false).schema(), options);
    for (size_t at = 0; at < all.size();) {
      const size_t count = std::min<size_t>(all.size() - at, 1 + random() % 60);
      auto added = top.Add(ToBatch({all.begin() + at, all.begin() + at + count}, random() % 2));
      ASSERT_TRUE(added.ok()) << added.ToString();
      at += count;
    }
    ASSERT_TRUE(top.Finish().ok());
    std::map<std::string, std::vector<Row>> groups;
    for (const Row& row : all) groups[options.keys.empty() ? "" : std::get<0>(row)].push_back(row);
    std::vector<std::string> want;
    for (auto& [key, rows] : groups) {
      std::sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) { return Before(a, b, options.by[0]); });
      rows.resize(std::min<size_t>(rows.size(), static_cast<size_t>(options.n)));
      Batch batch = ToBatch(rows, false);
      for (int64_t row = 0; row < batch.num_rows(); ++row) want.push_back(RowToJson(batch, row));
    }
    std::vector<std::string> got = Texts(top);
    if (!options.keys.empty() || options.memory != nullptr) {
      std::sort(got.begin(), got.end());
      std::sort(want.begin(), want.end());
    }
    ASSERT_EQ(got, want) << "round " << round;
  }
}

TEST_F(TopRowsTest, ReplacedRowsAreGivenBack) {
  // Ever later rows of few keys: what is held must stay near what is wanted.
  TopRowsOptions options;
  options.keys = {0};
  options.by = {{3, true}};
  auto budget = *MemoryBudget::Make(256 << 20);
  options.memory = budget.get();
  TopRows top(ToBatch({}, false).schema(), options);
  for (int64_t step = 0; step < 400; ++step) {
    std::vector<Row> rows;
    for (int64_t i = 0; i < 1000; ++i) rows.push_back({"k" + std::to_string(i), i, std::string(100, 'x'), step});
    ASSERT_TRUE(top.Add(ToBatch(rows, false)).ok());
    ASSERT_LT(budget->state_bytes(), 24 << 20) << "step " << step;
  }
  ASSERT_TRUE(top.Finish().ok());
  std::vector<std::string> texts = Texts(top);
  ASSERT_EQ(texts.size(), 1000u);
  for (const std::string& text : texts) EXPECT_NE(text.find("\"pay\": 399"), std::string::npos) << text;
}

TEST_F(TopRowsTest, WindowsArePartOfTheKey) {
  TopRowsOptions options;
  options.keys = {0};
  options.by = {{1, true}};
  options.windows = true;
  TopRows top(ToBatch({}, false).schema(), options);
  for (int64_t window : {0, 10, 0}) {
    Batch batch = ToBatch({{"a", window + 1, "", 0}, {"a", window + 2, "", 0}}, false);
    batch.set_window(Int64Column(window), Int64Column(window + 10));
    ASSERT_TRUE(top.Add(std::move(batch)).ok());
  }
  ASSERT_TRUE(top.Finish().ok());
  std::vector<std::string> texts = Texts(top);
  std::sort(texts.begin(), texts.end());
  ASSERT_EQ(texts.size(), 2u);
  EXPECT_NE(texts[0].find("\"value\": 12"), std::string::npos) << texts[0];
  EXPECT_NE(texts[1].find("\"value\": 2"), std::string::npos) << texts[1];
}

}  // namespace
}  // namespace weir
