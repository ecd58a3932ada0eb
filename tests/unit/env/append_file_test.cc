// Files that grow and are cut, and locks: what logs stand on.
#include <gtest/gtest.h>

#include "env/env.h"
#include "env/system_error.h"
#include "env/temp_directory.h"

namespace weir {
namespace {

TEST(AppendFile, GrowsIsCutAndGoesOnAtItsEnd) {
  auto directory = TempDirectory::Create(Env::Real()).ValueOrDie();
  FileSystem& files = Env::Real().files();
  const std::string path = JoinPath(directory->path(), "log");
  {
    auto file = files.OpenAppend(path).ValueOrDie();
    ASSERT_TRUE(file->Append("hello ").ok());
    ASSERT_TRUE(file->Append("world").ok());
    ASSERT_TRUE(file->Truncate(7).ok());
    ASSERT_TRUE(file->Append("eir").ok());
    ASSERT_TRUE(file->Sync().ok());
    EXPECT_EQ(file->size_bytes(), 10);
  }
  auto file = files.OpenAppend(path).ValueOrDie();
  EXPECT_EQ(file->size_bytes(), 10);
  ASSERT_TRUE(file->Append("!").ok());
  EXPECT_EQ(ReadFile(files, path).ValueOrDie(), "hello weir!");
}

TEST(FileLock, IsHeldByOne) {
  auto directory = TempDirectory::Create(Env::Real()).ValueOrDie();
  FileSystem& files = Env::Real().files();
  const std::string path = JoinPath(directory->path(), "lock");
  auto lock = files.TryLock(path).ValueOrDie();
  ASSERT_NE(lock, nullptr);
  EXPECT_EQ(files.TryLock(path).ValueOrDie(), nullptr);
  lock.reset();
  EXPECT_NE(files.TryLock(path).ValueOrDie(), nullptr);
}

TEST(SystemError, KnowsItsNumber) {
  const Status missing = Env::Real().files().OpenAppend("/nowhere/at/all").status();
  EXPECT_EQ(SystemErrorNumber(missing), ENOENT);
  EXPECT_FALSE(IsDiskFull(missing));
  auto full = Env::Real().files().Create("/dev/full").ValueOrDie();
  ASSERT_TRUE(full->Write("x", 1).ok());
  EXPECT_TRUE(IsDiskFull(full->Flush()));
  EXPECT_EQ(SystemErrorNumber(Status::IOError("told by somebody else")), 0);
}

}  // namespace
}  // namespace weir
