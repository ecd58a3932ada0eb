// Rows reach a target that fails, that dies between its commit and its answer, and that refuses rows: each once in a
// durable run, in order and complete in any other.
#include "connectors/support/target_sink.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <thread>

#include "batch/json_rows.h"
#include "batch/print.h"
#include "env/env.h"
#include "env/temp_directory.h"

namespace weir {
namespace {

/// What outlives the sinks: the database behind the fake target.
struct FakeSystem {
  std::vector<int64_t> ids;
  std::vector<int64_t> delivery_sizes;
  int64_t last = 0;
  int fail_before = 0;       // this many deliveries do not arrive
  int fail_after = 0;        // this many arrive, but their answer is lost
  bool crash_after = false;  // the next one arrives, and then the process is gone
  std::string fatal;
};

class FakeTarget final : public Target {
 public:
  FakeTarget(FakeSystem* system, bool transactional) : system_(system), transactional_(transactional) {}
  Status Open(const OperatorContext&, const std::string& writer_id) override {
    counts_ = !writer_id.empty();
    return Status::OK();
  }
  Result<int64_t> LastDelivered() override { return system_->last; }
  Status Deliver(const Delivery& delivery, std::vector<RefusedRows>* refused) override {
    if (!system_->fatal.empty()) return Status::Invalid(system_->fatal);
    if (system_->fail_before > 0) {
      --system_->fail_before;
      return Status::IOError("connection refused");
    }
    std::vector<int64_t> ids;
    for (size_t i = 0; i < delivery.rows.size(); ++i) {
      const Batch& batch = delivery.rows[i];
      RefusedRows of_batch{i, {}};
      for (int64_t row = 0; row < batch.num_rows(); ++row) {
        const int64_t id = batch.column(0)->GetValues<int64_t>(1)[row];
        if (id < 0)
          of_batch.errors.push_back({row, "negative"});
        else
          ids.push_back(id);
      }
      if (!of_batch.errors.empty()) refused->push_back(of_batch);
    }
    if (delivery.before_commit) WEIR_RETURN_NOT_OK(delivery.before_commit(*refused));
    if (transactional_ && counts_ && delivery.number <= system_->last) return Status::UnknownError("delivered twice");
    system_->ids.insert(system_->ids.end(), ids.begin(), ids.end());
    system_->delivery_sizes.push_back(delivery.num_rows());
    system_->last = delivery.number;
    if (system_->crash_after) return Status::UnknownError("the process is gone");
    if (system_->fail_after > 0) {
      --system_->fail_after;
      return Status::IOError("connection reset");
    }
    return Status::OK();
  }
  Status Reopen() override { return Status::OK(); }
  bool transactional() const override { return transactional_; }

 private:
  FakeSystem* const system_;
  const bool transactional_;
  bool counts_ = false;
};

/// A run: a sink and one writer.
class TargetSinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TempDirectory::Create(Env::Real());
    ASSERT_TRUE(folder.ok()) << folder.status().ToString();
    folder_ = std::move(*folder);
  }

  void Start(bool durable, bool transactional = true) {
    writer_.reset();
    sink_.reset();
    TargetSinkOptions options = options_;
    options.retry.delay.us = 1000;
    options.schema = SchemaFromText("id: integer, name: string").ValueOrDie();
    sink_ = MakeTargetSink(options, std::make_unique<FakeTarget>(&system_, transactional));
    context_.step = "Write";
    context_.env = &Env::Real();
    context_.durable = durable;
    context_.state_dir = durable && use_folder_ ? folder_->path() : "";
    context_.durable_id = durable ? "orders/Write" : "";
    ASSERT_TRUE(sink_->Open(context_).ok());
  }
  void OpenWriter() { writer_ = sink_->OpenWriter(context_).ValueOrDie(); }

  static Batch Ids(int64_t first, int64_t count, int64_t name_bytes = 3) {
    std::string rows = "[";
    for (int64_t id = first; id < first + count; ++id) {
      rows += (id > first ? "," : "") + std::string("{\"id\":") + std::to_string(id) + ",\"name\":\"" +
              std::string(name_bytes, 'x') + "\"}";
    }
    return MakeBatch("id: integer, name: string", rows + "]");
  }
  std::vector<int64_t> Numbers(int64_t count) {
    std::vector<int64_t> numbers(count);
    for (int64_t i = 0; i < count; ++i) numbers[i] = i;
    return numbers;
  }
  int64_t FilesInOutbox() {
    int64_t count = 0;
    auto folders = RealFileSystem().List(folder_->path() + "/outbox").ValueOrDie();
    for (const auto& entry : folders) {
      count += RealFileSystem().List(folder_->path() + "/outbox/" + entry.name).ValueOrDie().size();
    }
    return count;
  }
  std::string Reasons() {
    std::string text;
    for (const RejectedRows& rejected : writer_->TakeRejected()) {
      for (const RowError& error : rejected.errors) {
        text += RowToJson(rejected.input, error.row) + " " + error.message + "\n";
      }
    }
    return text;
  }

  FakeSystem system_;
  TargetSinkOptions options_;
  OperatorContext context_;
  bool use_folder_ = true;
  std::unique_ptr<TempDirectory> folder_;
  std::shared_ptr<Sink> sink_;
  std::unique_ptr<SinkWriter> writer_;
};

TEST_F(TargetSinkTest, RowsGoOutInDeliveriesOfTheSizeThatWasAskedFor) {
  options_.batch.max_records = 40;
  Start(false);
  OpenWriter();
  ASSERT_TRUE(writer_->Write(Ids(0, 100)).ok());
  ASSERT_TRUE(writer_->Finish().ok());
  EXPECT_EQ(system_.ids, Numbers(100));
  EXPECT_EQ(system_.delivery_sizes, (std::vector<int64_t>{40, 40, 20}));
}

TEST_F(TargetSinkTest, RowsDoNotWaitLongerThanMaxWait) {
  options_.batch.max_wait.us = 10'000;
  Start(false);
  OpenWriter();
  ASSERT_TRUE(writer_->Write(Ids(0, 5)).ok());
  for (int i = 0; i < 500 && writer_->next_timer_us() != kMaxEventTime; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ASSERT_TRUE(writer_->OnProcessingTime(Env::Real().WallTime()).ok());
  }
  EXPECT_EQ(writer_->next_timer_us(), kMaxEventTime) << "nothing is on its way any more";
  EXPECT_EQ(system_.ids, Numbers(5));
}

TEST_F(TargetSinkTest, TriesAgainAndGivesUp) {
  system_.fail_before = 3;
  Start(false);
  OpenWriter();
  ASSERT_TRUE(writer_->Write(Ids(0, 5)).ok());
  ASSERT_TRUE(writer_->Finish().ok());
  EXPECT_EQ(system_.ids, Numbers(5));

  system_.fail_before = 1000;
  options_.retry.max.us = 5000;
  Start(false);
  OpenWriter();
  ASSERT_TRUE(writer_->Write(Ids(5, 5)).ok());
  const Status status = writer_->Finish();
  EXPECT_TRUE(status.IsIOError()) << status.ToString();
  EXPECT_EQ(system_.ids, Numbers(5));
}

TEST_F(TargetSinkTest, AnErrorThatNoRepetitionChangesEndsTheRunAtOnce) {
  system_.fatal = "no such table";
  Start(false);
  OpenWriter();
  ASSERT_TRUE(writer_->Write(Ids(0, 5)).ok());
  const Status status = writer_->Finish();
  EXPECT_TRUE(status.IsInvalid()) << status.ToString();
}

TEST_F(TargetSinkTest, RefusedRowsComeBackWithTheirReasons) {
  Start(false);
  OpenWriter();
  ASSERT_TRUE(writer_->Write(Ids(-2, 4)).ok());
  ASSERT_TRUE(writer_->Finish().ok());
  EXPECT_EQ(system_.ids, Numbers(2));
  EXPECT_EQ(Reasons(), "{\"id\": -2, \"name\": \"xxx\"} negative\n{\"id\": -1, \"name\": \"xxx\"} negative\n");
}

TEST_F(TargetSinkTest, EpochsBecomeVisibleWhenTheyAreCommitted) {
  for (const bool use_folder : {true, false}) {
    use_folder_ = use_folder;
    system_ = {};
    Start(true);
    ASSERT_TRUE(sink_->Recover(0, "").ok());
    OpenWriter();
    ASSERT_TRUE(writer_->Write(Ids(0, 10)).ok());
    const std::string token = sink_->Prepare(1).ValueOrDie();
    ASSERT_TRUE(writer_->Write(Ids(10, 10)).ok());
    EXPECT_TRUE(system_.ids.empty());
    ASSERT_TRUE(sink_->Commit(token).ok());
    EXPECT_EQ(system_.ids, Numbers(10));
    ASSERT_TRUE(sink_->Commit(sink_->Prepare(2).ValueOrDie()).ok());
    EXPECT_EQ(system_.ids, Numbers(20));
    ASSERT_TRUE(sink_->Commit(sink_->Prepare(3).ValueOrDie()).ok()) << "an empty epoch";
    EXPECT_EQ(system_.delivery_sizes.size(), 2u);
  }
}

// Small rows go with the token, bigger ones into a file, a whole epoch that does not stay in memory is read from it.
TEST_F(TargetSinkTest, WhatWasPreparedArrivesAfterACrash) {
  for (const int64_t name_bytes : {3, 2000, 20000}) {
    system_ = {};
    Start(true);
    ASSERT_TRUE(sink_->Recover(0, "").ok());
    OpenWriter();
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(writer_->Write(Ids(i * 100, 100, name_bytes)).ok());
    const std::string token = sink_->Prepare(1).ValueOrDie();
    ASSERT_TRUE(writer_->Write(Ids(5000, 100)).ok());

    Start(true);
    ASSERT_TRUE(sink_->Recover(1, token).ok());
    EXPECT_EQ(system_.ids, Numbers(1000)) << name_bytes;
    Start(true);
    ASSERT_TRUE(sink_->Recover(1, token).ok());
    ASSERT_TRUE(sink_->Commit(sink_->Prepare(2).ValueOrDie()).ok());
    EXPECT_EQ(system_.ids, Numbers(1000)) << "delivered twice";
    EXPECT_EQ(FilesInOutbox(), 0);
  }
}

TEST_F(TargetSinkTest, ALostAnswerIsNotALostDelivery) {
  system_.fail_after = 1;
  Start(true);
  ASSERT_TRUE(sink_->Recover(0, "").ok());
  OpenWriter();
  ASSERT_TRUE(writer_->Write(Ids(-1, 11)).ok());
  ASSERT_TRUE(sink_->Commit(sink_->Prepare(1).ValueOrDie()).ok());
  EXPECT_EQ(system_.ids, Numbers(10));
  EXPECT_EQ(Reasons(), "{\"id\": -1, \"name\": \"xxx\"} negative\n");
}

TEST_F(TargetSinkTest, ANewRunIsNotTakenForARepetition) {
  for (int run = 0; run < 3; ++run) {
    Start(true);
    ASSERT_TRUE(sink_->Recover(0, "").ok());
    OpenWriter();
    ASSERT_TRUE(writer_->Write(Ids(run * 10, 10)).ok());
    ASSERT_TRUE(sink_->Commit(sink_->Prepare(1).ValueOrDie()).ok());
  }
  EXPECT_EQ(system_.ids, Numbers(30));
}

TEST_F(TargetSinkTest, TwoRunsOfOneNameAreFound) {
  Start(true);
  ASSERT_TRUE(sink_->Recover(0, "").ok());
  OpenWriter();
  ASSERT_TRUE(writer_->Write(Ids(0, 10)).ok());
  const std::string token = sink_->Prepare(1).ValueOrDie();
  ASSERT_TRUE(sink_->Commit(token).ok());
  system_.last += 1;
  Start(true);
  const Status status = sink_->Recover(1, token);
  EXPECT_NE(status.message().find("another run"), std::string::npos) << status.ToString();
}

// A row that was refused comes to the error output of an epoch that is committed, whenever the process dies.
TEST_F(TargetSinkTest, RefusedRowsSurviveACrash) {
  const std::string reason = "{\"id\": -1, \"name\": \"xxx\"} negative\n";
  Start(true);
  ASSERT_TRUE(sink_->Recover(0, "").ok());
  OpenWriter();
  ASSERT_TRUE(writer_->Write(Ids(-1, 11)).ok());
  const std::string first = sink_->Prepare(1).ValueOrDie();
  system_.crash_after = true;
  EXPECT_FALSE(sink_->Commit(first).ok());
  system_.crash_after = false;

  Start(true);
  ASSERT_TRUE(sink_->Recover(1, first).ok());
  const std::string second = sink_->Prepare(2).ValueOrDie();  // nobody has taken them yet
  ASSERT_TRUE(sink_->Commit(second).ok());

  Start(true);
  ASSERT_TRUE(sink_->Recover(2, second).ok());
  OpenWriter();
  EXPECT_EQ(Reasons(), reason);  // and lost again: the process dies before the epoch is committed
  Start(true);
  ASSERT_TRUE(sink_->Recover(2, second).ok());
  OpenWriter();
  EXPECT_EQ(Reasons(), reason);
  const std::string third = sink_->Prepare(3).ValueOrDie();
  ASSERT_TRUE(sink_->Commit(third).ok());

  Start(true);
  ASSERT_TRUE(sink_->Recover(3, third).ok());
  OpenWriter();
  EXPECT_EQ(Reasons(), "");
  EXPECT_EQ(system_.ids, Numbers(10));
  EXPECT_EQ(FilesInOutbox(), 0);
}

TEST_F(TargetSinkTest, DamageInTheOutboxIsFound) {
  Start(true);
  ASSERT_TRUE(sink_->Recover(0, "").ok());
  OpenWriter();
  ASSERT_TRUE(writer_->Write(Ids(0, 100, 2000)).ok());
  const std::string token = sink_->Prepare(1).ValueOrDie();
  const std::string folder =
      folder_->path() + "/outbox/" + RealFileSystem().List(folder_->path() + "/outbox").ValueOrDie()[0].name;
  const std::string path = folder + "/" + RealFileSystem().List(folder).ValueOrDie()[0].name;
  const std::string bytes = ReadFile(RealFileSystem(), path).ValueOrDie();
  for (const size_t at : {bytes.size() / 2, bytes.size() - 20, size_t{30}}) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    auto file = RealFileSystem().Create(path).ValueOrDie();
    ASSERT_TRUE(file->Write(damaged).ok() && file->Close().ok());
    Start(true);
    const Status status = sink_->Recover(1, token);
    EXPECT_NE(status.message().find("damaged at byte"), std::string::npos) << status.ToString();
  }
  EXPECT_TRUE(system_.ids.empty());
}

}  // namespace
}  // namespace weir
