// The sorter against std::stable_sort on random rows: every type, directions, nulls, spilling, limits.
#include "state/sort/sorter.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "batch/json_rows.h"
#include "batch/print.h"
#include "unit/test_seed.h"

namespace weir {
namespace {

struct Row {
  std::optional<int64_t> i;
  std::optional<double> d;
  std::optional<std::string> s;
  int64_t number = 0;  // order of arrival
};

Row RandomRow(std::mt19937_64& random, int64_t number) {
  Row row;
  row.number = number;
  static const int64_t kInts[] = {0, -1, 1, INT64_MIN, INT64_MAX, 42};
  static const double kDoubles[] = {0.0, -0.0, 1.5, -1.5, INFINITY, -INFINITY, NAN, 1e300};
  static const std::string kTexts[] = {"",  "a",   "b", std::string("a\0b", 3), "aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                       "é", "\xff"};
  if (random() % 5) row.i = random() % 3 ? kInts[random() % 6] : static_cast<int64_t>(random());
  if (random() % 5) row.d = kDoubles[random() % 8];
  if (random() % 5) row.s = kTexts[random() % 6];
  return row;
}

Batch ToBatch(const std::vector<Row>& rows) {
  arrow::Int64Builder i, n;
  arrow::DoubleBuilder d;
  arrow::StringBuilder s;
  for (const Row& row : rows) {
    EXPECT_TRUE((row.i ? i.Append(*row.i) : i.AppendNull()).ok());
    EXPECT_TRUE((row.d ? d.Append(*row.d) : d.AppendNull()).ok());
    EXPECT_TRUE((row.s ? s.Append(*row.s) : s.AppendNull()).ok());
    EXPECT_TRUE(n.Append(row.number).ok());
  }
  auto schema = arrow::schema({arrow::field("i", arrow::int64()), arrow::field("d", arrow::float64()),
                               arrow::field("s", arrow::utf8()), arrow::field("n", arrow::int64())});
  return Batch(schema, {(*i.Finish())->data(), (*d.Finish())->data(), (*s.Finish())->data(), (*n.Finish())->data()},
               static_cast<int64_t>(rows.size()));
}

template <class T>
int CompareValues(const std::optional<T>& a, const std::optional<T>& b, const SortKey& key) {
  if (!a || !b) return a ? (key.nulls_first ? 1 : -1) : b ? (key.nulls_first ? -1 : 1) : 0;
  int order = 0;
  if constexpr (std::is_same_v<T, double>) {
    const bool a_nan = std::isnan(*a), b_nan = std::isnan(*b);
    order = a_nan || b_nan ? int{a_nan} - int{b_nan} : *a < *b ? -1 : *a > *b;
  } else {
    order = *a < *b ? -1 : *b < *a;
  }
  return key.descending ? -order : order;
}

int CompareRows(const Row& a, const Row& b, const std::vector<SortKey>& keys) {
  for (const SortKey& key : keys) {
    const int order = key.column == 0   ? CompareValues(a.i, b.i, key)
                      : key.column == 1 ? CompareValues(a.d, b.d, key)
                                        : CompareValues(a.s, b.s, key);
    if (order != 0) return order;
  }
  return 0;
}

TEST(SorterTest, AgreesWithStableSort) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  std::mt19937_64 random(seed);
  char dir[] = "/tmp/weir-sorter-test-XXXXXX";
  ASSERT_NE(mkdtemp(dir), nullptr);
  for (int round = 0; round < 60; ++round) {
    SorterOptions options;
    for (int column : {0, 1, 2}) {
      if (random() % 2) options.keys.push_back({column, random() % 2 == 0, random() % 2 == 0});
    }
    if (options.keys.empty()) options.keys.push_back({static_cast<int>(random() % 3)});
    std::shuffle(options.keys.begin(), options.keys.end(), random);
    options.batch_rows = 1 + static_cast<int64_t>(random() % 100);
    options.temp_dir = dir;
    if (random() % 3 == 0) options.limit = static_cast<int64_t>(random() % 50);
    // The least budget and a reservation that fills it: every batch spills a run.
    auto budget = *MemoryBudget::Make(64 << 20);
    MemoryReservation hog(budget.get());
    if (random() % 2) {
      options.memory = budget.get();
      hog.Set(63 << 20);
    }
    const auto rows = static_cast<int64_t>(random() % 600);
    std::vector<Row> all;
    for (int64_t n = 0; n < rows; ++n) all.push_back(RandomRow(random, n));
    Sorter sorter(ToBatch({}).schema(), options);
    for (size_t at = 0; at < all.size();) {
      const size_t count = std::min(all.size() - at, 1 + static_cast<size_t>(random() % 40));
      ASSERT_TRUE(sorter.Add(ToBatch({all.begin() + at, all.begin() + at + count})).ok());
      at += count;
    }
    ASSERT_TRUE(sorter.Finish().ok());
    std::vector<int64_t> got;
    for (;;) {
      auto batch = sorter.Next();
      ASSERT_TRUE(batch.ok()) << batch.status().ToString();
      if (!*batch) break;
      const auto* numbers = (*batch)->column(3)->GetValues<int64_t>(1);
      got.insert(got.end(), numbers, numbers + (*batch)->num_rows());
    }
    std::stable_sort(all.begin(), all.end(),
                     [&](const Row& a, const Row& b) { return CompareRows(a, b, options.keys) < 0; });
    if (options.limit >= 0 && options.limit < rows) all.resize(options.limit);
    std::vector<int64_t> want;
    for (const Row& row : all) want.push_back(row.number);
    ASSERT_EQ(got, want) << "round " << round;
  }
  EXPECT_EQ(rmdir(dir), 0);
}

TEST(HeldBytes, CountsWhatBatchesShareOnce) {
  const Batch batch = MakeBatch("a: integer, s: string", R"([{"a": 1, "s": "x"}, {"a": 2, "s": "y"}])");
  HeldBytes held;
  held.Add(batch);
  const int64_t whole = held.bytes();
  EXPECT_GE(whole, batch.size_bytes());
  held.Add(batch.Slice(1, 1));
  EXPECT_EQ(held.bytes(), whole);
  held.Add(MakeBatch("a: integer", R"([{"a": 1}])"));
  EXPECT_GT(held.bytes(), whole);
  held.Clear();
  EXPECT_EQ(held.bytes(), 0);
}

}  // namespace
}  // namespace weir
