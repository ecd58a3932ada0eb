// Values and rows that come and go, against plain maps: long enough that most are forgotten again and again.
#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "state/aggregate/aggregate_states.h"
#include "state/changes/ranked_rows.h"
#include "unit/test_seed.h"

namespace weir {
namespace {

constexpr int kBatches = 120, kRows = 300, kGroups = 3;

/// Long ones share their beginning, so that the order needs more than a prefix.
std::string TextOf(int64_t value) {
  return (value % 2 == 0 ? "a rather long beginning of " : "") + std::to_string(value);
}

struct Changes {
  std::vector<uint32_t> groups;
  std::vector<int64_t> values, weights;
};

/// Values are nearly always new, and gone within a few batches; some are taken back before they come.
class Source {
 public:
  explicit Source(uint64_t seed) : random_(seed) {}
  Changes Next() {
    Changes out;
    for (int i = 0; i < kRows; ++i) {
      if (!open_.empty() && random_() % 100 < 49) {
        const size_t at = random_() % open_.size();
        Add(open_[at].first, open_[at].second, &out);
        open_[at] = open_.back();
        open_.pop_back();
        continue;
      }
      const std::pair<uint32_t, int64_t> entry(random_() % kGroups, static_cast<int64_t>(random_() % 100000));
      const int64_t weight = random_() % 10 == 0 ? -1 : 1 + static_cast<int64_t>(random_() % 2);
      Add(entry, weight, &out);
      if (random_() % 50 != 0) open_.emplace_back(entry, -weight);
    }
    return out;
  }
  std::map<std::pair<uint32_t, int64_t>, int64_t> counts;

 private:
  void Add(const std::pair<uint32_t, int64_t>& entry, int64_t weight, Changes* out) {
    out->groups.push_back(entry.first);
    out->values.push_back(entry.second);
    out->weights.push_back(weight);
    counts[entry] += weight;
  }
  std::mt19937_64 random_;
  std::vector<std::pair<std::pair<uint32_t, int64_t>, int64_t>> open_;
};

ArrayDataPtr Integers(const std::vector<int64_t>& values) {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return (*builder.Finish())->data();
}

ArrayDataPtr Texts(const std::vector<int64_t>& values) {
  arrow::StringBuilder builder;
  for (int64_t value : values) EXPECT_TRUE(builder.Append(TextOf(value)).ok());
  return (*builder.Finish())->data();
}

AggregateCall CallOf(const char* name, const TypePtr& type) {
  return {RetractingForm(*FindAggregateFunction(name)), type};
}

void ExpectResults(const std::vector<ArrayDataPtr>& results, const Source& source) {
  for (uint32_t group = 0; group < kGroups; ++group) {
    std::set<int64_t> there;
    std::set<std::string> texts;
    for (const auto& [entry, count] : source.counts) {
      if (entry.first != group || count <= 0) continue;
      there.insert(entry.second);
      texts.insert(TextOf(entry.second));
    }
    const auto integer = [&](int column) { return results[column]->GetValues<int64_t>(1)[group]; };
    const auto text = [&](int column) { return arrow::StringArray(results[column]).GetString(group); };
    ASSERT_EQ(results[0]->IsNull(group), there.empty());
    ASSERT_EQ(integer(4), static_cast<int64_t>(there.size()));
    if (there.empty()) continue;
    ASSERT_EQ(integer(0), *there.begin());
    ASSERT_EQ(integer(1), *there.rbegin());
    ASSERT_EQ(text(2), *texts.begin());
    ASSERT_EQ(text(3), *texts.rbegin());
  }
}

TEST(Changes, AggregatesTakeValuesBack) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  Source source(seed);
  const std::vector<AggregateCall> calls{CallOf("min", arrow::int64()), CallOf("max", arrow::int64()),
                                         CallOf("min", arrow::utf8()), CallOf("max", arrow::utf8()),
                                         CallOf("count_distinct", arrow::int64())};
  auto states = *AggregateStates::Make(calls);
  for (int batch = 0; batch < kBatches; ++batch) {
    const Changes changes = source.Next();
    const ArrayDataPtr integers = Integers(changes.values), texts = Texts(changes.values);
    const std::vector<ArrayDataPtr> values{integers, integers, texts, texts, integers};
    ASSERT_TRUE(states.Update(changes.groups.data(), kGroups, values, changes.weights.data(), kRows).ok());
    std::vector<RowError> errors;
    ASSERT_NO_FATAL_FAILURE(ExpectResults(*states.Finish(0, kGroups, &errors), source));
    if (batch % 20 != 19) continue;
    // What another object makes of the partial states is the same.
    auto other = *AggregateStates::Make(calls);
    const std::vector<uint32_t> groups{0, 1, 2};
    ASSERT_TRUE(other.Merge(groups.data(), kGroups, *states.Partial(0, kGroups), kGroups).ok());
    ASSERT_NO_FATAL_FAILURE(ExpectResults(*other.Finish(0, kGroups, &errors), source));
    if (batch % 40 == 39) states = std::move(other);
  }
}

/// What a group shows: values with their counts, the least first, of which three are shown.
std::map<std::pair<uint32_t, int64_t>, int64_t> FirstThree(const Source& source, bool append_only) {
  std::map<std::pair<uint32_t, int64_t>, int64_t> out;
  std::vector<int64_t> left(kGroups, 3);
  for (const auto& [entry, count] : source.counts) {
    const int64_t share = std::min(left[entry.first], append_only ? std::abs(count) : std::max<int64_t>(count, 0));
    if (share > 0) out[entry] = share;
    left[entry.first] -= share;
  }
  return out;
}

void RunRankedRows(bool append_only) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  Source source(seed);
  const auto schema = arrow::schema({arrow::field("group", arrow::int64()), arrow::field("value", arrow::int64())});
  RankedRows ranked(schema, {{0}, {SortKey{1}}, 3, !append_only});
  std::map<std::pair<uint32_t, int64_t>, int64_t> shown, all;
  for (int batch = 0; batch < kBatches; ++batch) {
    Changes changes = source.Next();
    if (append_only) {  // each change is a row more
      source.counts.clear();
      for (int i = 0; i < kRows; ++i) ++all[{changes.groups[i], changes.values[i]}];
      source.counts = all;
    }
    Batch rows(schema,
               {Integers(std::vector<int64_t>(changes.groups.begin(), changes.groups.end())), Integers(changes.values)},
               kRows);
    rows.set_event_time(Int64Column(batch));
    if (!append_only) rows.set_weight(Int64Column(BufferPtr(arrow::Buffer::FromVector(changes.weights))));
    ASSERT_TRUE(ranked.Add(rows).ok());
    const auto out = *ranked.TakeChanges(true);
    for (int64_t i = 0; out && i < out->num_rows(); ++i) {
      ASSERT_EQ(out->event_time().at(i), batch);
      const auto group = static_cast<uint32_t>(out->column(0)->GetValues<int64_t>(1)[i]);
      const std::pair entry(group, out->column(1)->GetValues<int64_t>(1)[i]);
      shown[entry] += out->weight().at(i);
      if (shown[entry] == 0) shown.erase(entry);
    }
    ASSERT_EQ(shown, FirstThree(source, append_only)) << "batch " << batch;
  }
}

TEST(Changes, RankedRowsThatAreTakenBack) { RunRankedRows(false); }
TEST(Changes, RankedRowsThatOnlyCome) { RunRankedRows(true); }

}  // namespace
}  // namespace weir
