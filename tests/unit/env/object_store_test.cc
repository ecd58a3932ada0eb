// Atomic files whose path is an object's, over a store in memory that counts: each way to be killed while an object is
// committed, and then committed again.
#include "env/objects/object_store.h"

#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <gtest/gtest.h>

#include <map>

#include "env/atomic_file.h"
#include "env/glob.h"
#include "env/objects/staged_object.h"

namespace weir {
namespace {

struct FakeStore final : ObjectStore {
  struct Object {
    std::string bytes, mark;
  };
  std::map<std::string, Object> objects;
  std::map<std::string, Object> uploads;  // by token
  int shown = 0, aborted_all = 0;
  bool refuse_commit = false;

  class Upload final : public ObjectUpload {
   public:
    Upload(FakeStore* store, std::string mark) : store_(store), object_{"", std::move(mark)} {}
    Status Write(const void* data, int64_t nbytes) override {
      object_.bytes.append(static_cast<const char*>(data), static_cast<size_t>(nbytes));
      return Status::OK();
    }
    Status Sync() override { return Status::OK(); }
    Result<int64_t> Tell() const override { return static_cast<int64_t>(object_.bytes.size()); }
    Status Close() override { return Status::OK(); }
    bool closed() const override { return false; }
    Result<std::string> Prepare() override {
      const std::string token = "upload\n" + std::to_string(store_->uploads.size());
      store_->uploads[token] = object_;
      return token;
    }

   private:
    FakeStore* store_;
    Object object_;
  };

  Result<std::shared_ptr<arrow::io::RandomAccessFile>> Open(const std::string& path) override {
    return std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(objects.at(path).bytes));
  }
  Result<FileInfo> Stat(const std::string& path) override {
    FileInfo info;
    const std::string prefix = path.ends_with('/') ? path : path + "/";
    const auto below = objects.lower_bound(prefix);
    if (below != objects.end() && below->first.starts_with(prefix)) info.kind = FileKind::kDirectory;
    if (objects.count(path) > 0) info.kind = FileKind::kFile;
    return info;
  }
  Result<std::vector<ListedObject>> List(const std::string& prefix, bool) override {
    std::vector<ListedObject> found;
    for (const auto& [path, object] : objects) {
      FileInfo info;
      info.kind = FileKind::kFile;
      if (path.starts_with(prefix)) found.push_back({path, info});
    }
    return found;
  }
  Status Remove(const std::string& path) override {
    objects.erase(path);
    return Status::OK();
  }
  Result<std::shared_ptr<ObjectUpload>> BeginUpload(const std::string&, const std::string& mark) override {
    return std::make_shared<Upload>(this, mark);
  }
  Result<bool> IsFrom(const std::string& path, const std::string& mark) override {
    return objects.count(path) > 0 && objects[path].mark == mark;
  }
  Status CommitUpload(const std::string& path, const std::string& token) override {
    if (refuse_commit) return Status::IOError("not now");
    ++shown;
    objects[path] = uploads.at(token);
    return Status::OK();
  }
  Status AbortUpload(const std::string&, const std::string& token) override {
    aborted_all += token.empty();
    uploads.erase(token);
    return Status::OK();
  }
};

FakeStore& Store() {
  static FakeStore store;
  return store;
}
ObjectStore& TheStore() { return Store(); }

class ObjectStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    RegisterObjectStore("fake", &TheStore);
    Store() = FakeStore();
    folder_ = testing::TempDir() + "/objects-" + std::to_string(env_.RandomSeed());
  }
  void TearDown() override { EXPECT_TRUE(RemoveTree(env_.files(), folder_).ok()); }

  std::unique_ptr<AtomicFile> Written(const std::string& text, const std::string& staging) {
    auto file = AtomicFile::Create(env_, kPath, "run", staging).ValueOrDie();
    EXPECT_TRUE(file->stream()->Write(text.data(), static_cast<int64_t>(text.size())).ok());
    EXPECT_TRUE(file->Prepare().ok());
    return file;
  }
  size_t StagedFiles() { return env_.files().List(folder_)->size(); }

  static constexpr char kPath[] = "fake://bucket/a/b.txt";
  Env& env_ = Env::Real();
  std::string folder_;
};

TEST_F(ObjectStoreTest, ShowsAnUploadOnCommit) {
  auto file = Written("text", "");
  EXPECT_TRUE(Store().objects.empty());
  const AtomicFileToken token = file->token();
  ASSERT_TRUE(AtomicFile::CommitToken(env_, token).ok());
  EXPECT_EQ(Store().objects[kPath].bytes, "text");
  EXPECT_EQ(ReadFile(env_.files(), kPath).ValueOrDie(), "text");
}

TEST_F(ObjectStoreTest, UploadsAStagedFileOnce) {
  auto file = Written("text", folder_);
  EXPECT_TRUE(IsStaged(file->token()));
  EXPECT_EQ(StagedFiles(), 1u);
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(Store().objects[kPath].bytes, "text");
  EXPECT_EQ(StagedFiles(), 0u);
  ASSERT_TRUE(AtomicFile::CommitToken(env_, file->token()).ok());
  EXPECT_EQ(Store().shown, 1);
  EXPECT_EQ(Store().aborted_all, 0);
}

// Killed after the upload was completed, before the file was removed: what is there is known by its mark.
TEST_F(ObjectStoreTest, DoesNotShowAgainWhatIsShown) {
  auto file = Written("text", folder_);
  const std::string staged = file->token().temporary_path;
  ASSERT_TRUE(file->Commit().ok());
  auto again = env_.files().Create(staged).ValueOrDie();
  ASSERT_TRUE(again->Write("text", 4).ok() && again->Close().ok());
  ASSERT_TRUE(AtomicFile::CommitToken(env_, file->token()).ok());
  EXPECT_EQ(Store().shown, 1);
  EXPECT_EQ(StagedFiles(), 0u);
}

// An upload that did not come to its end: what it left is removed before the next one.
TEST_F(ObjectStoreTest, GivesUpWhatAnEarlierTryLeft) {
  auto file = Written("text", folder_);
  Store().refuse_commit = true;
  EXPECT_TRUE(file->Commit().IsIOError());
  EXPECT_TRUE(Store().objects.empty());
  Store().refuse_commit = false;
  ASSERT_TRUE(AtomicFile::CommitToken(env_, file->token()).ok());
  EXPECT_EQ(Store().aborted_all, 1);
  EXPECT_EQ(Store().objects[kPath].bytes, "text");
  file->Leave();
}

// The same name twice: the second object is another one, though the name and the size are the same.
TEST_F(ObjectStoreTest, TellsTwoFilesOfOneNameApart) {
  ASSERT_TRUE(Written("one!", folder_)->Commit().ok());
  ASSERT_TRUE(Written("two!", folder_)->Commit().ok());
  EXPECT_EQ(Store().objects[kPath].bytes, "two!");
  EXPECT_EQ(Store().shown, 2);
}

TEST_F(ObjectStoreTest, RefusesATokenWhoseFileIsGone) {
  EXPECT_TRUE(AtomicFile::CommitToken(env_, {folder_ + "/.x.tmp", kPath}).IsIOError());
}

TEST_F(ObjectStoreTest, ListsLikeFiles) {
  for (const char* key : {"a.csv", "b.txt", "d/a.csv", "d/.h/c.csv", "d/e/a.csv.gz", "_x.csv", "d/_y/z.csv"}) {
    Store().objects["fake://bucket/t/" + std::string(key)] = {};
  }
  const auto list = [&](const std::string& pattern, const std::vector<std::string>& extensions = {}) {
    std::string out;
    for (const std::string& path : ListInputFiles(env_, "fake://bucket/t" + pattern, extensions).ValueOrDie()) {
      out += path.substr(std::string("fake://bucket/t/").size()) + " ";
    }
    return out;
  };
  EXPECT_EQ(list("/*.csv"), "_x.csv a.csv ");
  EXPECT_EQ(list("/**/a.csv"), "a.csv d/a.csv ");
  EXPECT_EQ(list("/{a.csv,d/*.csv}"), "a.csv d/a.csv ");
  EXPECT_EQ(list("", {".csv"}), "a.csv d/a.csv d/e/a.csv.gz ");
  EXPECT_EQ(list("/d/"), "d/a.csv d/e/a.csv.gz ");
  EXPECT_TRUE(ListInputFiles(env_, "fake://b*/x", {}).status().IsInvalid());
  EXPECT_TRUE(ListInputFiles(env_, "fake://bucket/none", {}).status().IsIOError());
}

}  // namespace
}  // namespace weir
