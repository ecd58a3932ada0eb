// Positions of sources: whenever a run is killed, and with whatever lanes the next one begins, every row comes once.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "env/temp_directory.h"
#include "unit/connectors/source_reading.h"
#include "unit/test_seed.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> Sorted(std::vector<std::string> rows) {
  std::sort(rows.begin(), rows.end());
  return rows;
}

class Positions : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::path(testing::TempDir()) /
           ("weir-positions-" + std::to_string(::getpid()) + "-" + std::to_string(Env::Real().RandomSeed()));
    fs::create_directories(dir_ / "in");
    fs::create_directories(dir_ / "state");
  }
  void TearDown() override { fs::remove_all(dir_); }

  std::string In(const std::string& name) const { return (dir_ / "in" / name).string(); }
  void Write(const std::string& name, const std::string& text, bool append = false) const {
    std::ofstream(In(name), append ? std::ios::app : std::ios::trunc) << text;
  }
  /// Written aside and renamed, as files should come.
  void Place(const std::string& name, const std::string& text) const {
    std::ofstream(dir_ / "aside") << text;
    fs::rename(dir_ / "aside", In(name));
  }
  static std::string Lines(int from, int to) {
    std::string text;
    for (int i = from; i < to; ++i) text += "{\"id\": " + std::to_string(i) + "}\n";
    return text;
  }
  static std::vector<std::string> Rows(int from, int to) {
    std::vector<std::string> rows;
    for (int i = from; i < to; ++i) rows.push_back("{\"id\": " + std::to_string(i) + "}");
    return Sorted(rows);
  }
  std::unique_ptr<SourceUnderTest> Make(const std::string& type, const std::string& config, uint64_t seed) const {
    auto source = std::make_unique<SourceUnderTest>(
        "  - type: " + type + "\n    config: {" + config + "}\n  - type: Print\n    config: {format: json}\n", seed);
    source->state_dir = (dir_ / "state").string();
    return source;
  }

  fs::path dir_;
};

TEST_F(Positions, BoundedFilesGiveEachRowOnce) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  Write("a.json", Lines(0, 120'000));  // more than a block
  Write("b.json", Lines(120'000, 120'500));
  std::string array = "[\n";
  for (int i = 120'500; i < 240'000; ++i) array += "{\"id\": " + std::to_string(i) + "},\n";
  Write("c.json", array + "{\"id\": 240000}]\n");
  for (uint64_t round = 0; round < 3; ++round) {
    auto source = Make("ReadFromJson", "path: '" + In("*.json") + "'", seed + round);
    EXPECT_TRUE(source->node().repositions);
    ASSERT_TRUE(source->ReadWithDeaths(3, nullptr).ok());
    EXPECT_TRUE(Sorted(source->rows()) == Rows(0, 240'001)) << source->rows().size() << " rows";
  }
}

TEST_F(Positions, CompressedTextGoesOnWithinItsStream) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  std::string text = "id\n";
  for (int i = 0; i < 900'000; ++i) text += std::to_string(i) + "\n";
  Write("a.csv", text);
  ASSERT_EQ(std::system(("gzip -1 '" + In("a.csv") + "'").c_str()), 0);
  auto source = Make("ReadFromCsv", "path: '" + In("a.csv.gz") + "'", seed);
  ASSERT_TRUE(source->ReadWithDeaths(2, nullptr).ok());
  EXPECT_TRUE(Sorted(source->rows()) == Rows(0, 900'000)) << source->rows().size() << " rows";
}

TEST_F(Positions, AFileThatWasReadAndChangedIsAnError) {
  Write("a.json", Lines(0, 10));
  Write("b.json", Lines(10, 20));
  auto source = Make("ReadFromJson", "path: '" + In("*.json") + "'", 1);
  ASSERT_TRUE(source->ReadWithDeaths(1, nullptr).ok());
  EXPECT_NE(source->position().find("\"files_done\":2"), std::string::npos) << source->position();
  Write("a.json", Lines(0, 11));
  const Status status = source->Start(1);
  EXPECT_NE(status.message().find("the first 2 files were read by an earlier run"), std::string::npos)
      << status.message();
}

TEST_F(Positions, NumbersGoOnWhereTheyWere) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  auto source = Make("Generate", "rows: 200000, fields: {id: {kind: sequence, start: 0}}", seed);
  ASSERT_TRUE(source->ReadWithDeaths(3, nullptr).ok());
  EXPECT_TRUE(Sorted(source->rows()) == Rows(0, 200'000)) << source->rows().size() << " rows";
  EXPECT_EQ(source->position(), "{\"next\":200000}");
}

TEST_F(Positions, AWatchedFolderGivesEachFileOnce) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  Place("f0.json", Lines(0, 100'000));
  int files = 1;
  auto source =
      Make("ReadFromJson", "path: '" + (dir_ / "in").string() + "', watch: true, schema: {id: integer}", seed);
  ASSERT_TRUE(source
                  ->ReadWithDeaths(1,
                                   [&] {
                                     if (files < 12 && source->random()() % 10 == 0) {
                                       Place("f" + std::to_string(files) + ".json",
                                             Lines(100'000 + files * 10, 100'010 + files * 10));
                                       if (source->random()() % 3 == 0) fs::rename(In("f0.json"), In("moved.json"));
                                       if (fs::exists(In("moved.json"))) fs::rename(In("moved.json"), In("f0.json"));
                                       ++files;
                                     }
                                     return files == 12 && source->rows().size() >= 100'110;
                                   })
                  .ok());
  auto expected = Rows(0, 100'000), more = Rows(100'010, 100'120);
  expected.insert(expected.end(), more.begin(), more.end());
  EXPECT_TRUE(Sorted(source->rows()) == Sorted(expected)) << source->rows().size() << " rows";
}

TEST_F(Positions, TheRestOfAWatchedFileThatWasWrittenAnewIsAnError) {
  Place("a.json", Lines(0, 400'000));
  auto source = Make("ReadFromJson", "path: '" + (dir_ / "in").string() + "', watch: true, schema: {id: integer}", 1);
  ASSERT_TRUE(source->Start(1).ok());
  while (source->rows().empty()) ASSERT_TRUE(source->Poll().ok());
  ASSERT_TRUE(source->Commit().ok());
  ASSERT_TRUE(source->Start(1).ok()) << "it is still there";
  Place("a.json", Lines(0, 10));
  const Status status = source->Start(1);
  EXPECT_NE(status.message().find("was read up to"), std::string::npos) << status.message();
}

TEST_F(Positions, AGrowingFileThatIsRotatedGivesEachLineOnce) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  int written = 0, rotated = 0;
  auto source = Make("ReadFromJson", "path: '" + In("log.json") + "', tail: true, schema: {id: integer}", seed);
  ASSERT_TRUE(source
                  ->ReadWithDeaths(1,
                                   [&] {
                                     const uint64_t dice = source->random()() % 50;
                                     if (written < 3000 && dice < 10) {
                                       const int count = static_cast<int>(source->random()() % 200);
                                       Write("log.json", Lines(written, written + count), /*append=*/true);
                                       written += count;
                                     }
                                     // The name is given away only when everything is read: a reader that dies twice in
                                     // between would find two files, which is an error of its own.
                                     if (dice == 10 && static_cast<int>(source->rows().size()) == written &&
                                         rotated < 3 && written > 0) {
                                       EXPECT_TRUE(source->Commit().ok());
                                       fs::rename(In("log.json"), In("log.json." + std::to_string(++rotated)));
                                     }
                                     return written >= 3000 && static_cast<int>(source->rows().size()) >= written;
                                   })
                  .ok());
  EXPECT_TRUE(Sorted(source->rows()) == Rows(0, written)) << source->rows().size() << " rows of " << written;
}

TEST_F(Positions, WhatIsLeftOfARotatedFileIsReadFirst) {
  auto source = Make("ReadFromJson", "path: '" + In("log.json") + "', tail: true, schema: {id: integer}", 1);
  Write("log.json", Lines(0, 10));
  ASSERT_TRUE(source->Start(1).ok());
  while (source->rows().size() < 10) ASSERT_TRUE(source->Poll().ok());
  ASSERT_TRUE(source->Commit().ok());
  Write("log.json", Lines(10, 20), /*append=*/true);
  fs::rename(In("log.json"), In("log.json.1"));
  Write("log.json", Lines(20, 30));
  ASSERT_TRUE(source->Start(1).ok());
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(source->Poll().ok());
  EXPECT_EQ(Sorted(source->rows()), Rows(0, 30));
  source->Stop();
  fs::rename(In("log.json"), In("log.json.2"));
  Write("log.json", Lines(30, 40));
  fs::last_write_time(In("log.json.1"), fs::last_write_time(In("log.json.1")) - std::chrono::seconds(5));
  Status status = source->Start(1);
  EXPECT_NE(status.message().find("rotated more than once"), std::string::npos) << status.message();
  fs::remove(In("log.json.1"));
  status = source->Start(1);
  EXPECT_NE(status.message().find("that file is gone"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("on_lost"), std::string::npos) << status.message();
}

TEST_F(Positions, DifferencesOfReadingsAddUp) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  Place("a.json", Lines(0, 300));
  int changes = 0, first = 0;
  auto source =
      Make("ReadFromJson", "path: '" + In("a.json") + "', mode: snapshot, every: 100ms, schema: {id: integer}", seed);
  const auto sums = [&] {
    std::map<std::string, int> weights;
    for (const std::string& row : source->rows()) {
      const size_t at = row.find(" × ");
      weights[row.substr(0, at)] += std::stoi(row.substr(at + 4));
    }
    std::vector<std::string> rows;
    for (const auto& [row, weight] : weights) {
      EXPECT_TRUE(weight == 0 || weight == 1) << row << " × " << weight;
      if (weight == 1) rows.push_back(row);
    }
    return rows;
  };
  ASSERT_TRUE(source
                  ->ReadWithDeaths(1,
                                   [&] {
                                     if (changes < 6 && source->random()() % 40 == 0) {
                                       first = static_cast<int>(source->random()() % 300);
                                       Place("a.json", Lines(first, first + 300));
                                       ++changes;
                                     }
                                     return changes == 6 && sums() == Rows(first, first + 300);
                                   })
                  .ok());
  const auto kept = std::distance(fs::directory_iterator(dir_ / "state"), fs::directory_iterator());
  EXPECT_LE(kept, 1) << "files of older readings are removed";
}

TEST_F(Positions, WatermarksAndSplitsGoOn) {
  const std::string at = "event_time: at, watermark: {out_of_orderness: 10s}, schema: {at: timestamp}";
  Write("log.json", "{\"at\": \"2026-01-01T00:01:00Z\"}\n");
  auto source = Make("ReadFromJson", "path: '" + In("log.json") + "', tail: true, " + at, 1);
  ASSERT_TRUE(source->Start(1).ok());
  while (source->rows().empty()) ASSERT_TRUE(source->Poll().ok());
  const EventTime before = source->watermark();
  ASSERT_TRUE(source->Commit().ok());
  ASSERT_TRUE(source->Start(1).ok());
  EXPECT_EQ(source->watermark(), before);
  Write("log.json", "{\"at\": \"2026-01-01T00:02:00Z\"}\n", /*append=*/true);
  while (source->rows().size() < 2) ASSERT_TRUE(source->Poll().ok());
  EXPECT_EQ(source->watermark(), before + 60'000'000);
}

}  // namespace
}  // namespace weir
