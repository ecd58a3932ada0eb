// What is heard of a folder: that something changed, and which names were given by a rename.
#include "env/folder_notices.h"

#include <gtest/gtest.h>

#include "env/env.h"
#include "env/temp_directory.h"

namespace weir {
namespace {

TEST(FolderNotices, TellsOfChangesAndOfFilesThatWereRenamedIntoPlace) {
  auto folder = TempDirectory::Create(Env::Real()).ValueOrDie();
  FolderNotices notices;
  notices.Watch(folder->path());
  notices.Watch(folder->path() + "/not-there");
  EXPECT_FALSE(notices.Take().any);
  FileSystem& files = Env::Real().files();
  const std::string aside = JoinPath(folder->path(), ".a"), path = JoinPath(folder->path(), "a");
  ASSERT_TRUE(files.Create(aside).ValueOrDie()->Close().ok());
  FolderNotices::Changes changes = notices.Take();
  EXPECT_TRUE(changes.any);
  EXPECT_TRUE(changes.moved_in.empty()) << "a file that is created is not complete";
  ASSERT_TRUE(files.Rename(aside, path).ok());
  EXPECT_EQ(notices.Take().moved_in, std::vector<std::string>{path});
  EXPECT_FALSE(notices.Take().any) << "said once";
}

}  // namespace
}  // namespace weir
