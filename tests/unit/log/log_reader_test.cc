// Readers behind a writer: they see what is committed, and in logs that survive a loss of power only what is synced.
#include "log/log_reader.h"

#include <gtest/gtest.h>

#include <random>

#include "env/simulated/simulated_file_system.h"
#include "log/chunk_log.h"
#include "unit/test_seed.h"

namespace weir {
namespace {

std::string Rest(LogReader& reader) {
  std::string all;
  LogRecord record;
  for (;;) {
    const Result<bool> more = reader.Next(&record);
    if (!more.ok()) return all + more.status().message();
    if (!*more) return all;
    all += record.payload + " ";
  }
}

class LogReaderTest : public testing::TestWithParam<Durability> {
 protected:
  std::unique_ptr<ChunkLog> Open(int64_t segment_bytes = 64 << 20) {
    ChunkLogOptions options;
    options.durability = GetParam();
    options.segment_bytes = segment_bytes;
    return ChunkLog::Open(files_, "/log", options).ValueOrDie();
  }
  SimulatedFileSystem files_;
};

TEST_P(LogReaderTest, SeesWhatIsCommitted) {
  LogReader reader(files_, "/log", 0);
  EXPECT_EQ(Rest(reader), "") << "there is no log yet";
  auto log = Open();
  EXPECT_EQ(Rest(reader), "");
  ASSERT_TRUE(log->Append(kFirstUserKind, "a").ok());
  EXPECT_EQ(Rest(reader), "");
  ASSERT_TRUE(log->Commit(1, "").ok());
  EXPECT_EQ(Rest(reader), "a ");
  ASSERT_TRUE(log->Append(kFirstUserKind, std::string(2 << 20, 'x')).ok());
  EXPECT_EQ(Rest(reader), "") << "it is in the file, and not committed";
  ASSERT_TRUE(log->Abandon().ok());
  ASSERT_TRUE(log->Append(kFirstUserKind, "b").ok());
  ASSERT_TRUE(log->Append(kFirstUserKind, "c").ok());
  ASSERT_TRUE(log->Commit(2, "").ok());
  EXPECT_EQ(Rest(reader), "b c ");
  log.reset();
  log = Open();
  ASSERT_TRUE(log->Append(kFirstUserKind, "d").ok());
  ASSERT_TRUE(log->Commit(3, "").ok());
  EXPECT_EQ(Rest(reader), "d ");
  LogReader again(files_, "/log", reader.next_sequence());
  EXPECT_EQ(Rest(again), "");
  LogReader all(files_, "/log", 0);
  EXPECT_EQ(Rest(all), "a b c d ");
}

TEST_P(LogReaderTest, FollowsThroughSegmentsAndRestarts) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  std::mt19937_64 random(seed);
  LogReader reader(files_, "/log", 0);
  std::string written, read;
  int64_t epoch = 0, number = 0;
  for (int restart = 0; restart < 20; ++restart) {
    auto log = Open(500);
    for (int i = 0; i < 20; ++i) {
      std::string in_epoch;
      for (uint64_t n = random() % 4; n > 0; --n) {
        in_epoch += std::to_string(number) + " ";
        ASSERT_TRUE(log->Append(kFirstUserKind, std::to_string(number++)).ok());
      }
      if (random() % 5 == 0) {
        ASSERT_TRUE(log->Abandon().ok());
        continue;
      }
      ASSERT_TRUE(log->Commit(++epoch, "").ok());
      written += in_epoch;
      if (random() % 3 == 0) read += Rest(reader);
      if (random() % 3 == 0) log->TrimBelow(reader.next_sequence());
    }
  }
  read += Rest(reader);
  EXPECT_EQ(read, written);
}

TEST_P(LogReaderTest, SaysWhatIsGoneAndWhatIsDamaged) {
  auto log = Open(500);
  for (int64_t epoch = 1; epoch <= 50; ++epoch) {
    ASSERT_TRUE(log->Append(kFirstUserKind, "data").ok());
    if (epoch == 40) log->TrimBelow(log->next_sequence() - 20);
    ASSERT_TRUE(log->Commit(epoch, "").ok());
  }
  LogReader gone(files_, "/log", 1);
  EXPECT_NE(Rest(gone).find("has no record 1 any more"), std::string::npos);
  const std::string path = log->segments()[1].path;
  (*files_.Bytes(path))[kSegmentHeaderBytes + kRecordHeaderBytes] ^= 1;  // the payload of its first record
  LogReader damaged(files_, "/log", 0);
  EXPECT_NE(Rest(damaged).find("'" + path + "' is damaged at offset 48:"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(All, LogReaderTest, testing::Values(Durability::kPower, Durability::kProcess),
                         [](const auto& info) { return std::string(DurabilityName(info.param)); });

TEST(LogReader, DoesNotGiveWhatIsNotSynced) {
  SimulatedFileSystem files;
  auto log = ChunkLog::Open(files, "/log", {}).ValueOrDie();
  ASSERT_TRUE(log->Append(kFirstUserKind, "a").ok());
  LogReader reader(files, "/log", 0);
  std::string between = "never looked";
  bool looked = false;
  files.OnOperation([&] {
    if (!looked) between = Rest(reader);  // the commit is written; its sync comes next
    looked = true;
  });
  ASSERT_TRUE(log->Commit(1, "").ok());
  EXPECT_EQ(between, "");
  EXPECT_EQ(Rest(reader), "a ");
}

}  // namespace
}  // namespace weir
