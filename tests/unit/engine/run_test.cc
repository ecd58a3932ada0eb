// The engine with operators made for the purpose: shapes that deadlock naive engines, order of calls, early stop,
// errors. They run under every number of lanes, with one-batch channels and with jitter, and must always give the same.
#include "engine/run.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <deque>

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

/// `batches` morsels of `rows` consecutive integers.
class CountingSource final : public Source {
 public:
  CountingSource(int64_t batches, int64_t rows) : batches_(batches), rows_(rows) {}
  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override {
    return std::make_unique<Reader>(this, lane);
  }
  std::atomic<int64_t> next{0};

 private:
  class Reader final : public SourceReader {
   public:
    Reader(CountingSource* source, const OperatorContext& lane) : source_(source), lane_(lane) {}
    Result<PollResult> Poll(Emitter& out) override {
      const int64_t morsel = source_->next++;
      if (morsel >= source_->batches_) return PollResult::kExhausted;
      lane_.morsels->Start(lane_.lane, morsel);
      WEIR_RETURN_NOT_OK(out.Emit(Ints(morsel * source_->rows_, source_->rows_)));
      return PollResult::kProduced;
    }

   private:
    CountingSource* const source_;
    const OperatorContext lane_;
  };
  const int64_t batches_, rows_;
};

struct Total {
  std::atomic<int64_t> rows{0}, sum{0}, finished{0}, port_ends{0};
  std::atomic<bool> called_after_finish{false}, watermark_back{false};
};

/// Adds up what it gets; checks the promised order of calls.
class SumSink final : public Operator {
 public:
  explicit SumSink(Total* total) : total_(total) {}
  Status Process(int, Batch batch, Emitter&) override {
    if (finished_) total_->called_after_finish = true;
    const auto* values = batch.column(0)->GetValues<int64_t>(1);
    int64_t sum = 0;
    for (int64_t i = 0; i < batch.num_rows(); ++i) sum += values[i];
    total_->sum += sum;
    total_->rows += batch.num_rows();
    return Status::OK();
  }
  Status OnWatermark(EventTime watermark, Emitter&) override {
    if (watermark <= last_) total_->watermark_back = true;
    last_ = watermark;
    return Status::OK();
  }
  Status OnPortEnd(int, Emitter&) override {
    ++total_->port_ends;
    return Status::OK();
  }
  Status Finish(Emitter&) override {
    EXPECT_EQ(last_, kMaxEventTime);
    finished_ = true;
    ++total_->finished;
    return Status::OK();
  }

 private:
  Total* const total_;
  EventTime last_ = kMinEventTime;
  bool finished_ = false;
};

class PassOn final : public Operator {
 public:
  Status Process(int, Batch batch, Emitter& out) override { return out.Emit(std::move(batch)); }
};

/// Takes port 1 only when port 0 has ended, as a hash join does; hands on everything.
class BuildThenProbe final : public Operator {
 public:
  Status Process(int, Batch batch, Emitter& out) override { return out.Emit(std::move(batch)); }
  Status OnPortEnd(int port, Emitter&) override {
    if (port == 0) built_ = true;
    return Status::OK();
  }
  bool Accepts(int port) const override { return port == 0 || built_; }

 private:
  bool built_ = false;
};

/// One batch becomes `factor` batches, given piecemeal; one more batch at the end.
class Explode final : public Operator {
 public:
  explicit Explode(int factor) : factor_(factor) {}
  Status Process(int, Batch batch, Emitter& out) override {
    current_ = std::move(batch);
    left_ = factor_;
    return Resume(out);
  }
  Status Finish(Emitter& out) override {
    current_ = Ints(0, 1);
    left_ = factor_;
    return Resume(out);
  }
  Status Resume(Emitter& out) override {
    while (left_ > 0) {
      if (out.full()) {
        out.Yield();
        return Status::OK();
      }
      --left_;
      WEIR_RETURN_NOT_OK(out.Emit(current_));
    }
    return Status::OK();
  }

 private:
  const int factor_;
  Batch current_;
  int left_ = 0;
};

class FirstRows final : public Operator {
 public:
  explicit FirstRows(int64_t limit) : left_(limit) {}
  Status Process(int, Batch batch, Emitter& out) override {
    const int64_t take = std::min(left_, batch.num_rows());
    left_ -= take;
    WEIR_RETURN_NOT_OK(out.Emit(batch.Slice(0, take)));
    if (left_ == 0) out.Done();
    return Status::OK();
  }

 private:
  int64_t left_;
};

class RejectOdd final : public Operator {
 public:
  Status Process(int, Batch batch, Emitter& out) override {
    std::vector<RowError> errors;
    const auto* values = batch.column(0)->GetValues<int64_t>(1);
    for (int64_t i = 0; i < batch.num_rows(); ++i) {
      if (values[i] % 2 != 0) errors.push_back({i, "odd"});
    }
    return out.Reject(batch, errors);
  }
};

/// Builds plans by hand.
class PlanBuilder {
 public:
  int Source(std::shared_ptr<weir::Source> source) {
    PhysicalNode node;
    node.role = NodeRole::kSource;
    node.make_source = [source](const ScanRequest&) -> Result<std::shared_ptr<weir::Source>> { return source; };
    return Add(std::move(node));
  }
  template <class Make>
  int Op(Make make, std::vector<PhysicalInput> inputs, int max_lanes = 0) {
    PhysicalNode node;
    node.inputs = std::move(inputs);
    node.max_lanes = max_lanes;
    node.make = [make](const OperatorContext&) -> Result<std::unique_ptr<Operator>> { return make(); };
    return Add(std::move(node));
  }
  PhysicalNode& node(int id) { return plan_.nodes[id]; }
  PhysicalPlan Take() { return std::move(plan_); }

 private:
  int Add(PhysicalNode node) {
    node.id = static_cast<int>(plan_.nodes.size());
    node.step_name = "step" + std::to_string(node.id);
    node.outputs = {OneInt()};
    node.needed_outputs = {ColumnSet::All(1)};
    plan_.nodes.push_back(std::move(node));
    return plan_.nodes.back().id;
  }
  PhysicalPlan plan_;
};

const Exchange kForward{};
const Exchange kHashX{ExchangeKind::kHash, {0}};
const Exchange kRebalance{ExchangeKind::kRebalance, {}};

std::vector<RunOptions> Modes() {
  std::vector<RunOptions> out;
  for (int lanes : {1, 2, 3}) {
    RunOptions plain;
    plain.lanes = lanes;
    out.push_back(plain);
    RunOptions tight = plain;
    tight.channel.batches = 1;
    tight.split_rows = 7;
    out.push_back(tight);
    for (uint64_t seed : {1, 2}) {
      RunOptions jitter = tight;
      jitter.jitter_seed = seed;
      out.push_back(jitter);
    }
  }
  return out;
}

std::string Name(const RunOptions& o) {
  return "lanes " + std::to_string(o.lanes) + " batches " + std::to_string(o.channel.batches) + " jitter " +
         std::to_string(o.jitter_seed);
}

void Execute(PhysicalPlan plan, const RunOptions& options) {
  weir::Run run(std::move(plan), options, nullptr, nullptr);
  Status status = run.Execute();
  ASSERT_TRUE(status.ok()) << status.ToString();
}

TEST(RunTest, ChainWithExchangesKeepsEveryRow) {
  for (const RunOptions& options : Modes()) {
    SCOPED_TRACE(Name(options));
    Total total;
    PlanBuilder plan;
    int at = plan.Source(std::make_shared<CountingSource>(50, 100));
    at = plan.Op([] { return std::make_unique<PassOn>(); }, {{at, 0, kForward}});
    at = plan.Op([] { return std::make_unique<PassOn>(); }, {{at, 0, kHashX}});
    at = plan.Op([] { return std::make_unique<PassOn>(); }, {{at, 0, kRebalance}});
    plan.Op([&] { return std::make_unique<SumSink>(&total); }, {{at, 0, kForward}});
    Execute(plan.Take(), options);
    EXPECT_EQ(total.rows, 5000);
    EXPECT_EQ(total.sum, 5000 * 4999 / 2);
    EXPECT_EQ(total.finished, options.lanes);
    EXPECT_FALSE(total.called_after_finish);
    EXPECT_FALSE(total.watermark_back);
  }
}

// Both sides of a join come from one source: reading one side first must not stop the other.
TEST(RunTest, DiamondIntoRefusingJoinEnds) {
  for (const RunOptions& options : Modes()) {
    SCOPED_TRACE(Name(options));
    Total total;
    PlanBuilder plan;
    const int source = plan.Source(std::make_shared<CountingSource>(100, 50));
    const int left = plan.Op([] { return std::make_unique<PassOn>(); }, {{source, 0, kForward}});
    const int right = plan.Op([] { return std::make_unique<PassOn>(); }, {{source, 0, kRebalance}});
    const int join =
        plan.Op([] { return std::make_unique<BuildThenProbe>(); }, {{left, 0, kHashX}, {right, 0, kHashX}});
    plan.Op([&] { return std::make_unique<SumSink>(&total); }, {{join, 0, kForward}});
    Execute(plan.Take(), options);
    EXPECT_EQ(total.rows, 10000);
  }
}

// Two joins that each build what the other probes: refusals in a circle.
TEST(RunTest, CrossedJoinsEnd) {
  for (const RunOptions& options : Modes()) {
    SCOPED_TRACE(Name(options));
    Total total;
    PlanBuilder plan;
    const int a = plan.Source(std::make_shared<CountingSource>(60, 50));
    const int b = plan.Source(std::make_shared<CountingSource>(60, 50));
    const int first = plan.Op([] { return std::make_unique<BuildThenProbe>(); }, {{a, 0, kHashX}, {b, 0, kHashX}});
    const int second = plan.Op([] { return std::make_unique<BuildThenProbe>(); }, {{b, 0, kHashX}, {a, 0, kHashX}});
    plan.Op([&] { return std::make_unique<SumSink>(&total); }, {{first, 0, kForward}, {second, 0, kForward}});
    Execute(plan.Take(), options);
    EXPECT_EQ(total.rows, 12000);
    EXPECT_FALSE(total.called_after_finish);
  }
}

TEST(RunTest, CollectionJoinedWithItself) {
  for (const RunOptions& options : Modes()) {
    SCOPED_TRACE(Name(options));
    Total total;
    PlanBuilder plan;
    const int source = plan.Source(std::make_shared<CountingSource>(40, 50));
    const int join =
        plan.Op([] { return std::make_unique<BuildThenProbe>(); }, {{source, 0, kHashX}, {source, 0, kHashX}});
    plan.Op([&] { return std::make_unique<SumSink>(&total); }, {{join, 0, kForward}});
    Execute(plan.Take(), options);
    EXPECT_EQ(total.rows, 4000);
  }
}

TEST(RunTest, FanOutOfAHundred) {
  for (const RunOptions& options : Modes()) {
    SCOPED_TRACE(Name(options));
    Total total;
    PlanBuilder plan;
    const int source = plan.Source(std::make_shared<CountingSource>(20, 10));
    std::vector<PhysicalInput> branches;
    for (int i = 0; i < 100; ++i) {
      const Exchange exchange = i % 3 == 0 ? kForward : i % 3 == 1 ? kHashX : kRebalance;
      branches.push_back({plan.Op([] { return std::make_unique<PassOn>(); }, {{source, 0, exchange}}), 0, kHashX});
    }
    plan.Op([&] { return std::make_unique<SumSink>(&total); }, branches);
    Execute(plan.Take(), options);
    EXPECT_EQ(total.rows, 20000);
    EXPECT_EQ(total.port_ends, 100 * options.lanes);
  }
}

// One batch becomes a thousand, twice: memory stays bounded because operators yield when channels are full.
TEST(RunTest, ExplodingStepsYield) {
  for (const RunOptions& options : Modes()) {
    SCOPED_TRACE(Name(options));
    Total total;
    PlanBuilder plan;
    int at = plan.Source(std::make_shared<CountingSource>(3, 5));
    at = plan.Op([] { return std::make_unique<Explode>(30); }, {{at, 0, kForward}});
    at = plan.Op([] { return std::make_unique<Explode>(40); }, {{at, 0, kForward}});
    plan.Op([&] { return std::make_unique<SumSink>(&total); }, {{at, 0, kHashX}});
    Execute(plan.Take(), options);
    // Rows of data × 30 × 40; per lane 30 single rows of the first Finish × 40; 40 single rows of the second.
    EXPECT_EQ(total.rows, 15 * 1200 + options.lanes * (30 * 40 + 40));
    EXPECT_FALSE(total.called_after_finish);
  }
}

TEST(RunTest, DoneStopsTheSourceEarly) {
  for (const RunOptions& options : Modes()) {
    SCOPED_TRACE(Name(options));
    Total total;
    PlanBuilder plan;
    auto source = std::make_shared<CountingSource>(1'000'000, 10);
    int at = plan.Source(source);
    at = plan.Op([] { return std::make_unique<PassOn>(); }, {{at, 0, kForward}});
    at = plan.Op([] { return std::make_unique<FirstRows>(25); }, {{at, 0, {ExchangeKind::kGather, {}}}}, 1);
    plan.Op([&] { return std::make_unique<SumSink>(&total); }, {{at, 0, kForward}}, 1);
    Execute(plan.Take(), options);
    EXPECT_EQ(total.rows, 25);
    EXPECT_LT(source->next, 100'000);
  }
}

TEST(RunTest, RejectedRowsEndARunUnlessRead) {
  RunOptions options;
  options.lanes = 2;
  for (bool read : {false, true}) {
    Total good, bad;
    PlanBuilder plan;
    const int source = plan.Source(std::make_shared<CountingSource>(10, 10));
    const int reject = plan.Op([] { return std::make_unique<RejectOdd>(); }, {{source, 0, kForward}});
    plan.Op([&] { return std::make_unique<SumSink>(&good); }, {{reject, 0, kForward}});
    std::atomic<int64_t> errors{0};
    if (read) {
      plan.node(reject).error_port = 1;
      plan.node(reject).outputs.push_back(ErrorSchema(arrow::struct_(OneInt()->fields())));
      struct CountErrors final : Operator {
        explicit CountErrors(std::atomic<int64_t>* rows) : rows_(rows) {}
        Status Process(int, Batch batch, Emitter&) override {
          *rows_ += batch.num_rows();
          EXPECT_EQ(batch.num_columns(), 3);
          return Status::OK();
        }
        std::atomic<int64_t>* rows_;
      };
      plan.Op([&] { return std::make_unique<CountErrors>(&errors); }, {{reject, 1, kForward}});
    }
    weir::Run run(plan.Take(), options, nullptr, nullptr);
    Status status = run.Execute();
    EXPECT_EQ(status.ok(), read) << status.ToString();
    EXPECT_EQ(errors, read ? 50 : 0);
    EXPECT_EQ(status.message().find("odd") != std::string::npos, !read);
  }
}

TEST(RunTest, CancelEndsARun) {
  RunOptions options;
  options.lanes = 2;
  Total total;
  PlanBuilder plan;
  int at = plan.Source(std::make_shared<CountingSource>(int64_t{1} << 50, 10));
  plan.Op([&] { return std::make_unique<SumSink>(&total); }, {{at, 0, kHashX}});
  weir::Run run(plan.Take(), options, nullptr, nullptr);
  std::thread canceller([&] {
    while (total.rows < 1000) std::this_thread::yield();
    run.Cancel();
  });
  Status status = run.Execute();
  canceller.join();
  EXPECT_TRUE(status.IsCancelled()) << status.ToString();
}

// 10,000 steps in a row: fused chains are cut before the stack is.
TEST(RunTest, TenThousandStepsInARow) {
  for (int lanes : {1, 2}) {
    RunOptions options;
    options.lanes = lanes;
    Total total;
    PlanBuilder plan;
    int at = plan.Source(std::make_shared<CountingSource>(4, 10));
    for (int i = 0; i < 10'000; ++i) at = plan.Op([] { return std::make_unique<PassOn>(); }, {{at, 0, kForward}});
    plan.Op([&] { return std::make_unique<SumSink>(&total); }, {{at, 0, kForward}});
    Execute(plan.Take(), options);
    EXPECT_EQ(total.rows, 40);
  }
}

}  // namespace
}  // namespace weir
