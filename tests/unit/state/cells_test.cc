// What goes into cells comes back: values to the bit, tables that are cut anywhere and go on in other lanes as if
// nothing had happened.
#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>

#include "state/cells/keyed_cells.h"
#include "state/cells/waiting_cells.h"
#include "state/changes/ranked_rows.h"
#include "state/hash/row_bytes.h"
#include "state/join/stream_table.h"
#include "unit/state/random_rows.h"

namespace weir {
namespace {

using testing::RandomRows;

/// What a log of epochs keeps: the last of each cell.
class Kept {
 public:
  void Take(const StateCells& changed) {
    for (int64_t i = 0; i < changed.size(); ++i) {
      const StateCell cell = changed.at(i);
      const auto key = std::tuple(cell.table, cell.group, std::string(cell.key));
      if (cell.deleted) {
        cells_.erase(key);
      } else {
        cells_[key] = cell.value;
      }
    }
  }
  StateCells OfLane(int lane, int lanes) const {
    StateCells out;
    for (const auto& [key, value] : cells_) {
      if (std::get<1>(key) * lanes / kKeyGroups == lane) {
        out.Put(std::get<0>(key), std::get<1>(key), std::get<2>(key), value);
      }
    }
    return out;
  }
  size_t size() const { return cells_.size(); }

 private:
  std::map<std::tuple<int, int, std::string>, std::string> cells_;
};

std::vector<int64_t> AllOf(const StateCells& cells) {
  std::vector<int64_t> all(static_cast<size_t>(cells.size()));
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int64_t>(i);
  return all;
}

std::string BytesOf(const Batch& batch, int64_t row) {
  std::string out;
  StateWriter writer(&out);
  AppendBatchRow(batch, row, &writer);
  return out;
}

TEST(RowState, ComesBackToTheBit) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  RandomRows random(seed);
  for (int round = 0; round < 60; ++round) {
    std::vector<TypePtr> types;
    std::vector<ArrayDataPtr> columns;
    for (uint64_t i = 0; i < 1 + random.Below(4); ++i) {
      types.push_back(random.KeyType());
      columns.push_back(random.Below(8) == 0 ? nullptr : random.Column(types.back(), 20, 15, true));
    }
    RowStateReader reader(types);
    std::string bytes;
    for (int64_t row = 0; row < 20; ++row) {
      bytes.clear();
      AppendRowState(columns, row, &bytes);
      ASSERT_TRUE(reader.Add(bytes).ok());
    }
    const auto read = reader.Finish().ValueOrDie();
    for (size_t i = 0; i < columns.size(); ++i) {
      ASSERT_EQ(columns[i] == nullptr, read[i] == nullptr);
      if (columns[i] == nullptr) continue;
      EXPECT_TRUE(read[i]->type->Equals(types[i]));
      for (int64_t row = 0; row < 20; ++row) {
        std::string before, after;
        AppendExactRowBytes(*columns[i], row, &before);
        AppendExactRowBytes(*read[i], row, &after);
        EXPECT_EQ(before, after) << types[i]->ToString();
      }
    }
  }
}

TEST(RowState, BytesThatEndTooSoonAreRefused) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  RandomRows random(seed);
  for (int round = 0; round < 60; ++round) {
    const TypePtr type = random.KeyType();
    std::string bytes;
    AppendRowState({random.Column(type, 1, 15, false)}, 0, &bytes);
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(RowStateReader({type}).Add(std::string_view(bytes).substr(0, size)).ok()) << type->ToString();
    }
    EXPECT_FALSE(RowStateReader({type}).Add(bytes + "x").ok());
  }
}

TEST(CellMarks, FollowNumbersThatChange) {
  CellMarks marks;
  marks.Mark(3);
  EXPECT_TRUE(marks.marked().empty()) << "off";
  marks.TurnOn();
  for (uint32_t number : {3u, 1u, 3u}) marks.Mark(number);
  EXPECT_EQ(std::vector<uint32_t>(marks.marked().begin(), marks.marked().end()), (std::vector<uint32_t>{3, 1}));
  marks.set_stored(3, true);
  marks.Done();
  marks.Renumber(std::vector<uint32_t>{9, 0, 9, 1}, 9);
  EXPECT_EQ(marks.Stored(), std::vector<uint32_t>{1});
  EXPECT_FALSE(marks.is_marked(1));
}

const SchemaPtr kSchema = arrow::schema({arrow::field("key", arrow::int64()), arrow::field("value", arrow::utf8())});

/// Rows of few keys and values, at times around `now`; with weights some go again.
Batch RandomBatch(RandomRows* random, EventTime now, bool weights) {
  const auto rows = static_cast<int64_t>(1 + random->Below(12));
  Batch batch(kSchema, {random->Column(arrow::int64(), rows, 9, true), random->Column(arrow::utf8(), rows, 4, true)},
              rows);
  std::vector<int64_t> times, counts;
  for (int64_t i = 0; i < rows; ++i) {
    times.push_back(now + static_cast<int64_t>(random->Below(20)));
    counts.push_back(random->Below(3) == 0 ? -1 : 1);
  }
  batch.set_event_time(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(times)))));
  if (weights) batch.set_weight(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(counts)))));
  return batch;
}

/// The rows of a batch that a lane gets.
Batch OfLane(const Batch& batch, int lane, int lanes) {
  std::vector<uint64_t> hashes(static_cast<size_t>(batch.num_rows()));
  EXPECT_TRUE(KeyHasher().Hash({batch.column(0)}, batch.num_rows(), hashes.data()).ok());
  std::vector<int32_t> rows;
  for (size_t i = 0; i < hashes.size(); ++i) {
    if (LaneOfHash(hashes[i], lanes) == lane) rows.push_back(static_cast<int32_t>(i));
  }
  return GatherBatch(batch, rows).ValueOrDie();
}

StreamTable NewTable() {
  StreamTable::Options options;
  for (int side : {0, 1}) options.schemas[side] = kSchema;
  for (int side : {0, 1}) options.keys[side] = {0};
  options.weights[1] = true;
  options.partners[0] = true;
  options.times = true;  // a row of weight 0 is forgotten with its time
  options.durable = true;
  return StreamTable(options);
}

/// Adds rows; those of side 0 count the weights of their partners of side 1.
void AddTo(StreamTable* table, int side, const Batch& batch) {
  if (batch.num_rows() == 0) return;
  std::vector<uint32_t> groups;
  ASSERT_TRUE(table->Lookup(side, batch, &groups).ok());
  ASSERT_TRUE(table->Add(side, batch, groups).ok());
  const ChainedRows& rows = table->rows(0);
  for (size_t i = 0; side == 1 && i < groups.size(); ++i) {
    for (uint32_t row = groups[i] == kNoGroup ? ChainedRows::kEnd : rows.head(groups[i]); row != ChainedRows::kEnd;
         row = rows.next(row)) {
      table->AddPartners(0, row, batch.weight().at(static_cast<int64_t>(i)));
    }
  }
}

std::multiset<std::string> RowsOf(const std::vector<StreamTable>& lanes) {
  std::multiset<std::string> out;
  for (const StreamTable& table : lanes) {
    for (int side : {0, 1}) {
      const ChainedRows& rows = table.rows(side);
      for (uint32_t row = 0; row < rows.num_rows(); ++row) {
        if (rows.weight(row) == 0) continue;
        const Batch one = rows.GatherRows({&row, 1}).ValueOrDie();
        out.insert(std::to_string(side) + BytesOf(one, 0) + std::to_string(side == 0 ? table.partners(0, row) : 0));
      }
    }
  }
  return out;
}

TEST(StreamTable, IsCutAnywhere) {
  for (uint64_t seed = TestSeed(), end = seed + 20; seed < end; ++seed) {
    SCOPED_TRACE(SeedText(seed));
    RandomRows random(seed);
    Kept kept;
    int lanes = 1;
    std::vector<StreamTable> cut, whole;
    cut.push_back(NewTable());
    whole.push_back(NewTable());
    for (int step = 0; step < 60; ++step) {
      const int side = static_cast<int>(random.Below(2));
      const Batch batch = RandomBatch(&random, step, side == 1);
      AddTo(&whole[0], side, batch);
      for (int lane = 0; lane < lanes; ++lane) AddTo(&cut[lane], side, OfLane(batch, lane, lanes));
      if (random.Below(6) == 0) {  // rows are over, as of a watermark
        for (auto* tables : {&cut, &whole}) {
          for (StreamTable& table : *tables) {
            const auto young = [&](int of, uint32_t row) { return table.rows(of).time(row) >= step - 10; };
            ASSERT_TRUE(table.Rebuild(young).ok());
          }
        }
      }
      if (random.Below(4) != 0) continue;
      StateCells changed;
      for (StreamTable& table : cut) ASSERT_TRUE(table.PutChanges("w", &changed).ok());
      kept.Take(changed);
      if (random.Below(2) == 0) continue;
      lanes = 1 + static_cast<int>(random.Below(3));
      cut.clear();
      for (int lane = 0; lane < lanes; ++lane) {
        cut.push_back(NewTable());
        const StateCells cells = kept.OfLane(lane, lanes);
        ASSERT_TRUE(cut.back().Restore(cells, AllOf(cells), 1).ok());
      }
      ASSERT_EQ(RowsOf(cut), RowsOf(whole));
    }
    StateCells gone;
    for (StreamTable& table : cut) {
      ASSERT_TRUE(table.PutChanges("w", &gone).ok());
      table.PutGone("w", &gone);
    }
    kept.Take(gone);
    EXPECT_EQ(kept.size(), 0u);
  }
}

TEST(RankedRows, AreCutAnywhere) {
  for (uint64_t seed = TestSeed(), end = seed + 20; seed < end; ++seed) {
    SCOPED_TRACE(SeedText(seed));
    RandomRows random(seed);
    RankedRowsOptions options;
    options.keys = {0};
    options.by = {{1, true}};
    options.n = 2;
    options.takes_back = random.Below(2) == 0;
    Kept kept;
    std::vector<std::unique_ptr<RankedRows>> cut;
    const auto begin = [&](int lanes) {
      cut.clear();
      for (int lane = 0; lane < lanes; ++lane) {
        cut.push_back(std::make_unique<RankedRows>(kSchema, options));
        cut.back()->TrackChanges("w");
        const StateCells cells = kept.OfLane(lane, lanes);
        ASSERT_TRUE(cut.back()->Restore(cells, AllOf(cells), 1).ok());
      }
    };
    begin(1);
    RankedRows whole(kSchema, options);
    for (int step = 0; step < 60; ++step) {
      const Batch batch = RandomBatch(&random, step, options.takes_back);
      std::map<std::string, int64_t> told, expected;
      const auto take = [](RankedRows* rows, std::map<std::string, int64_t>* to) {
        const auto changes = rows->TakeChanges(true).ValueOrDie();
        for (int64_t i = 0; changes && i < changes->num_rows(); ++i) {
          (*to)[RowToJson(*changes, i)] += changes->weight().at(i);
        }
      };
      ASSERT_TRUE(whole.Add(batch).ok());
      take(&whole, &expected);
      for (size_t lane = 0; lane < cut.size(); ++lane) {
        const Batch part = OfLane(batch, static_cast<int>(lane), static_cast<int>(cut.size()));
        ASSERT_TRUE(cut[lane]->Add(part).ok());
        if (random.Below(3) == 0) {  // dies before it has told anything of this batch
          StateCells changed;
          ASSERT_TRUE(cut[lane]->PutChanges(&changed).ok());
          kept.Take(changed);
          const auto cells = kept.OfLane(static_cast<int>(lane), static_cast<int>(cut.size()));
          cut[lane] = std::make_unique<RankedRows>(kSchema, options);
          cut[lane]->TrackChanges("w");
          ASSERT_TRUE(cut[lane]->Restore(cells, AllOf(cells), 1).ok());
        }
        take(cut[lane].get(), &told);
      }
      ASSERT_EQ(told, expected);
      if (random.Below(5) != 0) continue;
      StateCells changed;
      for (auto& rows : cut) ASSERT_TRUE(rows->PutChanges(&changed).ok());
      kept.Take(changed);
      begin(1 + static_cast<int>(random.Below(3)));
    }
  }
}

TEST(WaitingCells, HoldWhatTheWatermarkHasNotPassed) {
  for (uint64_t seed = TestSeed(), end = seed + 20; seed < end; ++seed) {
    SCOPED_TRACE(SeedText(seed));
    RandomRows random(seed);
    Kept kept;
    std::multimap<EventTime, std::string> by_time;
    auto cells = std::make_unique<WaitingCells>(0, kSchema, std::vector<int>{0});
    cells->TurnOn();
    for (EventTime now = 0; now < 60; ++now) {
      const Batch batch = RandomBatch(&random, now, false);
      cells->Add(batch);
      for (int64_t i = 0; i < batch.num_rows(); ++i) by_time.emplace(batch.event_time().at(i), BytesOf(batch, i));
      by_time.erase(by_time.begin(), by_time.lower_bound(now));
      if (random.Below(3) != 0) continue;
      StateCells changed;
      ASSERT_TRUE(cells->Put(now, &changed).ok());
      kept.Take(changed);
      EXPECT_EQ(kept.size(), by_time.size());
      cells = std::make_unique<WaitingCells>(0, kSchema, std::vector<int>{0});
      cells->TurnOn();
      std::multiset<std::string> restored, expected;
      for (const Batch& waiting : cells->Restore(kept.OfLane(0, 1)).ValueOrDie()) {
        for (int64_t i = 0; i < waiting.num_rows(); ++i) restored.insert(BytesOf(waiting, i));
      }
      for (const auto& [time, bytes] : by_time) expected.insert(bytes);
      EXPECT_EQ(restored, expected);
    }
  }
}

}  // namespace
}  // namespace weir
