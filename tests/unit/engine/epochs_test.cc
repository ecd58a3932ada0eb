// Durable runs with parts made for the purpose: whatever epoch a run ends after, and with however many lanes the next
// one goes on, what sinks show in the end is what one run shows.
#include <arrow/builder.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <map>
#include <mutex>

#include "engine/run.h"
#include "env/env.h"
#include "state/hash/hash.h"
#include "state/snapshot/state_bytes.h"
#include "unit/test_seed.h"

namespace weir {
namespace {

const SchemaPtr& OneInt() {
  static const SchemaPtr schema = arrow::schema({arrow::field("x", arrow::int64())});
  return schema;
}

Batch Ints(const std::vector<int64_t>& values) {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return Batch(OneInt(), {(*builder.Finish())->data()}, static_cast<int64_t>(values.size()));
}

/// 0, 1, … in batches of ten; lanes take them in turn. Its watermark is the row's number.
class Numbers final : public Source {
 public:
  explicit Numbers(int64_t end) : end_(end) {}
  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override {
    return std::make_unique<Reader>(this, lane);
  }
  Result<std::string> Position() override { return std::to_string(next_.load()); }
  Status Restore(const std::string& position) override {
    next_ = std::stoll(position);
    return Status::OK();
  }
  Status Committed(const std::string& position) override {
    committed = std::stoll(position);
    return Status::OK();
  }
  std::atomic<int64_t> committed{0};

 private:
  class Reader final : public SourceReader {
   public:
    Reader(Numbers* source, OperatorContext lane) : source_(source), lane_(std::move(lane)) {}
    Result<PollResult> Poll(Emitter& out) override {
      const int64_t first = source_->next_.fetch_add(10);
      if (first >= source_->end_) {
        source_->next_ = source_->end_;
        return PollResult::kExhausted;
      }
      std::vector<int64_t> values;
      for (int64_t i = first; i < first + 10; ++i) values.push_back(i);
      if (lane_.morsels != nullptr) lane_.morsels->Start(lane_.lane, first);
      WEIR_RETURN_NOT_OK(out.Emit(Ints(values)));
      return PollResult::kProduced;
    }

   private:
    Numbers* const source_;
    const OperatorContext lane_;
  };
  const int64_t end_;
  std::atomic<int64_t> next_{0};
};

/// Counts rows by x modulo 7, and gives the count of each key at the end.
class CountByKey final : public Operator {
 public:
  Status Process(int, Batch batch, Emitter&) override {
    const auto* values = batch.column(0)->GetValues<int64_t>(1);
    for (int64_t i = 0; i < batch.num_rows(); ++i) {
      ++counts_[values[i] % 7];
      changed_[values[i] % 7] = true;
    }
    return Status::OK();
  }
  Status Finish(Emitter& out) override {
    std::vector<int64_t> rows;
    for (const auto& [key, count] : counts_) rows.push_back(key * 1'000'000 + count);
    return out.Emit(Ints(rows));
  }
  Status Snapshot(StateCells* cells) override {
    for (const auto& [key, changed] : changed_) {
      std::string name, value;
      StateWriter(&name).Int(key);
      StateWriter(&value).Int(counts_[key]);
      cells->Put(0, static_cast<int>(key) * 36, name, value);
    }
    changed_.clear();
    return Status::OK();
  }
  Status Restore(const StateCells& cells) override {
    for (int64_t i = 0; i < cells.size(); ++i) {
      StateReader key(cells.at(i).key), value(cells.at(i).value);
      counts_[key.Int()] = value.Int();
    }
    return Status::OK();
  }

 private:
  std::map<int64_t, int64_t> counts_;
  std::map<int64_t, bool> changed_;
};

/// Keeps nothing.
class Spread final : public Operator {
 public:
  Status Process(int, Batch batch, Emitter& out) override {
    const auto* values = batch.column(0)->GetValues<int64_t>(1);
    return out.Emit(Ints(std::vector<int64_t>(values, values + batch.num_rows())));
  }
};

/// What a system outside shows: it outlives runs.
struct Shown {
  std::mutex mutex;
  std::map<int64_t, std::vector<int64_t>> prepared;  // by epoch
  std::vector<int64_t> rows;
  int64_t last = 0;  // epoch that is shown
};

class ShowingSink final : public Sink {
 public:
  explicit ShowingSink(Shown* shown) : shown_(shown) {}
  Result<std::unique_ptr<SinkWriter>> OpenWriter(const OperatorContext&) override {
    return std::make_unique<Writer>(this);
  }
  Status Recover(int64_t epoch, const std::string& token) override {
    if (!token.empty()) WEIR_RETURN_NOT_OK(Commit(token));
    std::erase_if(shown_->prepared, [&](const auto& entry) { return entry.first > epoch; });
    return Status::OK();
  }
  Result<std::string> Prepare(int64_t epoch) override {
    std::lock_guard lock(shown_->mutex);
    shown_->prepared[epoch] = std::move(written_);
    written_.clear();
    return std::to_string(epoch);
  }
  Status Commit(const std::string& token) override {
    std::lock_guard lock(shown_->mutex);
    const int64_t epoch = std::stoll(token);
    if (epoch <= shown_->last) return Status::OK();
    const std::vector<int64_t>& rows = shown_->prepared[epoch];
    shown_->rows.insert(shown_->rows.end(), rows.begin(), rows.end());
    shown_->last = epoch;
    return Status::OK();
  }
  Status Abort(int64_t) override { return Status::OK(); }

 private:
  class Writer final : public SinkWriter {
   public:
    explicit Writer(ShowingSink* sink) : sink_(sink) {}
    Status Write(Batch batch) override {
      const auto* values = batch.column(0)->GetValues<int64_t>(1);
      rows_.insert(rows_.end(), values, values + batch.num_rows());
      return Status::OK();
    }
    Status Finish() override { return EndEpoch(0); }
    Status EndEpoch(int64_t) override {
      std::lock_guard lock(sink_->shown_->mutex);
      sink_->written_.insert(sink_->written_.end(), rows_.begin(), rows_.end());
      rows_.clear();
      return Status::OK();
    }

   private:
    ShowingSink* const sink_;
    std::vector<int64_t> rows_;
  };
  Shown* const shown_;
  std::vector<int64_t> written_;
};

/// Numbers → (all of them shown) and → count by key → (counts shown).
struct Stage {
  std::shared_ptr<Numbers> source;
  Shown rows, counts;

  PhysicalPlan Plan(int64_t end) {
    source = std::make_shared<Numbers>(end);
    PhysicalPlan plan;
    const auto add = [&](PhysicalNode node, std::vector<PhysicalInput> inputs) {
      node.id = static_cast<int>(plan.nodes.size());
      node.step_name = "step" + std::to_string(node.id);
      node.inputs = std::move(inputs);
      if (node.role != NodeRole::kSink) {
        node.outputs = {OneInt()};
        node.needed_outputs = {ColumnSet::All(1)};
      }
      plan.nodes.push_back(std::move(node));
      return plan.nodes.back().id;
    };
    PhysicalNode numbers;
    numbers.role = NodeRole::kSource;
    numbers.repositions = true;
    numbers.make_source = [this](const ScanRequest&) -> Result<std::shared_ptr<Source>> { return source; };
    const int from = add(numbers, {});
    PhysicalNode spread;
    spread.keeps = StateKeeping::kNothing;
    spread.make = [](const OperatorContext&) -> Result<std::unique_ptr<Operator>> {
      return std::make_unique<Spread>();
    };
    const int middle = add(spread, {{from, 0, {ExchangeKind::kRebalance, {}}}});
    PhysicalNode count;
    count.keeps = StateKeeping::kSnapshots;
    count.max_lanes = 1;
    count.make = [](const OperatorContext&) -> Result<std::unique_ptr<Operator>> {
      return std::make_unique<CountByKey>();
    };
    const int counted = add(count, {{middle, 0, {ExchangeKind::kGather, {}}}});
    for (auto [node, shown] : {std::pair(middle, &rows), std::pair(counted, &counts)}) {
      PhysicalNode sink;
      sink.role = NodeRole::kSink;
      sink.sink_epochs = SinkEpochs::kExactlyOnce;
      sink.make_sink = [shown = shown]() -> Result<std::shared_ptr<Sink>> {
        return std::make_shared<ShowingSink>(shown);
      };
      add(sink, {{node, 0, {}}});
    }
    return plan;
  }
};

TEST(EpochsTest, RunsThatEndAfterAnyEpochAddUpToOne) {
  constexpr int64_t kRows = 20'000;
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20; ++round) {
    MemoryEpochStore store;
    Stage stage;
    int runs = 0;
    for (bool finished = false; !finished; ++runs) {
      ASSERT_LT(runs, 1000);
      RunOptions options;
      options.lanes = 1 + static_cast<int>(random() % 3);
      options.jitter_seed = random() % 2 == 0 ? 0 : random();
      options.channel.batches = random() % 2 == 0 ? 64 : 1;
      options.epochs = &store;
      options.epoch_options.rows = 100 + static_cast<int64_t>(random() % 2000);
      options.epoch_options.stop_after = static_cast<int64_t>(1 + random() % 3);
      weir::Run run(stage.Plan(kRows), options, &Env::Real(), nullptr);
      const Status status = run.Execute();
      ASSERT_TRUE(status.ok()) << status.ToString();
      auto state = store.Load();
      ASSERT_TRUE(state.ok() && state->has_value());
      finished = (*state)->finished;
      if (!finished) {
        EXPECT_EQ(stage.source->committed, std::stoll((*state)->nodes.at("step0/0").position));
      }
    }
    EXPECT_GT(runs, 1);
    std::sort(stage.rows.rows.begin(), stage.rows.rows.end());
    ASSERT_EQ(static_cast<int64_t>(stage.rows.rows.size()), kRows);
    for (int64_t i = 0; i < kRows; ++i) ASSERT_EQ(stage.rows.rows[i], i);
    ASSERT_EQ(stage.counts.rows.size(), 7u);
    for (int64_t key = 0; key < 7; ++key) {
      EXPECT_EQ(stage.counts.rows[key], key * 1'000'000 + kRows / 7 + (key < kRows % 7 ? 1 : 0));
    }
  }
}

TEST(EpochsTest, ACommitThatDiedBeforeItsSinksIsMadeAtTheNextStart) {
  class DyingStore final : public EpochStore {
   public:
    Result<std::optional<EpochState>> Load() override { return store.Load(); }
    Status Commit(const EpochRecord& record) override {
      WEIR_RETURN_NOT_OK(store.Commit(record));
      return dies ? Status::IOError("died after the record") : Status::OK();
    }
    MemoryEpochStore store;
    bool dies = true;
  };
  DyingStore store;
  Stage stage;
  RunOptions options;
  options.lanes = 2;
  options.epochs = &store;
  options.epoch_options.rows = 500;
  EXPECT_FALSE(weir::Run(stage.Plan(5000), options, &Env::Real(), nullptr).Execute().ok());
  EXPECT_EQ(stage.rows.rows.size(), 0u);
  store.dies = false;
  ASSERT_TRUE(weir::Run(stage.Plan(5000), options, &Env::Real(), nullptr).Execute().ok());
  EXPECT_EQ(stage.rows.rows.size(), 5000u);
  EXPECT_EQ(stage.counts.rows.size(), 7u);
  // Once more: everything has been given.
  weir::Run again(stage.Plan(5000), options, &Env::Real(), nullptr);
  ASSERT_TRUE(again.Execute().ok());
  EXPECT_TRUE(again.was_finished());
  EXPECT_EQ(stage.rows.rows.size(), 5000u);
}

TEST(EpochsTest, AStepThatHasChangedIsNotGivenTheStateOfAnother) {
  MemoryEpochStore store;
  Stage stage;
  RunOptions options;
  options.epochs = &store;
  options.epoch_options.rows = 500;
  options.epoch_options.stop_after = 1;
  ASSERT_TRUE(weir::Run(stage.Plan(5000), options, &Env::Real(), nullptr).Execute().ok());
  PhysicalPlan plan = stage.Plan(5000);
  plan.nodes[2].config_hash = "another";
  const Status status = weir::Run(std::move(plan), options, &Env::Real(), nullptr).Execute();
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find("step 'step2' is not what it was"), std::string::npos) << status.message();
}

}  // namespace
}  // namespace weir
