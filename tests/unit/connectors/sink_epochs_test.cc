// Sinks of files in durable runs: whenever a run is killed, each row of a committed epoch is shown once, in files that
// are whole whenever somebody looks.
#include <arrow/builder.h>
#include <arrow/io/file.h>
#include <arrow/io/interfaces.h>
#include <arrow/type.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "env/streams.h"
#include "formats/parquet/parquet_file.h"
#include "unit/connectors/source_reading.h"
#include "unit/test_seed.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

/// One sink, run after run.
class SinkUnderTest {
 public:
  SinkUnderTest(const std::string& type, const std::string& config, bool bounded, uint64_t seed)
      : random_(seed),
        dir_(fs::path(testing::TempDir()) /
             ("weir-sinks-" + std::to_string(::getpid()) + "-" + std::to_string(Env::Real().RandomSeed()))) {
    fs::create_directories(dir_);
    std::string placed = config;
    const size_t at = placed.find("DIR");
    placed.replace(at, 3, dir_.string());
    plan_ = PlanSteps("  - type: Generate\n    config: {" + std::string(bounded ? "rows: 1, " : "") +
                      "fields: {id: {kind: sequence}, k: {kind: integer, min: 0, max: 3}}}\n  - type: " + type +
                      "\n    config: {" + placed + "}\n");
  }
  ~SinkUnderTest() { fs::remove_all(dir_); }

  const PhysicalNode& node() const { return plan_.nodes.back(); }
  const fs::path& dir() const { return dir_; }

  /// Writes `rows` rows in epochs, dies now and then, ends.
  void Run(int64_t rows, bool one_epoch) {
    ASSERT_NO_FATAL_FAILURE(Start());
    while (written_ < rows) {
      ASSERT_NO_FATAL_FAILURE(WriteSome(rows));
      const uint64_t dice = random_() % 12;
      if (dice < 3 && !one_epoch) {
        ASSERT_NO_FATAL_FAILURE(EndEpoch(/*dies=*/dice == 0));
      }
      if (random_() % 10 == 0) {
        Abandon(random_() % 2 == 0);
        ASSERT_NO_FATAL_FAILURE(Start());
        if (random_() % 5 == 0) {  // and once more
          ASSERT_NO_FATAL_FAILURE(Start());
        }
      }
      ASSERT_NO_FATAL_FAILURE(Look());
    }
    for (auto& writer : writers_) Check(writer->Finish());
    finished_ = true;
    ASSERT_NO_FATAL_FAILURE(EndEpoch(/*dies=*/random_() % 2 == 0));
    ASSERT_NO_FATAL_FAILURE(Look());
    EXPECT_EQ(static_cast<int64_t>(shown_.size()) + counted_, rows);
    sink_.reset();
    for (const auto& entry : fs::recursive_directory_iterator(dir_)) {
      EXPECT_FALSE(entry.path().filename().string().starts_with('.')) << entry.path() << " is left";
    }
  }

 private:
  void Check(const Status& status) { ASSERT_TRUE(status.ok()) << status.ToString(); }

  void Start() {
    writers_.clear();
    sink_ = node().make_sink().ValueOrDie();
    OperatorContext context;
    context.env = &Env::Real();
    context.step = "Write";
    context.lanes = node().max_lanes == 0 ? 1 + static_cast<int>(random_() % 3) : 1;
    context.durable = true;
    context.durable_id = "test";
    Check(sink_->Open(context));
    Check(sink_->Recover(epoch_, token_));
    for (context.lane = 0; context.lane < context.lanes; ++context.lane) {
      auto writer = sink_->OpenWriter(context);
      ASSERT_TRUE(writer.ok()) << writer.status().ToString();
      writers_.push_back(std::move(*writer));
    }
    written_ = committed_;
  }

  /// The process dies, or the run fails.
  void Abandon(bool fails) {
    if (fails) Check(sink_->Abort(epoch_ + 1));
    writers_.clear();
    sink_.reset();
  }

  void WriteSome(int64_t rows) {
    const int64_t count = std::min<int64_t>(rows - written_, static_cast<int64_t>(random_() % 60));
    arrow::Int64Builder ids, keys;
    for (int64_t i = 0; i < count; ++i) {
      Check(ids.Append(written_ + i));
      Check(keys.Append((written_ + i) % 4));
    }
    const SchemaPtr schema = arrow::schema({arrow::field("id", arrow::int64()), arrow::field("k", arrow::int64())});
    Batch batch(schema, {ids.Finish().ValueOrDie()->data(), keys.Finish().ValueOrDie()->data()}, count);
    Check(writers_[random_() % writers_.size()]->Write(std::move(batch)));
    written_ += count;
  }

  /// `dies`: after the epoch is recorded, before or after it is shown.
  void EndEpoch(bool dies) {
    if (!finished_) {
      for (auto& writer : writers_) Check(writer->EndEpoch(epoch_ + 1));
    }
    auto token = sink_->Prepare(epoch_ + 1);
    ASSERT_TRUE(token.ok()) << token.status().ToString();
    ++epoch_;
    token_ = *token;
    committed_ = written_;
    if (!dies || random_() % 2 == 0) Check(sink_->Commit(token_));
    if (!dies) return;
    Abandon(random_() % 2 == 0);
    ASSERT_NO_FATAL_FAILURE(Start());
  }

  /// What a reader of the folder sees: whole files, committed rows, each once, and none disappears.
  void Look() {
    std::set<int64_t> seen;
    counted_ = 0;
    for (const auto& entry : fs::recursive_directory_iterator(dir_)) {
      if (!entry.is_regular_file() || entry.path().filename().string().starts_with('.')) continue;
      for (const int64_t id : Read(entry.path())) {
        ASSERT_TRUE(seen.insert(id).second) << "row " << id << " is there twice";
        ASSERT_LT(id, committed_) << "a row that was not committed is shown";
      }
    }
    ASSERT_TRUE(std::includes(seen.begin(), seen.end(), shown_.begin(), shown_.end())) << "rows have disappeared";
    ASSERT_LE(counted_, committed_);
    shown_ = std::move(seen);
  }

  std::vector<int64_t> Read(const fs::path& path) {
    std::vector<int64_t> ids;
    auto stream = OpenInput(Env::Real(), path.string()).ValueOrDie();
    if (path.extension() == ".parquet") {
      auto file = ParquetFile::Open(std::dynamic_pointer_cast<arrow::io::RandomAccessFile>(stream), path.string());
      EXPECT_TRUE(file.ok()) << path << ": " << file.status().ToString();
      if (file.ok()) counted_ += (*file)->num_rows();
      return ids;
    }
    std::string text;
    for (;;) {
      auto piece = stream->Read(1 << 16);
      EXPECT_TRUE(piece.ok()) << path << ": " << piece.status().ToString();
      if (!piece.ok() || (*piece)->size() == 0) break;
      text += (*piece)->ToString();
    }
    EXPECT_TRUE(text.ends_with('\n')) << path << " ends within a line";
    if (text.starts_with('[')) {
      EXPECT_TRUE(text.ends_with("\n]\n") || text == "[]\n") << path << " is no whole array: " << text;
    }
    size_t begin = text.starts_with("id,k\n") ? 5 : text.starts_with("id\n") ? 3 : 0;
    while (begin < text.size()) {
      const size_t digit = text.find_first_of("0123456789]", begin);
      if (digit == std::string::npos || text[digit] == ']') break;
      ids.push_back(std::stoll(text.substr(digit, 20)));
      begin = text.find('\n', digit) + 1;
    }
    return ids;
  }

  std::mt19937_64 random_;
  const fs::path dir_;
  PhysicalPlan plan_;
  std::shared_ptr<Sink> sink_;
  std::vector<std::unique_ptr<SinkWriter>> writers_;  // go before their sink
  int64_t epoch_ = 0, written_ = 0, committed_ = 0;
  bool finished_ = false;
  std::string token_;
  std::set<int64_t> shown_;
  int64_t counted_ = 0;  // rows of Parquet files that the last look has seen
};

struct Case {
  const char* type;
  const char* config;
  bool bounded;
  SinkEpochs epochs;
};

class SinkEpochsOfFiles : public testing::TestWithParam<Case> {};

TEST_P(SinkEpochsOfFiles, EachCommittedRowIsShownOnce) {
  const Case& test = GetParam();
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  for (uint64_t round = 0; round < 3; ++round) {
    SinkUnderTest sink(test.type, test.config, test.bounded, seed + round);
    ASSERT_EQ(sink.node().sink_epochs, test.epochs);
    ASSERT_NO_FATAL_FAILURE(sink.Run(800, test.epochs == SinkEpochs::kWhole));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, SinkEpochsOfFiles,
    testing::Values(Case{"WriteToJson", "path: DIR/out/, roll: {rows: 100}", false, SinkEpochs::kExactlyOnce},
                    Case{"WriteToJson", "path: DIR/out/, lines: false", false, SinkEpochs::kExactlyOnce},
                    Case{"WriteToCsv", "path: DIR/out/, roll: {rows: 70}, partition_by: k", false,
                         SinkEpochs::kExactlyOnce},
                    Case{"WriteToCsv", "path: DIR/out/, compression: gzip", false, SinkEpochs::kExactlyOnce},
                    Case{"WriteToParquet", "path: DIR/out/", false, SinkEpochs::kExactlyOnce},
                    Case{"WriteToParquet", "path: DIR/out.parquet", true, SinkEpochs::kWhole},
                    Case{"WriteToJson", "path: DIR/out.json", true, SinkEpochs::kExactlyOnce},
                    Case{"WriteToJson", "path: DIR/out.json, lines: false", true, SinkEpochs::kExactlyOnce},
                    Case{"WriteToCsv", "path: DIR/out.csv.zst", true, SinkEpochs::kExactlyOnce},
                    Case{"WriteToCsv", "path: DIR/out, num_shards: 3", true, SinkEpochs::kExactlyOnce},
                    Case{"WriteToCsv", "path: DIR/out, partition_by: k", true, SinkEpochs::kExactlyOnce},
                    Case{"WriteToCsv", "path: DIR/out.csv", false, SinkEpochs::kExactlyOnce},
                    Case{"WriteToJson", "path: DIR/out/, roll: {rows: 100}", true, SinkEpochs::kWhole}));

}  // namespace
}  // namespace weir
