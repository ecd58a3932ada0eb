// Aggregates agree with a row-by-row reference, however the rows are cut, merged and spilled.
#include "state/aggregate/aggregate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "env/env.h"
#include "env/temp_directory.h"
#include "state/aggregate/spilling_aggregator.h"
#include "state/hash/row_bytes.h"
#include "unit/state/random_rows.h"
#include "unit/test_seed.h"

namespace weir {
namespace {

using testing::RandomRows;

using Columns = std::vector<ArrayDataPtr>;
using Results = std::map<std::string, std::vector<std::string>>;  // key → text of every result

struct Rows {
  Columns keys, values;
  int64_t rows = 0;
};

/// A value as text; lists as their sorted items, since no order is promised.
std::string TextOf(const arrow::ArrayData& column, int64_t row) {
  std::string out;
  if (column.type->id() != arrow::Type::LIST || column.IsNull(row)) {
    AppendJson(column, row, &out);
    return out;
  }
  std::vector<std::string> items;
  const auto* offsets = column.GetValues<int32_t>(1) + row;
  for (int32_t i = offsets[0]; i < offsets[1]; ++i) {
    items.emplace_back();
    AppendJson(*column.child_data[0], i, &items.back());
  }
  std::sort(items.begin(), items.end());
  for (const auto& item : items) out += item + ";";
  return out;
}

/// Equality whose failure shows the first difference only.
::testing::AssertionResult Same(const Results& got, const Results& want) {
  if (got.size() != want.size()) return ::testing::AssertionFailure() << got.size() << " groups, not " << want.size();
  for (const auto& [key, texts] : want) {
    auto found = got.find(key);
    if (found == got.end()) return ::testing::AssertionFailure() << "a group is missing";
    for (size_t i = 0; i < texts.size(); ++i) {
      if (found->second[i] != texts[i]) {
        return ::testing::AssertionFailure() << "result " << i << ": " << found->second[i] << ", not " << texts[i];
      }
    }
  }
  return ::testing::AssertionSuccess();
}

std::string KeyText(const Columns& keys, int64_t row) {
  std::string out;
  for (const auto& key : keys) AppendRowBytes(*key, row, &out);
  return out;
}

Results Drain(SpillingAggregator* aggregator, size_t num_keys) {
  Results out;
  while (true) {
    std::vector<RowError> errors;
    auto batch = aggregator->Next(&errors).ValueOrDie();
    EXPECT_TRUE(errors.empty());
    if (!batch) return out;
    Columns columns;
    for (int i = 0; i < batch->num_columns(); ++i) {
      columns.push_back(batch->column(i));
      EXPECT_TRUE(arrow::MakeArray(columns.back())->ValidateFull().ok());
    }
    const Columns keys(columns.begin(), columns.begin() + num_keys);
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      std::vector<std::string> texts;
      for (size_t c = num_keys; c < columns.size(); ++c) texts.push_back(TextOf(*columns[c], row));
      EXPECT_TRUE(out.emplace(KeyText(keys, row), texts).second) << "a group came twice";
    }
  }
}

struct Grouping {
  std::vector<TypePtr> key_types;
  std::vector<AggregateCall> calls;
  std::vector<int> value_of;  // column of each call
  std::string temp_dir;
  MemoryBudget* memory = nullptr;

  std::unique_ptr<SpillingAggregator> Make() const {
    return SpillingAggregator::Make(key_types, calls, {temp_dir, memory, 777}).ValueOrDie();
  }
  Columns Values(const Rows& rows) const {
    Columns out;
    for (int c : value_of) out.push_back(rows.values[c]);
    return out;
  }
};

/// Columns x: integer, d: number, s: string, b: boolean, l: list, m: decimal.
const std::vector<TypePtr>& ValueTypes() {
  static const std::vector<TypePtr> kTypes = {
      arrow::int64(),          arrow::float64(), arrow::utf8(), arrow::boolean(), arrow::list(arrow::int64()),
      arrow::decimal128(10, 2)};
  return kTypes;
}

Rows RandomInput(RandomRows* random, const std::vector<TypePtr>& key_types, int64_t count, uint64_t distinct) {
  Rows out;
  out.rows = count;
  for (const auto& type : key_types) out.keys.push_back(random->Column(type, count, distinct, true));
  for (const auto& type : ValueTypes()) {
    out.values.push_back(DecodeDictionary(random->Column(type, count, 1000, true)).ValueOrDie());
  }
  return out;
}

void AddAllCalls(Grouping* setup) {
  for (const AggregateFunction& function : AggregateFunctions()) {
    for (size_t c = 0; c < ValueTypes().size(); ++c) {
      const std::string name = function.name;
      if (name == "variance" || name == "stddev") continue;  // rounding depends on the order
      if (!function.make(ValueTypes()[c]).ok()) continue;
      setup->calls.push_back({&function, ValueTypes()[c]});
      setup->value_of.push_back(static_cast<int>(c));
    }
  }
}

/// What each function gives, the slow way, for the integer column.
Results ReferenceOfIntegers(const std::vector<Rows>& input, const std::vector<std::string>& functions) {
  std::map<std::string, std::pair<int64_t, std::vector<int64_t>>> groups;
  for (const Rows& rows : input) {
    for (int64_t i = 0; i < rows.rows; ++i) {
      auto& [count, values] = groups[KeyText(rows.keys, i)];
      ++count;
      if (!rows.values[0]->IsNull(i)) values.push_back(rows.values[0]->GetValues<int64_t>(1)[i]);
    }
  }
  Results out;
  for (const auto& [key, group] : groups) {
    const auto& [count, values] = group;
    int64_t sum = 0, trues = 0;
    for (int64_t v : values) sum += v, trues += v != 0;
    for (const std::string& function : functions) {
      std::string text = "null";
      if (function == "count") text = std::to_string(count);
      if (function == "count_distinct") text = std::to_string(std::set<int64_t>(values.begin(), values.end()).size());
      if (!values.empty()) {
        if (function == "sum") text = std::to_string(sum);
        if (function == "min") text = std::to_string(*std::min_element(values.begin(), values.end()));
        if (function == "max") text = std::to_string(*std::max_element(values.begin(), values.end()));
        if (function == "mean") text = FormatDouble(static_cast<double>(sum) / static_cast<double>(values.size()));
        if (function == "all") text = trues == static_cast<int64_t>(values.size()) ? "true" : "false";
        if (function == "any") text = trues > 0 ? "true" : "false";
      }
      out[key].push_back(text);
    }
  }
  return out;
}

TEST(Aggregate, IntegersMatchTheReference) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  RandomRows random(seed);
  const std::vector<std::string> functions = {"sum", "max", "min", "all", "any", "mean", "count", "count_distinct"};
  for (int round = 0; round < 30; ++round) {
    Grouping setup;
    setup.key_types.resize(random.Below(3));
    for (auto& type : setup.key_types) type = random.KeyType();
    for (const auto& name : functions) {
      setup.calls.push_back({FindAggregateFunction(name), arrow::int64()});
      setup.value_of.push_back(0);
    }
    auto aggregator = setup.Make();
    std::vector<Rows> input;
    for (int b = 0; b < 4; ++b) {
      input.push_back(
          RandomInput(&random, setup.key_types, static_cast<int64_t>(random.Below(500)), 1 + random.Below(50)));
      ASSERT_TRUE(aggregator->Update(input[b].keys, setup.Values(input[b]), nullptr, input[b].rows).ok());
    }
    ASSERT_TRUE(Same(Drain(aggregator.get(), setup.key_types.size()), ReferenceOfIntegers(input, functions)));
  }
}

/// The rows through two partial aggregators and a final one, as an exchange does it.
Results ThroughPartials(const Grouping& setup, const std::vector<Rows>& input) {
  std::vector<std::unique_ptr<GroupAggregator>> partial;
  for (int i = 0; i < 2; ++i) partial.push_back(GroupAggregator::Make(setup.key_types, setup.calls).ValueOrDie());
  for (size_t b = 0; b < input.size(); ++b) {
    EXPECT_TRUE(partial[b % 2]->Update(input[b].keys, setup.Values(input[b]), nullptr, input[b].rows).ok());
  }
  auto last = setup.Make();
  for (auto& from : partial) {
    for (uint32_t begin = 0; begin < from->num_groups(); begin += 100) {
      const uint32_t end = std::min(begin + 100, from->num_groups());
      Columns columns = from->Partial(begin, end).ValueOrDie();
      const Columns keys(columns.begin(), columns.begin() + setup.key_types.size());
      columns.erase(columns.begin(), columns.begin() + setup.key_types.size());
      EXPECT_TRUE(last->Merge(keys, columns, end - begin).ok());
    }
  }
  return Drain(last.get(), setup.key_types.size());
}

TEST(Aggregate, PartialsAndSpillingChangeNothing) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  RandomRows random(seed);
  auto directory = TempDirectory::Create(Env::Real()).ValueOrDie();
  for (int round = 0; round < 12; ++round) {
    Grouping setup;
    setup.temp_dir = directory->path();
    setup.key_types.resize(random.Below(3));
    for (auto& type : setup.key_types) type = random.KeyType();
    AddAllCalls(&setup);
    std::vector<Rows> input;
    for (int b = 0; b < 6; ++b) {
      input.push_back(
          RandomInput(&random, setup.key_types, static_cast<int64_t>(random.Below(2000)), 1 + random.Below(3000)));
    }
    auto aggregator = setup.Make();
    for (const Rows& rows : input)
      ASSERT_TRUE(aggregator->Update(rows.keys, setup.Values(rows), nullptr, rows.rows).ok());
    const Results expected = Drain(aggregator.get(), setup.key_types.size());
    ASSERT_TRUE(Same(ThroughPartials(setup, input), expected));

    auto budget = MemoryBudget::Fixed(int64_t{1} << (14 + random.Below(8)));
    setup.memory = budget.get();
    auto spilling = setup.Make();
    for (const Rows& rows : input)
      ASSERT_TRUE(spilling->Update(rows.keys, setup.Values(rows), nullptr, rows.rows).ok());
    ASSERT_TRUE(Same(Drain(spilling.get(), setup.key_types.size()), expected)) << "budget " << budget->limit_bytes();
    if (budget->limit_bytes() < 1 << 16 && expected.size() > 500) {
      EXPECT_GT(spilling->spilled_bytes(), 0);
    }
    EXPECT_EQ(budget->state_bytes(), 0);
  }
}

TEST(Aggregate, ManyGroupsSpillInSeveralRounds) {
  auto directory = TempDirectory::Create(Env::Real()).ValueOrDie();
  auto budget = MemoryBudget::Fixed(1 << 20);
  auto aggregator = SpillingAggregator::Make({arrow::int64()}, {{FindAggregateFunction("sum"), arrow::int64()}},
                                             {directory->path(), budget.get(), 8192})
                        .ValueOrDie();
  constexpr int64_t kGroups = 400000, kRows = 8000;
  for (int64_t begin = 0; begin < 2 * kGroups; begin += kRows) {
    std::vector<int64_t> keys(kRows);
    for (int64_t i = 0; i < kRows; ++i) keys[i] = (begin + i) * 7919 % kGroups * 1000003;
    auto column =
        arrow::ArrayData::Make(arrow::int64(), kRows, {nullptr, arrow::Buffer::FromVector(std::move(keys))}, 0);
    ASSERT_TRUE(aggregator->Update({column}, {column}, nullptr, kRows).ok());
  }
  int64_t groups = 0;
  std::vector<RowError> errors;
  while (auto batch = aggregator->Next(&errors).ValueOrDie()) {
    const auto* keys = batch->column(0)->GetValues<int64_t>(1);
    const auto* sums = batch->column(1)->GetValues<int64_t>(1);
    for (int64_t i = 0; i < batch->num_rows(); ++i) ASSERT_EQ(sums[i], 2 * keys[i]);
    groups += batch->num_rows();
  }
  EXPECT_EQ(groups, kGroups);
  EXPECT_GT(aggregator->spilled_bytes(), 4 << 20);
}

TEST(Aggregate, OverflowIsAnErrorOfItsGroupAndOrderCannotMatter) {
  auto aggregator =
      SpillingAggregator::Make({arrow::int64()}, {{FindAggregateFunction("sum"), arrow::int64()}}, {}).ValueOrDie();
  Batch rows = MakeBatch("k: integer, v: integer",
                         R"([{"k": 1, "v": 9223372036854775807}, {"k": 2, "v": 9223372036854775807}, {"k": 2, "v": 1},
                             {"k": 1, "v": 5}, {"k": 1, "v": -5}, {"k": 3, "v": -9223372036854775808}])");
  ASSERT_TRUE(aggregator->Update({rows.column(0)}, {rows.column(1)}, nullptr, rows.num_rows()).ok());
  std::vector<RowError> errors;
  auto batch = aggregator->Next(&errors).ValueOrDie();
  EXPECT_EQ(TextOf(*batch->column(1), 0), "9223372036854775807");
  EXPECT_EQ(TextOf(*batch->column(1), 1), "null");
  EXPECT_EQ(TextOf(*batch->column(1), 2), "-9223372036854775808");
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].row, 1);
  EXPECT_EQ(errors[0].message, "the sum 9223372036854775808 does not fit into 64 bits");
}

TEST(Aggregate, WeightsTakeRowsBack) {
  Grouping setup;
  setup.key_types = {};
  for (const char* name : {"sum", "count", "mean", "all"})
    setup.calls.push_back({FindAggregateFunction(name), arrow::int64()});
  auto aggregator = setup.Make();
  Batch rows = MakeBatch("v: integer", R"([{"v": 1}, {"v": 0}, {"v": 7}, {"v": 0}])");
  const int64_t weights[] = {1, 1, 3, -1};
  const Columns values(4, rows.column(0));
  ASSERT_TRUE(aggregator->Update({}, values, weights, 4).ok());
  EXPECT_EQ(Drain(aggregator.get(), 0), (Results{{"", {"22", "4", "5.5", "true"}}}));
  auto max = SpillingAggregator::Make({}, {{FindAggregateFunction("max"), arrow::int64()}}, {}).ValueOrDie();
  EXPECT_FALSE(max->Update({}, {rows.column(0)}, weights, 4).ok());
}

TEST(Aggregate, VarianceOfASample) {
  Grouping setup;
  setup.calls = {{FindAggregateFunction("variance"), arrow::float64()},
                 {FindAggregateFunction("stddev"), arrow::float64()}};
  setup.value_of = {0, 0};
  Batch rows = MakeBatch(
      "v: number", R"([{"v": 2}, {"v": 4}, {"v": 4}, {"v": 4}, {"v": 5}, {"v": 5}, {"v": 7}, {"v": 9}, {"v": null}])");
  Rows all{{}, {rows.column(0)}, rows.num_rows()};
  auto columns = Drain(setup.Make().get(), 0);
  EXPECT_TRUE(columns.empty());
  std::vector<Rows> halves = {{{}, {rows.column(0)->Slice(0, 3)}, 3}, {{}, {rows.column(0)->Slice(3, 6)}, 6}};
  const Results got = ThroughPartials(setup, halves);
  EXPECT_NEAR(std::stod(got.at("")[0]), 32.0 / 7, 1e-12);
  EXPECT_NEAR(std::stod(got.at("")[1]), std::sqrt(32.0 / 7), 1e-12);
}

TEST(Aggregate, TypeMistakesSayWhatIsNeeded) {
  EXPECT_EQ(FindAggregateFunction("sum")->make(arrow::utf8()).status().message(), "sum needs numbers, not string");
  EXPECT_EQ(FindAggregateFunction("concat")->make(arrow::int64()).status().message(),
            "concat needs arrays, not integer");
  EXPECT_EQ(FindAggregateFunction("mean")->make(arrow::date32()).status().message(), "mean needs numbers, not date");
  EXPECT_EQ(FindAggregateFunction("median"), nullptr);
}

TEST(MemoryBudget, TheOneWhoHoldsItsShareSpills) {
  auto budget = MemoryBudget::Fixed(100 << 20);
  MemoryReservation big(budget.get()), small(budget.get()), unlimited(nullptr);
  big.Set(80 << 20);
  small.Set(1 << 20);
  EXPECT_FALSE(big.ShouldSpill());
  EXPECT_TRUE(big.ShouldSpill(30 << 20));
  EXPECT_FALSE(small.ShouldSpill(20 << 20));
  big.Set(110 << 20);
  EXPECT_TRUE(big.ShouldSpill());
  EXPECT_FALSE(small.ShouldSpill());
  EXPECT_FALSE(unlimited.ShouldSpill(INT64_MAX / 2));
  big.Set(0);
  EXPECT_EQ(budget->state_bytes(), 1 << 20);

  // What one is about to add counts for the other, until it was added.
  small.Set(60 << 20);
  big.Set(10 << 20);
  EXPECT_FALSE(small.ShouldSpill(20 << 20));
  big.Announce(15 << 20);
  EXPECT_TRUE(small.ShouldSpill(20 << 20));
  EXPECT_EQ(budget->state_bytes(), 70 << 20);
  big.Set(12 << 20);
  EXPECT_FALSE(small.ShouldSpill(20 << 20));
}

}  // namespace
}  // namespace weir
