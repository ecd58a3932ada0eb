// Group numbers agree with a map over the printed keys, whatever the types, the packing and the order.
#include "state/hash/group_table.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <unordered_map>

#include "state/hash/hash.h"
#include "state/hash/row_bytes.h"
#include "unit/state/random_rows.h"
#include "unit/test_seed.h"

namespace weir {
namespace {

using testing::RandomRows;

std::string KeyText(const std::vector<ArrayDataPtr>& keys, int64_t row) {
  std::string out;
  for (const auto& key : keys) AppendRowBytes(*key, row, &out);
  return out;
}

bool HasNull(const std::vector<ArrayDataPtr>& keys, int64_t row) {
  for (const auto& key : keys) {
    if (key->type->id() == arrow::Type::NA || key->IsNull(row)) return true;
  }
  return false;
}

/// Which group the table gave to which key.
class Reference {
 public:
  /// False when the key has another group already, or the group another key.
  bool Add(const std::string& key, uint32_t group) {
    const bool known = numbers_.contains(key);
    if (!known && !groups_.insert(group).second) return false;
    return numbers_.emplace(key, group).first->second == group;
  }
  uint32_t Find(const std::string& key) const {
    auto found = numbers_.find(key);
    return found == numbers_.end() ? kNoGroup : found->second;
  }
  size_t size() const { return numbers_.size(); }

 private:
  std::unordered_map<std::string, uint32_t> numbers_;
  std::set<uint32_t> groups_;
};

void CheckKeyColumns(const GroupTable& table, const Reference& reference) {
  ASSERT_EQ(table.num_groups(), reference.size());
  const uint32_t half = table.num_groups() / 2;
  for (auto [begin, end] : {std::pair{0u, half}, std::pair{half, table.num_groups()}}) {
    auto columns = table.KeyColumns(begin, end).ValueOrDie();
    for (const auto& column : columns) ASSERT_TRUE(arrow::MakeArray(column)->ValidateFull().ok());
    for (uint32_t i = begin; i < end; ++i) ASSERT_EQ(reference.Find(KeyText(columns, i - begin)), i);
  }
}

TEST(GroupTable, RandomKeysMatchAMap) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  RandomRows random(seed);
  for (int round = 0; round < 150; ++round) {
    std::vector<TypePtr> types(random.Below(5));
    for (auto& type : types) type = random.KeyType();
    GroupTable table(types);
    GroupTable::Scratch scratch;
    Reference reference;
    auto check_find = [&](const std::vector<ArrayDataPtr>& keys, int64_t rows) {
      std::vector<uint32_t> found(rows);
      ASSERT_TRUE(table.Find(keys, rows, &scratch, found.data()).ok());
      for (int64_t i = 0; i < rows; ++i) {
        ASSERT_EQ(found[i], HasNull(keys, i) ? kNoGroup : reference.Find(KeyText(keys, i))) << table.Method();
      }
    };
    std::vector<ArrayDataPtr> last;
    int64_t last_rows = 0;
    for (int batch = 0; batch < 5; ++batch) {
      const auto rows = static_cast<int64_t>(random.Below(2000));
      const bool nulls = random.Below(2);
      const int64_t spread = random.Below(3) == 0 ? int64_t{1} << random.Below(62) : 1;
      std::vector<ArrayDataPtr> keys;
      for (const auto& type : types) keys.push_back(random.Column(type, rows, 1 + random.Below(300), nulls, spread));
      std::vector<uint32_t> groups(rows);
      ASSERT_NO_FATAL_FAILURE(check_find(keys, rows));
      ASSERT_TRUE(table.Lookup(keys, rows, groups.data()).ok());
      for (int64_t i = 0; i < rows; ++i) {
        ASSERT_TRUE(reference.Add(KeyText(keys, i), groups[i])) << table.Method() << " row " << i;
      }
      last = std::move(keys);
      last_rows = rows;
    }
    CheckKeyColumns(table, reference);
    table.Freeze();
    ASSERT_NO_FATAL_FAILURE(check_find(last, last_rows));
    for (int batch = 0; batch < 3; ++batch) {
      std::vector<ArrayDataPtr> keys;
      for (const auto& type : types) keys.push_back(random.Column(type, 500, 1 + random.Below(300), true, 1));
      ASSERT_NO_FATAL_FAILURE(check_find(keys, 500));
    }
    const int64_t bytes = table.size_bytes();
    table.EndLookups();
    EXPECT_LE(table.size_bytes(), bytes);
    CheckKeyColumns(table, reference);
    table.Clear();
    EXPECT_EQ(table.num_groups(), 0u);
  }
}

TEST(IntTable, ChangesBetweenDirectAndHashKeepNumbers) {
  IntTable table;
  std::vector<int64_t> keys(100000);
  std::vector<uint32_t> numbers(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) keys[i] = static_cast<int64_t>(i * 7919 % keys.size());
  table.Lookup(keys.data(), 1000, numbers.data());
  EXPECT_TRUE(table.is_direct());
  std::vector<int64_t> far = {int64_t{1} << 60, std::numeric_limits<int64_t>::min(),
                              std::numeric_limits<int64_t>::max()};
  table.Lookup(far.data(), 3, numbers.data());
  EXPECT_FALSE(table.is_direct());
  EXPECT_EQ(numbers[2], 1002u);
  table.Lookup(keys.data(), static_cast<int64_t>(keys.size()), numbers.data());
  EXPECT_EQ(table.size(), keys.size() + 3);
  for (size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(table.keys()[numbers[i]], keys[i]);

  IntTable downwards;
  for (int64_t high = 50; high > -50; --high) {
    std::vector<int64_t> block(2000);
    for (size_t i = 0; i < block.size(); ++i) block[i] = high * 2000 - static_cast<int64_t>(i);
    downwards.Lookup(block.data(), 2000, numbers.data());
    for (size_t i = 0; i < block.size(); ++i) ASSERT_EQ(downwards.keys()[numbers[i]], block[i]);
  }
  EXPECT_TRUE(downwards.is_direct());
  EXPECT_EQ(downwards.size(), 200000u);
}

TEST(KeyHasher, EqualKeysHashEqualInEveryForm) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  RandomRows random(seed);
  KeyHasher hasher;
  std::map<std::string, uint64_t> known;
  for (int round = 0; round < 30; ++round) {
    std::vector<ArrayDataPtr> keys = {random.Column(arrow::utf8(), 500, 200, true),
                                      random.Column(arrow::float64(), 500, 5, true)};
    std::vector<uint64_t> hashes(500);
    ASSERT_TRUE(hasher.Hash(keys, 500, hashes.data()).ok());
    for (int64_t i = 0; i < 500; ++i) {
      EXPECT_EQ(known.emplace(KeyText(keys, i), hashes[i]).first->second, hashes[i]);
    }
  }
  std::set<uint64_t> distinct;
  for (const auto& [key, h] : known) distinct.insert(h);
  EXPECT_EQ(distinct.size(), known.size());
}

TEST(KeyHasher, IsWhatFilesWereWrittenWith) {
  Batch batch = MakeBatch("i: integer, s: string", R"([{"i": 42, "s": "weir"}, {"i": null, "s": ""}])");
  uint64_t hashes[2];
  ASSERT_TRUE(KeyHasher().Hash({batch.column(0), batch.column(1)}, 2, hashes).ok());
  EXPECT_EQ(hashes[0], 17056176265966965489u);
  EXPECT_EQ(hashes[1], 9300629773553294575u);
}

TEST(RowBytes, RoundTrip) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  RandomRows random(seed);
  for (int round = 0; round < 60; ++round) {
    TypePtr type = random.Below(4) == 0 ? arrow::map(arrow::utf8(), arrow::list(arrow::date32())) : random.KeyType();
    ArrayDataPtr column =
        type->id() == arrow::Type::MAP
            ? MakeBatch("m: map<array<date>>",
                        R"([{"m": [["a", ["2020-01-01", null]], ["b", []]]}, {"m": []}, {"m": null}])")
                  .column(0)
            : random.Column(type, 100, 20, true);
    auto bytes = ColumnAsRowBytes(*column).ValueOrDie();
    auto back = ColumnFromRowBytes(type, *bytes).ValueOrDie();
    auto again = ColumnAsRowBytes(*back).ValueOrDie();
    EXPECT_TRUE(arrow::MakeArray(again)->Equals(arrow::MakeArray(bytes))) << type->ToString();
  }
}

}  // namespace
}  // namespace weir
