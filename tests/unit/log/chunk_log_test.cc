// Chunk logs on the system's files: what is committed is there, room comes back, a full disk is not the end.
#include "log/chunk_log.h"

#include <gtest/gtest.h>

#include "env/env.h"
#include "env/simulated/simulated_file_system.h"
#include "env/system_error.h"
#include "env/temp_directory.h"
#include "log/crc32c.h"

namespace weir {
namespace {

TEST(Crc32c, IsTheStandards) {
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);  // RFC 3720, appendix B.4
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c("6789", Crc32c("12345")), Crc32c("123456789"));
}

TEST(LogFormat, NamesOfSegments) {
  EXPECT_EQ(SegmentName(42, 3), "000000000000002a-00000003.log");
  EXPECT_EQ(ParseSegmentName("000000000000002a-00000003.log")->owner, 3);
  EXPECT_EQ(ParseSegmentName(SegmentName(INT64_MAX, INT64_MAX))->owner, INT64_MAX);
  for (const char* other : {"lease", "000000000000002a_00000003.log", "00000000000000zz-00000003.log",
                            "000000000000002a-00000000.log", "000000000000002a-.log"}) {
    EXPECT_FALSE(ParseSegmentName(other)) << other;
  }
}

TEST(ChunkLog, KeepsWhatIsCommitted) {
  auto directory = TempDirectory::Create(Env::Real()).ValueOrDie();
  const std::string folder = JoinPath(directory->path(), "a/log");
  FileSystem& files = Env::Real().files();
  for (const Durability durability : {Durability::kPower, Durability::kProcess, Durability::kNone}) {
    ChunkLogOptions options;
    options.durability = durability;
    auto log = ChunkLog::Open(files, folder, options).ValueOrDie();
    const int64_t epoch = log->epoch() + 1;
    ASSERT_TRUE(log->Append(kFirstUserKind, "data").ok());
    ASSERT_TRUE(log->Commit(epoch, DurabilityName(durability)).ok());
    ASSERT_TRUE(log->Append(kFirstUserKind, "of no epoch").ok());
    log.reset();
    const LogTail tail = FindTail(files, folder).ValueOrDie();
    EXPECT_EQ(tail.epoch, epoch);
    EXPECT_EQ(tail.payload, DurabilityName(durability));
    EXPECT_EQ(tail.file_bytes, tail.end_offset) << "what was not committed is gone";
  }
}

TEST(ChunkLog, GivesRoomBackWhenRecordsAreTrimmed) {
  SimulatedFileSystem files;
  ChunkLogOptions options;
  options.segment_bytes = 1000;
  options.max_bytes = 5000;
  auto log = ChunkLog::Open(files, "/log", options).ValueOrDie();
  int64_t epoch = 0;
  while (!log->full()) {
    ASSERT_TRUE(log->Append(kFirstUserKind, std::string(100, 'x')).ok());
    ASSERT_TRUE(log->Commit(++epoch, "").ok());
  }
  const size_t segments = log->segments().size();
  log->TrimBelow(log->next_sequence() / 2);
  EXPECT_EQ(log->segments().size(), segments) << "the record of it goes first";
  ASSERT_TRUE(log->Commit(++epoch, "").ok());
  EXPECT_FALSE(log->full());
  EXPECT_LT(log->segments().size(), segments);
  EXPECT_EQ(files.List("/log")->size(), log->segments().size() + 2) << "segments, lease and lock";
}

TEST(ChunkLog, GoesOnWhenThereIsRoomAgain) {
  SimulatedFileSystem files;
  auto log = ChunkLog::Open(files, "/log", {}).ValueOrDie();
  ASSERT_TRUE(log->Commit(1, "one").ok());
  ASSERT_TRUE(log->Append(kFirstUserKind, "data").ok());
  // Half of the commit is written, then there is no room: it is taken back.
  files.Fail({files.operations(), InjectedFailure::Kind::kShort, false});
  const Status full = log->Commit(2, "two");
  EXPECT_TRUE(IsDiskFull(full)) << full.ToString();
  EXPECT_EQ(FindTail(files, "/log")->payload, "one");
  ASSERT_TRUE(log->Append(kFirstUserKind, "more").ok());
  ASSERT_TRUE(log->Commit(2, "two").ok());
  const LogTail tail = FindTail(files, "/log").ValueOrDie();
  EXPECT_EQ(tail.payload, "two");
  EXPECT_EQ(tail.commit_sequence, 5) << "one, its mark, data, more, two";
}

TEST(ChunkLog, EndsForGoodWhenASyncFails) {
  SimulatedFileSystem files;
  auto log = ChunkLog::Open(files, "/log", {}).ValueOrDie();
  ASSERT_TRUE(log->Commit(1, "one").ok());
  files.Fail({files.operations() + 1, InjectedFailure::Kind::kEio, false});  // after the write
  EXPECT_EQ(log->Commit(2, "two").message(), "cannot sync '/log/0000000000000001-00000001.log': Input/output error");
  EXPECT_NE(log->Commit(2, "two").message().find("takes nothing more after an error"), std::string::npos);
  EXPECT_FALSE(log->Append(kFirstUserKind, "data").ok());
  log.reset();
  EXPECT_TRUE(ChunkLog::Open(files, "/log", {}).ok());
}

}  // namespace
}  // namespace weir
