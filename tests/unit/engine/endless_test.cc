// Runs that end only when they are drained: what comes out, where the watermark stays, who is called in time.
#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "engine/run.h"
#include "env/env.h"

namespace weir {
namespace {

const SchemaPtr& OneInt() {
  static const SchemaPtr schema = arrow::schema({arrow::field("x", arrow::int64())});
  return schema;
}

Batch Ints(int64_t from, int64_t count) {
  arrow::Int64Builder builder;
  for (int64_t i = 0; i < count; ++i) EXPECT_TRUE(builder.Append(from + i).ok());
  return Batch(OneInt(), {(*builder.Finish())->data()}, count);
}

/// What one run saw.
struct Seen {
  std::atomic<int64_t> given{0}, rows{0}, written{0}, timers{0};
  std::atomic<EventTime> watermark{kMinEventTime}, at_finish{kMinEventTime};
};

/// Gives a row a poll, and idles between; keeps `backlog` rows that it has accepted for its drain.
class EndlessSource final : public Source {
 public:
  EndlessSource(Seen* seen, int64_t backlog) : seen_(seen), backlog_(backlog) {}
  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override {
    EXPECT_EQ(lane.morsels, nullptr);
    return std::make_unique<Reader>(seen_, backlog_);
  }

 private:
  class Reader final : public SourceReader {
   public:
    Reader(Seen* seen, int64_t backlog) : seen_(seen), backlog_(backlog) {}
    Result<PollResult> Poll(Emitter& out) override {
      if (draining_ && backlog_-- <= 0) return PollResult::kExhausted;
      if (!draining_ && (idle_ = !idle_)) return PollResult::kIdle;
      WEIR_RETURN_NOT_OK(out.Emit(Ints(next_++, 1)));
      ++seen_->given;
      return PollResult::kProduced;
    }
    EventTime watermark() const override { return next_ == 0 ? kMinEventTime : next_; }
    bool Drain() override {
      draining_ = true;
      return backlog_ > 0;
    }

   private:
    Seen* const seen_;
    int64_t backlog_, next_ = 0;
    bool idle_ = false, draining_ = false;
  };
  Seen* const seen_;
  const int64_t backlog_;
};

class Watcher final : public Operator {
 public:
  explicit Watcher(Seen* seen) : seen_(seen) {}
  Status Process(int, Batch batch, Emitter& out) override {
    seen_->rows += batch.num_rows();
    return out.Emit(std::move(batch));
  }
  Status OnWatermark(EventTime watermark, Emitter&) override {
    seen_->watermark = watermark;
    return Status::OK();
  }
  Status Finish(Emitter&) override {
    seen_->at_finish = seen_->watermark.load();
    return Status::OK();
  }

 private:
  Seen* const seen_;
};

class TimedSink final : public Sink {
 public:
  explicit TimedSink(Seen* seen) : seen_(seen) {}
  Result<std::unique_ptr<SinkWriter>> OpenWriter(const OperatorContext&) override {
    return std::make_unique<Writer>(seen_);
  }
  Result<std::string> Prepare(int64_t) override { return std::string(); }
  Status Commit(const std::string&) override {
    committed = true;
    return Status::OK();
  }
  Status Abort(int64_t) override { return Status::OK(); }
  bool committed = false;

 private:
  class Writer final : public SinkWriter {
   public:
    explicit Writer(Seen* seen) : seen_(seen) {}
    Status Write(Batch batch) override {
      seen_->written += batch.num_rows();
      return Status::OK();
    }
    Status Finish() override { return Status::OK(); }
    int64_t next_timer_us() const override { return next_us_; }
    Status OnProcessingTime(int64_t now_us) override {
      EXPECT_GE(now_us, next_us_);
      next_us_ = now_us + 1000;
      ++seen_->timers;
      return Status::OK();
    }

   private:
    Seen* const seen_;
    int64_t next_us_ = 0;
  };
  Seen* const seen_;
};

PhysicalPlan Plan(Seen* seen, int64_t backlog, std::shared_ptr<TimedSink> sink, ExchangeKind exchange) {
  PhysicalPlan plan;
  plan.nodes.resize(3);
  for (int id = 0; id < 3; ++id) {
    PhysicalNode& node = plan.nodes[id];
    node.id = node.step = id;
    node.step_name = node.name = "step" + std::to_string(id);
    if (id < 2) node.outputs = {OneInt()};
    if (id < 2) node.needed_outputs = {ColumnSet::All(1)};
  }
  plan.nodes[0].role = NodeRole::kSource;
  plan.nodes[0].unbounded = true;
  plan.nodes[0].make_source = [=](const ScanRequest&) { return std::make_shared<EndlessSource>(seen, backlog); };
  plan.nodes[1].inputs = {{0, 0, {exchange, {0}}}};
  plan.nodes[1].make = [seen](const OperatorContext&) { return std::make_unique<Watcher>(seen); };
  plan.nodes[1].max_lanes = 1;
  plan.nodes[2].role = NodeRole::kSink;
  plan.nodes[2].inputs = {{1, 0, {ExchangeKind::kForward, {}}}};
  plan.nodes[2].make_sink = [sink] { return sink; };
  return plan;
}

/// Runs until some rows are through, drains, and checks that all that was given came out.
void RunAndDrain(int lanes, int64_t backlog, bool close_windows, Seen* seen) {
  SCOPED_TRACE(testing::Message() << lanes << " lanes, backlog " << backlog);
  RunOptions options;
  options.lanes = lanes;
  auto sink = std::make_shared<TimedSink>(seen);
  weir::Run run(Plan(seen, backlog, sink, ExchangeKind::kHash), options, &Env::Real(), nullptr);
  EXPECT_TRUE(run.unbounded());
  std::thread stopper([&] {
    while (seen->written < 100 || seen->timers < 3) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    run.Drain(close_windows);
  });
  const Status status = run.Execute();
  stopper.join();
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_TRUE(sink->committed);
  EXPECT_EQ(seen->rows, seen->given);
  EXPECT_EQ(seen->written, seen->given);
}

TEST(EndlessTest, DrainLetsThroughWhatWasTaken) {
  for (int lanes : {1, 3}) {
    for (int64_t backlog : {0, 500}) {
      Seen seen;
      RunAndDrain(lanes, backlog, false, &seen);
      EXPECT_GE(seen.given, 100 + lanes * backlog);
      EXPECT_LE(seen.at_finish, seen.given) << "the watermark of a drained source stays where it is";
      EXPECT_GT(seen.at_finish, 0);
    }
  }
}

TEST(EndlessTest, DrainClosesWindowsWhenAsked) {
  Seen seen;
  RunAndDrain(2, 10, true, &seen);
  EXPECT_EQ(seen.at_finish, kMaxEventTime);
}

TEST(EndlessTest, LimitEndsASourceAsItsEndWould) {
  for (int lanes : {1, 3}) {
    Seen seen;
    RunOptions options;
    options.lanes = lanes;
    options.source_limit = 777;
    auto sink = std::make_shared<TimedSink>(&seen);
    weir::Run run(Plan(&seen, 0, sink, ExchangeKind::kHash), options, &Env::Real(), nullptr);
    ASSERT_TRUE(run.Execute().ok());
    EXPECT_EQ(seen.written, 777);
    EXPECT_EQ(seen.at_finish, kMaxEventTime);
  }
}

/// Wakes its lane before the run has begun. Says whether two threads were ever in one reader.
class EagerSource final : public Source {
 public:
  explicit EagerSource(std::atomic<bool>* shared) : shared_(shared) {}
  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override {
    lane.wake();
    return std::make_unique<Reader>(shared_, lane.wake);
  }

 private:
  class Reader final : public SourceReader {
   public:
    Reader(std::atomic<bool>* shared, std::function<void()> wake) : shared_(shared), wake_(std::move(wake)) {}
    Result<PollResult> Poll(Emitter& out) override {
      if (busy_.exchange(true)) *shared_ = true;
      wake_();
      const Status status = out.Emit(Ints(0, 1));
      busy_ = false;
      WEIR_RETURN_NOT_OK(status);
      return PollResult::kProduced;
    }

   private:
    std::atomic<bool>* const shared_;
    const std::function<void()> wake_;
    std::atomic<bool> busy_{false};
  };
  std::atomic<bool>* const shared_;
};

TEST(EndlessTest, ALaneThatIsWokenBeforeTheRunRunsOnce) {
  for (int round = 0; round < 100; ++round) {
    Seen seen;
    std::atomic<bool> shared{false};
    RunOptions options;
    options.lanes = 3;
    options.source_limit = 500;
    PhysicalPlan plan = Plan(&seen, 0, std::make_shared<TimedSink>(&seen), ExchangeKind::kHash);
    plan.nodes[0].make_source = [&](const ScanRequest&) { return std::make_shared<EagerSource>(&shared); };
    weir::Run run(std::move(plan), options, &Env::Real(), nullptr);
    ASSERT_TRUE(run.Execute().ok());
    ASSERT_FALSE(shared) << "round " << round;
    ASSERT_EQ(seen.written, 500) << "round " << round;
  }
}

}  // namespace
}  // namespace weir
