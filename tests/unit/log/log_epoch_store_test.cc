// Epochs in a log: what is loaded is what was committed, whatever was folded meanwhile, and not much is written for it.
#include "log/log_epoch_store.h"

#include <gtest/gtest.h>

#include <random>

#include "env/simulated/simulated_file_system.h"
#include "unit/test_seed.h"

namespace weir {
namespace {

using Cells = std::map<std::tuple<int, int, std::string>, std::string>;

Cells CellsOf(const EpochState& state, const std::string& node) {
  Cells out;
  const auto found = state.nodes.find(node);
  if (found == state.nodes.end()) return out;
  for (int64_t i = 0; i < found->second.cells.size(); ++i) {
    const StateCell cell = found->second.cells.at(i);
    EXPECT_TRUE(out.emplace(std::tuple(cell.table, cell.group, std::string(cell.key)), cell.value).second)
        << "a cell twice";
  }
  return out;
}

/// Random changes of two nodes, with what should be there after them.
class Model {
 public:
  explicit Model(uint64_t seed) : random_(seed) {}

  EpochRecord Next(int changes, int keys, int value_bytes) {
    EpochRecord record;
    record.epoch = ++epoch_;
    for (const char* name : {"Sum", "Join"}) {
      NodeEpoch& node = record.nodes[name];
      node.config_hash = "c0ffee";
      node.watermark = epoch_ * 1000;
      node.position = std::string("{\"offset\": ") + std::to_string(epoch_) + "}";
      for (int i = 0; i < changes; ++i) Change(keys, value_bytes, &node.cells, &cells_[name]);
    }
    return record;
  }

  void ExpectIn(const EpochState& state) const {
    EXPECT_EQ(state.epoch, epoch_);
    for (const auto& [name, cells] : cells_) {
      EXPECT_EQ(state.nodes.at(name).watermark, epoch_ * 1000);
      EXPECT_EQ(state.nodes.at(name).config_hash, "c0ffee");
      EXPECT_TRUE(CellsOf(state, name) == cells) << name << " in epoch " << epoch_;
    }
  }

 private:
  void Change(int keys, int value_bytes, StateCells* changes, Cells* cells) {
    const int number = static_cast<int>(random_() % static_cast<uint64_t>(keys));
    const int table = number % 3, group = number % 257 + kNoKeyGroup;
    std::string key = "key " + std::to_string(number);
    if (random_() % 10 == 0) {
      changes->Delete(table, group, key);
      cells->erase({table, group, key});
      return;
    }
    std::string value(static_cast<size_t>(value_bytes), static_cast<char>('a' + random_() % 26));
    value += std::to_string(random_());
    changes->Put(table, group, key, value);
    (*cells)[{table, group, std::move(key)}] = std::move(value);
  }

  std::mt19937_64 random_;
  int64_t epoch_ = 0;
  std::map<std::string, Cells> cells_;
};

class LogEpochStoreTest : public testing::Test {
 protected:
  std::unique_ptr<LogEpochStore> Open(int64_t segment_bytes = 1 << 20, int64_t fold_bytes = 1 << 18) {
    EpochStoreOptions options;
    options.durability = Durability::kProcess;
    options.segment_bytes = segment_bytes;
    options.fold_bytes = fold_bytes;
    options.holder = "pid 4711";
    return LogEpochStore::Open(files_, folder_, options).ValueOrDie();
  }

  SimulatedFileSystem files_;
  const std::string folder_ = "/a/stage";
};

TEST_F(LogEpochStoreTest, StartsWithNothing) {
  EXPECT_EQ(Open()->Load().ValueOrDie(), std::nullopt);
  EXPECT_EQ(Open()->Load().ValueOrDie(), std::nullopt);
  EXPECT_EQ(ReadEpochState(files_, folder_).ValueOrDie(), std::nullopt);
  EXPECT_EQ(ReadEpochState(files_, folder_ + "/nowhere").ValueOrDie(), std::nullopt);
}

TEST_F(LogEpochStoreTest, LoadsWhatWasCommitted) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  Model model(seed);
  for (int restart = 0; restart < 5; ++restart) {
    auto store = Open();
    if (restart > 0) model.ExpectIn(*store->Load().ValueOrDie());
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(store->Commit(model.Next(200, 1000, 30)).ok());
    model.ExpectIn(*store->Load().ValueOrDie());
    model.ExpectIn(*ReadEpochState(files_, folder_).ValueOrDie());
  }
}

TEST_F(LogEpochStoreTest, FoldsWithinItsBudgetAndStaysSmall) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  Model model(seed);
  int64_t written = 0, changed = 0, folded = 0, largest = 0;
  for (int restart = 0; restart < 4; ++restart) {
    auto store = Open(1 << 18, 1 << 16);
    if (restart > 0) model.ExpectIn(*store->Load().ValueOrDie());
    for (int i = 0; i < 100; ++i) {
      const Status committed = store->Commit(model.Next(1000, 10000, 80));
      ASSERT_TRUE(committed.ok()) << committed.ToString();
      largest = std::max(largest, store->bytes_on_disk());
    }
    model.ExpectIn(*store->Load().ValueOrDie());
    written += store->bytes_written();
    changed += store->changed_bytes();
    folded += store->folded_bytes();
  }
  const auto state = ReadEpochState(files_, folder_).ValueOrDie();
  int64_t live = 0;
  for (const auto& [name, node] : state->nodes) live += node.cells.bytes();
  RecordProperty("written_per_changed_percent", static_cast<int>(written * 100 / changed));
  RecordProperty("log_per_state_percent", static_cast<int>(largest * 100 / live));
  EXPECT_LE(static_cast<double>(written), 1.2 * static_cast<double>(changed));
  EXPECT_GT(folded, live);
  EXPECT_LE(largest, 4 * live + 4 * (1 << 18));
}

TEST_F(LogEpochStoreTest, WhatNeverChangesDoesNotKeepTheLogLong) {
  // 1 MB that stays and 20 KB that change: the log holds a small multiple of the state.
  auto store = Open(1 << 18, 1 << 16);
  EpochRecord record;
  record.epoch = 1;
  for (int i = 0; i < 10000; ++i) {
    record.nodes["Old"].cells.Put(0, i % 256, "cold " + std::to_string(i), std::string(100, 'c'));
  }
  ASSERT_TRUE(store->Commit(record).ok());
  const int64_t live = record.nodes["Old"].cells.bytes();
  for (int epoch = 2; epoch < 1000; ++epoch) {
    EpochRecord next;
    next.epoch = epoch;
    for (int i = 0; i < 200; ++i) next.nodes["New"].cells.Put(0, i, "hot", std::string(100, static_cast<char>(epoch)));
    ASSERT_TRUE(store->Commit(next).ok());
  }
  EXPECT_LE(store->bytes_written(), store->changed_bytes() * 12 / 10 + (1 << 16));
  EXPECT_LE(store->bytes_on_disk(), 9 * live + 4 * (1 << 18));
  store.reset();
  store = Open();
  const EpochState state = *store->Load().ValueOrDie();
  EXPECT_EQ(CellsOf(state, "Old").size(), 10000u);
  EXPECT_EQ(CellsOf(state, "New").size(), 200u);
}

TEST_F(LogEpochStoreTest, HasOneWriter) {
  auto store = Open();
  const Status second = LogEpochStore::Open(files_, folder_, {}).status();
  EXPECT_TRUE(second.IsIOError());
  EXPECT_NE(second.message().find("in use by another process (pid 4711)"), std::string::npos) << second.message();
}

TEST_F(LogEpochStoreTest, ForgetsNodesForEver) {
  EpochRecord record;
  record.epoch = 1;
  for (const char* name : {"a", "b"}) {
    record.nodes[name].position = "here";
    record.nodes[name].cells.Put(1, 2, "old", "v");
  }
  ASSERT_TRUE(Open()->Commit(record).ok());
  ASSERT_TRUE(Open()->Forget({"a"}).ok());
  EpochState state = *Open()->Load().ValueOrDie();
  EXPECT_EQ(state.epoch, 1);
  EXPECT_EQ(state.nodes.count("a"), 0u);
  EXPECT_EQ(CellsOf(state, "b").size(), 1u);
  // A node of the same name begins with nothing.
  record.epoch = 2;
  record.nodes["a"].cells = {};
  record.nodes["a"].cells.Put(1, 2, "new", "v");
  ASSERT_TRUE(Open()->Commit(record).ok());
  EXPECT_EQ(CellsOf(*Open()->Load().ValueOrDie(), "a"), (Cells{{{1, 2, "new"}, "v"}}));
}

TEST_F(LogEpochStoreTest, KeepsNodesThatAnEpochDoesNotMention) {
  auto store = Open();
  EpochRecord record;
  record.epoch = 1;
  record.nodes["a"].position = "here";
  record.nodes["a"].cells.Put(1, 2, "k", "v");
  ASSERT_TRUE(store->Commit(record).ok());
  EpochRecord next;
  next.epoch = 2;
  next.finished = true;
  next.nodes["b"].token = "t";
  ASSERT_TRUE(store->Commit(next).ok());
  EXPECT_FALSE(store->Commit(next).ok()) << "an epoch twice";
  store.reset();
  const EpochState state = *Open()->Load().ValueOrDie();
  EXPECT_TRUE(state.finished);
  EXPECT_EQ(state.nodes.at("a").position, "here");
  EXPECT_EQ(state.nodes.at("b").token, "t");
  EXPECT_EQ(CellsOf(state, "a"), (Cells{{{1, 2, "k"}, "v"}}));
}

}  // namespace
}  // namespace weir
