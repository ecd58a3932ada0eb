// A source without an engine: read in pieces, stopped at random, begun anew where its last position says.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "batch/print.h"
#include "config/params.h"
#include "connectors/register.h"
#include "engine/operator.h"
#include "env/env.h"
#include "plan/binder.h"
#include "plan/binding.h"
#include "plan/pipeline_text.h"
#include "plan/planner.h"

namespace weir {

/// Keeps what it is given as text; is full now and then.
class TextEmitter final : public Emitter {
 public:
  explicit TextEmitter(std::mt19937_64* random) : random_(random) {}
  using Emitter::Emit;
  Status Emit(int, Batch batch) override {
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      std::string text = RowToJson(batch, row);
      if (batch.has_weight()) text += " × " + std::to_string(batch.weight().at(row));
      rows.push_back(std::move(text));
    }
    return Status::OK();
  }
  Status Reject(const Batch&, const std::vector<RowError>&) override { return Status::Invalid("a row was rejected"); }
  Status RejectRaw(const std::vector<RawError>& errors) override {
    for (const RawError& error : errors) rows.push_back("error: " + error.message);
    return Status::OK();
  }
  bool full() const override { return (*random_)() % 3 == 0; }
  void Yield() override {}
  void Done() override {}
  void CountSpill(int64_t) override {}
  int64_t processing_time_us() const override { return now_us; }

  std::vector<std::string> rows;
  int64_t now_us = 0;

 private:
  std::mt19937_64* const random_;
};

/// The plan of a chain of steps, the YAML of a list. Fails the test where it has mistakes.
inline PhysicalPlan PlanSteps(const std::string& steps) {
  Registry registry;
  RegisterConnectors(registry);
  Diagnostics diagnostics;
  auto text = std::make_shared<SourceFile>("test.yaml", "pipeline:\n  type: chain\n  transforms:\n" + steps);
  auto file = ReadPipelineText(text, {}, &diagnostics);
  PhysicalPlan plan;
  if (file) {
    const LogicalGraph logical = file->Build(&diagnostics);
    const BindOptions options{.env = &Env::Real(), .lanes = 3, .base_dir = "."};
    const BoundGraph graph = Bind(logical, registry, options, &diagnostics);
    if (!diagnostics.has_errors()) plan = PlanPhysical(graph);
  }
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.Sorted()[0].message;
  return plan;
}

/// The source of `steps`, the YAML of a list of steps that is a chain. It makes sources anew, as runs do.
class SourceUnderTest {
 public:
  explicit SourceUnderTest(const std::string& steps, uint64_t seed)
      : random_(seed), out_(&random_), plan_(PlanSteps(steps)) {
    out_.now_us = Env::Real().WallTime();
  }

  const PhysicalNode& node() const { return plan_.nodes.at(0); }
  std::string state_dir;
  /// Rows that were given before the last position, and since.
  std::vector<std::string> rows() const {
    std::vector<std::string> all = committed_;
    all.insert(all.end(), out_.rows.begin(), out_.rows.end());
    return all;
  }
  const std::string& position() const { return position_; }
  std::mt19937_64& random() { return random_; }
  bool exhausted() const { return !readers_.empty() && left_ == 0; }

  /// Begins a run at the last position.
  Status Start(int lanes) {
    Stop();
    WEIR_ASSIGN_OR_RETURN(source_, node().make_source(node().scan));
    OperatorContext context;
    context.env = &Env::Real();
    context.step = "Read";
    context.lanes = lanes;
    context.batch_rows = 1 + static_cast<int64_t>(random_() % 50);
    context.durable = true;
    context.state_dir = state_dir;
    context.durable_id = "test/Read";
    context.needed_outputs = node().needed_outputs;
    WEIR_RETURN_NOT_OK(source_->Open(context));
    if (!position_.empty()) WEIR_RETURN_NOT_OK(source_->Restore(position_));
    for (context.lane = 0; context.lane < lanes; ++context.lane) {
      WEIR_ASSIGN_OR_RETURN(auto reader, source_->OpenReader(context));
      readers_.push_back({std::move(reader), false});
    }
    left_ = lanes;
    return Status::OK();
  }
  /// The run is killed: what was given since the last position counts for nothing.
  void Stop() {
    out_.rows.clear();
    readers_.clear();
    source_.reset();
  }
  Status Poll() {
    out_.now_us += 20'000;
    Lane& lane = readers_[random_() % readers_.size()];
    if (lane.exhausted) return Status::OK();
    return PollLane(&lane);
  }
  /// An epoch ends.
  Status Commit() {
    for (Lane& lane : readers_) {
      while (!lane.exhausted && !lane.reader->can_pause()) WEIR_RETURN_NOT_OK(PollLane(&lane));
    }
    WEIR_ASSIGN_OR_RETURN(position_, source_->Position());
    for (std::string& row : out_.rows) committed_.push_back(std::move(row));
    out_.rows.clear();
    return source_->Committed(position_);
  }
  EventTime watermark() const { return readers_[0].reader->watermark(); }

  /// Runs, commits and dies at random until `is_done` or everything is given; gives up after `max_polls`.
  Status ReadWithDeaths(int lanes, const std::function<bool()>& is_done, int max_polls = 100'000) {
    WEIR_RETURN_NOT_OK(Start(lanes));
    for (int i = 0; i < max_polls; ++i) {
      const uint64_t dice = random_() % 40;
      if (dice == 0) {
        WEIR_RETURN_NOT_OK(Start(1 + static_cast<int>(random_() % static_cast<uint64_t>(lanes))));
      } else if (dice < 6) {
        WEIR_RETURN_NOT_OK(Commit());
      } else {
        WEIR_RETURN_NOT_OK(Poll());
      }
      if (left_ == 0 || (is_done && is_done())) return Commit();
    }
    return Status::Invalid("not done after ", max_polls, " polls: ", rows().size(), " rows");
  }

 private:
  struct Lane {
    std::unique_ptr<SourceReader> reader;
    bool exhausted;
  };
  Status PollLane(Lane* lane) {
    WEIR_ASSIGN_OR_RETURN(const PollResult result, lane->reader->Poll(out_));
    if (result != PollResult::kExhausted) return Status::OK();
    lane->exhausted = true;
    --left_;
    return Status::OK();
  }

  std::mt19937_64 random_;
  TextEmitter out_;
  const PhysicalPlan plan_;
  std::shared_ptr<Source> source_;
  std::vector<Lane> readers_;  // go before their source
  int left_ = 0;
  std::string position_;
  std::vector<std::string> committed_;
};

}  // namespace weir
