// Batches under selections, slices and projections hold the rows that a plain copy would hold.
#include "batch/batch.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>
#include <gtest/gtest.h>

#include <random>

#include "batch/gather.h"
#include "batch/interleave.h"
#include "batch/json_rows.h"
#include "batch/print.h"
#include "batch/types.h"
#include "unit/test_seed.h"

namespace weir {
namespace {

Selection Rows(std::vector<int32_t> rows) {
  const auto count = static_cast<int64_t>(rows.size());
  return {arrow::Buffer::FromVector(std::move(rows)), count};
}

Int64Column Times(std::vector<int64_t> times) {
  return Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(times))));
}

std::vector<std::string> AllRows(const Batch& batch) {
  std::vector<std::string> out;
  for (int64_t i = 0; i < batch.num_rows(); ++i) {
    out.push_back(RowToJson(batch, i) + "@" + std::to_string(batch.event_time().at(i)));
  }
  return out;
}

Batch Sample() {
  Batch batch = MakeBatch("a: integer, s: string, l: array<integer>, o: object{x: number, y: string}, b: boolean",
                          R"([{"a": 1, "s": "one", "l": [1, 2], "o": {"x": 1.5, "y": "u"}, "b": true},
                              {"a": null, "s": "", "l": [], "o": {"x": null, "y": "v"}, "b": false},
                              {"a": 3, "s": null, "l": null, "o": null, "b": null},
                              {"a": -4, "s": "a text that is longer than thirty-two bytes, so it takes two steps", "l": [4],
                               "o": {"x": 4, "y": null}, "b": true}])");
  batch.set_event_time(Times({10, 20, 30, 40}));
  return batch;
}

TEST(Batch, SelectionsComposeAndColumnsFollow) {
  Batch once = Sample().Select(Rows({0, 2, 3}));
  EXPECT_EQ(once.num_rows(), 3);
  once.column(1);  // gathered now; the others stay pending
  Batch twice = once.Select(Rows({1, 2}));
  EXPECT_EQ(twice.num_rows(), 2);
  EXPECT_EQ(AllRows(twice), (std::vector<std::string>{AllRows(Sample())[2], AllRows(Sample())[3]}));
  EXPECT_EQ(AllRows(twice.Compact()), AllRows(twice));
  EXPECT_EQ(AllRows(once).size(), 3u);
}

TEST(Batch, SliceOfSelectionOfSlice) {
  Batch batch = Sample().Slice(1, 3).Select(Rows({0, 2})).Slice(1, 1);
  EXPECT_EQ(AllRows(batch), std::vector<std::string>{AllRows(Sample())[3]});
}

TEST(Batch, ProjectMixesPendingAndFreshColumns) {
  Batch batch = Sample().Select(Rows({0, 3}));
  Batch fresh = MakeBatch("n: integer", R"([{"n": 7}, {"n": 8}])");
  Batch out = batch.Project(SchemaFromText("n: integer, s: string").ValueOrDie(), {-1, 1}, {fresh.column(0)});
  EXPECT_EQ(RowToJson(out, 0), R"({"n": 7, "s": "one"})");
  EXPECT_EQ(out.event_time().at(1), 40);
}

TEST(Batch, PrunedColumnsStayPruned) {
  Batch sample = Sample();
  std::vector<ArrayDataPtr> columns(5);
  columns[0] = sample.column(0);
  Batch batch = sample.WithColumns(sample.schema(), columns).Select(Rows({1, 3}));
  EXPECT_TRUE(batch.is_pruned(1));
  EXPECT_EQ(batch.column(1), nullptr);
  EXPECT_EQ(RowToJson(batch, 1), R"({"a": -4})");
  EXPECT_EQ(batch.ToRecordBatch().ValueOrDie()->column(1)->null_count(), 2);
}

TEST(Batch, DictionarySurvivesSelectionAndPlainColumnDecodes) {
  Batch batch = DictionaryEncode(Sample(), 1).ValueOrDie().Select(Rows({0, 2}));
  EXPECT_EQ(batch.column(1)->type->id(), arrow::Type::DICTIONARY);
  EXPECT_EQ(batch.PlainColumn(1)->type->id(), arrow::Type::STRING);
  EXPECT_EQ(AllRows(batch), AllRows(Sample().Select(Rows({0, 2}))));
  EXPECT_EQ(batch.ToRecordBatch().ValueOrDie()->column(1)->null_count(), 1);
}

TEST(Batch, TimeWindowWeightPaneTravel) {
  Batch batch = Sample();
  batch.set_window(Times({0, 1, 2, 3}), Int64Column(100));
  batch.set_weight(Times({1, -1, 1, -1}));
  batch.set_pane({PaneTiming::kLate, 3, false, true});
  Batch out = batch.Select(Rows({1, 2, 3})).Slice(1, 2);
  EXPECT_TRUE(out.has_window() && out.has_weight());
  EXPECT_EQ(out.window_start().at(1), 3);
  EXPECT_EQ(out.window_end().at(1), 100);
  EXPECT_EQ(out.weight().at(0), 1);
  EXPECT_EQ(out.pane(), batch.pane());
  Batch joined = ConcatBatches(batch.schema(), std::vector<Batch>{batch, out}).ValueOrDie();
  EXPECT_EQ(joined.window_start().at(5), 3);
  EXPECT_EQ(joined.weight().at(4), 1);
}

TEST(Batch, FromRecordBatchWidensAndChecks) {
  auto schema = arrow::schema({arrow::field("u", arrow::uint64()), arrow::field("f", arrow::float32()),
                               arrow::field("t", arrow::timestamp(arrow::TimeUnit::SECOND)),
                               arrow::field("s", arrow::large_utf8())});
  auto make = [&](const std::string& u) {
    std::vector<std::shared_ptr<arrow::Array>> columns;
    for (const auto& field : schema->fields()) columns.push_back(arrow::MakeArrayOfNull(field->type(), 1).ValueOrDie());
    arrow::UInt64Builder builder;
    EXPECT_TRUE(builder.Append(std::stoull(u)).ok());
    columns[0] = builder.Finish().ValueOrDie();
    return Batch::FromRecordBatch(*arrow::RecordBatch::Make(schema, 1, columns));
  };
  Batch batch = make("9223372036854775807").ValueOrDie();
  EXPECT_EQ(RowToJson(batch, 0), R"({"u": 9223372036854775807, "f": null, "t": null, "s": null})");
  EXPECT_TRUE(batch.schema()->field(2)->type()->Equals(*TimestampType()));
  auto failed = make("9223372036854775808");
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.status().message().find("column 'u'"), std::string::npos) << failed.status().ToString();
}

TEST(Gather, RandomRowsMatchRowByRow) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    Batch batch = Sample();
    if (random() % 2) batch = DictionaryEncode(batch, 1).ValueOrDie();
    batch = batch.Slice(random() % 3, 1 + random() % 2);
    std::vector<int32_t> rows(random() % 40);
    bool nulls = random() % 2;
    for (int32_t& row : rows) row = static_cast<int32_t>(random() % (batch.num_rows() + nulls)) - nulls;
    for (int c = 0; c < batch.num_columns(); ++c) {
      ArrayDataPtr out = GatherColumn(batch.column(c), rows).ValueOrDie();
      ASSERT_TRUE(arrow::MakeArray(out)->ValidateFull().ok());
      for (size_t i = 0; i < rows.size(); ++i) {
        std::string got, want = "null";
        AppendJson(*out, static_cast<int64_t>(i), &got);
        if (rows[i] >= 0) want.clear(), AppendJson(*batch.column(c), rows[i], &want);
        ASSERT_EQ(got, want) << "column " << c << " row " << i;
      }
    }
  }
}

TEST(Gather, ConcatKeepsASharedDictionaryAndDecodesOthers) {
  Batch batch = DictionaryEncode(Sample(), 1).ValueOrDie();
  Batch same = ConcatBatches(batch.schema(), std::vector<Batch>{batch.Slice(0, 1), batch.Slice(2, 2)}).ValueOrDie();
  EXPECT_EQ(same.column(1)->type->id(), arrow::Type::DICTIONARY);
  Batch other = ConcatBatches(batch.schema(), std::vector<Batch>{batch, Sample()}).ValueOrDie();
  EXPECT_EQ(other.column(1)->type->id(), arrow::Type::STRING);
  EXPECT_EQ(AllRows(other)[3], AllRows(Sample())[3]);
  EXPECT_EQ(AllRows(other)[7], AllRows(Sample())[3]);
  EXPECT_EQ(ConcatBatches(batch.schema(), {}).ValueOrDie().num_rows(), 0);
}

TEST(Gather, AColumnPrunedInOneBatchIsPruned) {
  Batch whole = MakeBatch("a: integer, b: integer", R"([{"a": 1, "b": 2}])");
  Batch pruned(whole.schema(), {whole.column(0), nullptr}, 1);
  for (const auto& batches : {std::vector<Batch>{whole, pruned}, std::vector<Batch>{pruned, whole}}) {
    Batch joined = ConcatBatches(whole.schema(), batches).ValueOrDie();
    EXPECT_TRUE(joined.is_pruned(1));
    EXPECT_EQ(RowToJson(joined, 1), R"({"a": 1})");
    Batch picked = InterleaveRows(batches, std::vector<RowRef>{{1, 0}, {0, 0}, {1, 0}}).ValueOrDie();
    EXPECT_TRUE(picked.is_pruned(1));
    EXPECT_EQ(picked.num_rows(), 3);
  }
}

/// `rows` under `dictionary`; negative: null, with an index that lies outside of it.
ArrayDataPtr Encoded(const ArrayDataPtr& dictionary, std::vector<int32_t> rows) {
  std::vector<bool> valid;
  int64_t nulls = 0;
  for (int32_t& row : rows) {
    valid.push_back(row >= 0);
    nulls += row < 0;
    if (row < 0) row = 1000;
  }
  const auto count = static_cast<int64_t>(rows.size());
  BufferPtr bitmap = arrow::AllocateEmptyBitmap(count).ValueOrDie();
  for (int64_t i = 0; i < count; ++i) arrow::bit_util::SetBitTo(bitmap->mutable_data(), i, valid[i]);
  auto data = arrow::ArrayData::Make(
      DictionaryType(), count, {nulls > 0 ? bitmap : nullptr, BufferPtr(arrow::Buffer::FromVector(std::move(rows)))},
      nulls);
  data->dictionary = dictionary;
  return data;
}

// A sort holds rows of many row groups, each with a dictionary of its own: they are read where they are, not decoded.
TEST(Batch, InterleavingReadsDictionariesAndKeepsASharedOne) {
  const Batch texts = MakeBatch("s: string", R"([{"s": "x"}, {"s": ""}, {"s": "zz"}])");
  const Batch others = MakeBatch("s: string", R"([{"s": "other"}])");
  const Batch a(texts.schema(), {Encoded(texts.column(0), {2, -1, 0, 1})}, 4);
  const Batch b(texts.schema(), {Encoded(texts.column(0), {0, 0})}, 2);
  const Batch c(texts.schema(), {Encoded(others.column(0), {-1, 0})}, 2);
  const auto pick = [](std::vector<Batch> batches, std::vector<RowRef> rows) {
    return InterleaveRows(batches, rows).ValueOrDie();
  };
  const auto shown = [](const Batch& batch) {
    std::string out;
    for (int64_t i = 0; i < batch.num_rows(); ++i) out += RowToJson(batch, i);
    return out;
  };
  const Batch shared = pick({a, b.Slice(1, 1)}, {{1, 0}, {0, 1}, {0, 0}});
  EXPECT_EQ(shared.column(0)->dictionary, texts.column(0));
  EXPECT_EQ(shown(shared), R"({"s": "x"}{"s": null}{"s": "zz"})");
  const std::string mixed = R"({"s": "other"}{"s": null}{"s": ""}{"s": "zz"}{"s": null})";
  EXPECT_EQ(shown(pick({a.Slice(1, 3), c, a}, {{1, 1}, {1, 0}, {0, 2}, {2, 0}, {0, 0}})), mixed);
  EXPECT_EQ(shown(pick({a.Slice(1, 3), c, texts}, {{1, 1}, {1, 0}, {0, 2}, {2, 2}, {0, 0}})), mixed);
}

TEST(Batch, SizeCountsTheSliceNotTheBuffer) {
  Batch batch = MakeBatch("a: integer", R"([{"a": 1}, {"a": 2}, {"a": 3}, {"a": 4}])");
  EXPECT_EQ(batch.size_bytes(), 32);
  EXPECT_EQ(batch.Slice(1, 2).size_bytes(), 16);
  EXPECT_EQ(batch.Select(Rows({1})).size_bytes(), 8);
}

}  // namespace
}  // namespace weir
