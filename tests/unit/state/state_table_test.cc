// StateTable against a list of everything that came: random histories of a bank, out of order, in every form, with and
// without folding, asked for now and as of random times.
#include "state/table/state_table.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "unit/test_seed.h"

namespace weir {
namespace {

struct Transaction {
  int64_t account, amount, time;
};

SchemaPtr Schema() {
  return arrow::schema({arrow::field("account", arrow::int64()), arrow::field("balance", arrow::int64())});
}

struct Row {
  int64_t account, balance, time, weight;
};

Batch ToBatch(const std::vector<Row>& rows, bool weights) {
  arrow::Int64Builder account, balance;
  std::vector<int64_t> times, weight;
  for (const Row& row : rows) {
    EXPECT_TRUE(account.Append(row.account).ok() && balance.Append(row.balance).ok());
    times.push_back(row.time);
    weight.push_back(row.weight);
  }
  Batch batch(Schema(), {(*account.Finish())->data(), (*balance.Finish())->data()}, static_cast<int64_t>(rows.size()));
  batch.set_event_time(Int64Column(BufferPtr(arrow::Buffer::FromVector(times))));
  if (weights) batch.set_weight(Int64Column(BufferPtr(arrow::Buffer::FromVector(weight))));
  return batch;
}

std::map<int64_t, int64_t> Balances(const Batch& rows) {
  std::map<int64_t, int64_t> out;
  for (int64_t i = 0; i < rows.num_rows(); ++i) {
    const auto [at, fresh] =
        out.emplace(rows.PlainColumn(0)->GetValues<int64_t>(1)[i], rows.PlainColumn(1)->GetValues<int64_t>(1)[i]);
    EXPECT_TRUE(fresh) << "two rows of account " << at->first;
  }
  return out;
}

/// What a running sum says of transactions in the order in which they come.
class RunningSum {
 public:
  void Add(const Transaction& t, bool retracting, std::vector<Row>* out) {
    const auto [at, fresh] = balances_.emplace(t.account, 0);
    if (retracting && !fresh) out->push_back({t.account, at->second, t.time, -1});
    at->second += t.amount;
    out->push_back({t.account, at->second, t.time, 1});
  }

 private:
  std::map<int64_t, int64_t> balances_;
};

/// Sums of the transactions not later than `until`; accounts without any are left out.
std::map<int64_t, int64_t> Expected(const std::vector<Transaction>& all, int64_t until) {
  std::map<int64_t, int64_t> out;
  for (const Transaction& t : all) {
    if (t.time <= until) out[t.account] += t.amount;
  }
  return out;
}

/// An account whose changes so far add up to nothing may be missing where its first row came for a later time.
void ExpectSame(std::map<int64_t, int64_t> expected, std::map<int64_t, int64_t> got) {
  std::erase_if(expected, [](const auto& entry) { return entry.second == 0; });
  std::erase_if(got, [](const auto& entry) { return entry.second == 0; });
  EXPECT_EQ(expected, got);
}

void CheckSums(uint64_t seed, TableForm form, int64_t min_fold_rows) {
  SCOPED_TRACE(SeedText(seed));
  std::mt19937_64 random(seed);
  constexpr int64_t kHistory = 100;
  StateTable table({"balances", Schema(), {0}, form, false, kHistory, min_fold_rows});
  RunningSum sum;
  std::vector<Transaction> all;
  EventTime watermark = 0;
  for (int round = 0; round < 60; ++round) {
    std::vector<Row> rows;
    for (uint64_t i = random() % 20; i > 0; --i) {
      const Transaction t{static_cast<int64_t>(random() % 5), static_cast<int64_t>(random() % 200) - 100,
                          watermark + 1 + static_cast<int64_t>(random() % 150)};
      sum.Add(t, form == TableForm::kSums, &rows);
      all.push_back(t);
    }
    ASSERT_TRUE(table.Append(ToBatch(rows, form == TableForm::kSums)).ok());
    watermark += static_cast<int64_t>(random() % 40);
    table.SetWatermark(watermark);
    auto now = table.Read(std::nullopt);
    ASSERT_TRUE(now.ok()) << now.status();
    ExpectSame(Expected(all, kMaxEventTime), Balances(now->rows));
    const EventTime as_of = watermark - kHistory + static_cast<int64_t>(random() % 250);
    auto then = table.Read(as_of);
    ASSERT_TRUE(then.ok()) << then.status();
    ExpectSame(Expected(all, as_of), Balances(then->rows));
  }
}

TEST(StateTable, SumsAreRightNowAndAsOfAnyTimeOfTheHistory) {
  const uint64_t seed = TestSeed();
  for (uint64_t i = 0; i < 50; ++i) {
    for (const TableForm form : {TableForm::kSums, TableForm::kLatestSums}) {
      for (const int64_t min_fold_rows : {16, 1 << 20}) CheckSums(seed + i, form, min_fold_rows);
    }
  }
}

// Rows that replace each other, and rows that are added and taken back, hold the same table now.
void CheckNow(uint64_t seed, TableForm form, int64_t min_fold_rows) {
  SCOPED_TRACE(SeedText(seed));
  std::mt19937_64 random(seed);
  StateTable table({"balances", Schema(), {0}, form, false, 10, min_fold_rows});
  RunningSum sum;
  std::vector<Transaction> all;
  for (int round = 0; round < 60; ++round) {
    std::vector<Row> rows;
    for (uint64_t i = random() % 10; i > 0; --i) {
      const Transaction t{static_cast<int64_t>(random() % 7), 1 + static_cast<int64_t>(random() % 9),
                          round * 10 + static_cast<int64_t>(random() % 30)};
      sum.Add(t, form == TableForm::kChanges, &rows);
      all.push_back(t);
    }
    ASSERT_TRUE(table.Append(ToBatch(rows, form == TableForm::kChanges)).ok());
    table.SetWatermark(round * 10);
    auto now = table.Read(std::nullopt);
    ASSERT_TRUE(now.ok()) << now.status();
    EXPECT_EQ(Expected(all, kMaxEventTime), Balances(now->rows));
  }
}

TEST(StateTable, ChangesAndReplacementsAreRightNow) {
  const uint64_t seed = TestSeed();
  for (uint64_t i = 0; i < 50; ++i) {
    for (const TableForm form : {TableForm::kChanges, TableForm::kLatest}) {
      for (const int64_t min_fold_rows : {16, 1 << 20}) CheckNow(seed + i, form, min_fold_rows);
    }
  }
}

// Old rows are folded: a table of few keys stays small however long it lasts, and says how far back it can be asked.
TEST(StateTable, ForgetsWhatIsOlderThanTheHistory) {
  StateTable table({"balances", Schema(), {0}, TableForm::kLatestSums, false, 100, 64});
  for (int64_t i = 0; i < 20'000; i += 10) {
    std::vector<Row> rows;
    for (int64_t j = i; j < i + 10; ++j) rows.push_back({j % 3, j, j, 1});
    ASSERT_TRUE(table.Append(ToBatch(rows, false)).ok());
    table.SetWatermark(i);
  }
  EXPECT_LT(table.size_bytes(), 100'000);
  EXPECT_FALSE(table.Read(EventTime{5}).ok());
  EXPECT_EQ(Balances(table.Read(std::nullopt)->rows),
            (std::map<int64_t, int64_t>{{0, 19'998}, {1, 19'999}, {2, 19'997}}));
}

}  // namespace
}  // namespace weir
