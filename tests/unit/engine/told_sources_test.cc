// Runs whose sources are told what to give, as tests about time do it: the engine asks for more when, and only when, it
// has come to rest; processing time is the script's; an idle input holds nobody back.
#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "engine/run.h"

namespace weir {
namespace {

constexpr int kSteps = 12;
constexpr int64_t kRows = 10;
constexpr int64_t kStepUs = 10'000'000;

const SchemaPtr& OneInt() {
  static const SchemaPtr schema = arrow::schema({arrow::field("x", arrow::int64())});
  return schema;
}

/// In each step: ten rows, a watermark and a clock that go on by ten seconds. From `idle_from` on: nothing, and idle.
class ToldSource final : public Source {
 public:
  explicit ToldSource(const std::atomic<int>* step, int idle_from = kSteps) : step_(*step), idle_from_(idle_from) {}

  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext&) override {
    return std::make_unique<Reader>(step_, idle_from_);
  }

 private:
  class Reader final : public SourceReader {
   public:
    Reader(const std::atomic<int>& step, int idle_from) : step_(step), idle_from_(idle_from) {}
    Result<PollResult> Poll(Emitter& out) override {
      if (seen_ == step_) return PollResult::kIdle;
      if (++seen_ > kSteps) return PollResult::kExhausted;
      if (idle()) return PollResult::kIdle;
      arrow::Int64Builder builder;
      for (int64_t i = 0; i < kRows; ++i) WEIR_RETURN_NOT_OK(builder.Append(seen_ * kRows + i));
      WEIR_ASSIGN_OR_RETURN(auto values, builder.Finish());
      WEIR_RETURN_NOT_OK(out.Emit(Batch(OneInt(), {values->data()}, kRows)));
      return PollResult::kProduced;
    }
    EventTime watermark() const override { return std::min(seen_, idle_from_) * kStepUs; }
    bool idle() const override { return seen_ > idle_from_; }
    std::optional<int64_t> processing_time_us() const override { return seen_ * kStepUs; }

   private:
    const std::atomic<int>& step_;
    const int idle_from_;
    int seen_ = 0;
  };

  const std::atomic<int>& step_;
  const int idle_from_;
};

struct Seen {
  std::atomic<int64_t> rows{0};
  std::atomic<EventTime> watermark{kMinEventTime};
  std::vector<int64_t> alarms_us;  // of one lane
};

class Listener final : public Operator {
 public:
  explicit Listener(Seen* seen) : seen_(*seen) {}
  Status Process(int, Batch batch, Emitter&) override {
    seen_.rows += batch.num_rows();
    return Status::OK();
  }
  Status OnWatermark(EventTime watermark, Emitter&) override {
    seen_.watermark = watermark;
    return Status::OK();
  }

 private:
  Seen& seen_;
};

/// Rings 25 s after the first row since it rang last.
class Alarm final : public Operator {
 public:
  explicit Alarm(Seen* seen) : seen_(*seen) {}
  Status Process(int, Batch, Emitter& out) override {
    if (at_us_ == kMaxEventTime) at_us_ = out.processing_time_us() + 25'000'000;
    return Status::OK();
  }
  int64_t next_timer_us() const override { return at_us_; }
  Status OnProcessingTime(int64_t now_us, Emitter& out) override {
    EXPECT_EQ(now_us, out.processing_time_us());
    seen_.alarms_us.push_back(now_us);
    at_us_ = kMaxEventTime;
    return Status::OK();
  }

 private:
  Seen& seen_;
  int64_t at_us_ = kMaxEventTime;
};

/// Plans by hand; every operator's output has one column.
struct Plan {
  PhysicalPlan plan;

  int Add(PhysicalNode node) {
    node.id = static_cast<int>(plan.nodes.size());
    node.step_name = "step" + std::to_string(node.id);
    node.outputs = {OneInt()};
    node.needed_outputs = {ColumnSet::All(1)};
    plan.nodes.push_back(std::move(node));
    return plan.nodes.back().id;
  }
  int AddSource(std::shared_ptr<Source> source) {
    PhysicalNode node;
    node.role = NodeRole::kSource;
    node.max_lanes = 1;
    node.make_source = [source](const ScanRequest&) -> Result<std::shared_ptr<Source>> { return source; };
    return Add(std::move(node));
  }
  template <class Op>
  int AddOperator(Seen* seen, std::vector<int> inputs, ExchangeKind exchange, int max_lanes) {
    PhysicalNode node;
    for (int input : inputs) node.inputs.push_back({input, 0, {exchange, {0}}});
    node.max_lanes = max_lanes;
    node.make = [seen](const OperatorContext&) -> Result<std::unique_ptr<Operator>> {
      return std::make_unique<Op>(seen);
    };
    return Add(std::move(node));
  }
};

/// Runs under many modes; `check` is asked at every rest, with the number of steps told so far.
void RunTold(const std::function<void(Plan*, const std::atomic<int>*, Seen*)>& build,
             const std::function<void(int step, const Seen&)>& check) {
  for (int lanes : {1, 2, 3}) {
    for (uint64_t jitter : {0, 1, 2}) {
      SCOPED_TRACE("lanes " + std::to_string(lanes) + " jitter " + std::to_string(jitter));
      std::atomic<int> step{0};
      Seen seen;
      Plan plan;
      build(&plan, &step, &seen);
      RunOptions options;
      options.lanes = lanes;
      options.jitter_seed = jitter;
      options.channel.batches = jitter == 0 ? 64 : 1;
      options.split_rows = 3;
      options.scripted_time = true;
      int rests = 0;
      options.on_quiet = [&] {
        check(step, seen);
        ++rests;
        return step++ <= kSteps;
      };
      Status status = Run(std::move(plan.plan), options, nullptr, nullptr).Execute();
      ASSERT_TRUE(status.ok()) << status.ToString();
      EXPECT_EQ(rests, kSteps + 1);
    }
  }
}

TEST(ToldSources, AtRestEverythingHasGoneThrough) {
  RunTold(
      [](Plan* plan, const std::atomic<int>* step, Seen* seen) {
        const int source = plan->AddSource(std::make_shared<ToldSource>(step));
        plan->AddOperator<Listener>(seen, {source}, ExchangeKind::kHash, 0);
      },
      [](int step, const Seen& seen) {
        EXPECT_EQ(seen.rows, step * kRows);
        EXPECT_EQ(seen.watermark, step * kStepUs);
      });
}

TEST(ToldSources, TimersGoByTheScript) {
  RunTold(
      [](Plan* plan, const std::atomic<int>* step, Seen* seen) {
        const int source = plan->AddSource(std::make_shared<ToldSource>(step));
        plan->AddOperator<Alarm>(seen, {source}, ExchangeKind::kRebalance, 1);
      },
      [](int step, const Seen& seen) {
        // The first row comes when the clock shows 0, before it goes on to 10 s: the alarm is due at 25 s.
        const std::vector<int64_t> expected = {30'000'000, 60'000'000, 90'000'000, 120'000'000};
        EXPECT_EQ(seen.alarms_us,
                  std::vector<int64_t>(expected.begin(), expected.begin() + std::min<int64_t>(4, step / 3)));
      });
}

TEST(ToldSources, AnIdleInputHoldsNobodyBack) {
  RunTold(
      [](Plan* plan, const std::atomic<int>* step, Seen* seen) {
        const int busy = plan->AddSource(std::make_shared<ToldSource>(step));
        const int falls_silent = plan->AddSource(std::make_shared<ToldSource>(step, 5));
        plan->AddOperator<Listener>(seen, {busy, falls_silent}, ExchangeKind::kForward, 1);
      },
      [](int step, const Seen& seen) {
        EXPECT_EQ(seen.watermark, step * kStepUs);
        EXPECT_EQ(seen.rows, (step + std::min(step, 5)) * kRows);
      });
}

}  // namespace
}  // namespace weir
