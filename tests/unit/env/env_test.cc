// The seam to the world: files that appear whole, streams that decompress, globs, temporary folders.
#include "env/env.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/io/memory.h>
#include <arrow/util/compression.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <thread>

#include "env/atomic_file.h"
#include "env/glob.h"
#include "env/streams.h"
#include "env/temp_directory.h"

namespace weir {
namespace {

class EnvTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = TempDirectory::Create(env_).ValueOrDie();
    root_ = directory_->path() + "/t";
    ASSERT_TRUE(env_.files().MakeDirectories(root_).ok());
  }

  std::string Path(const std::string& name) { return JoinPath(root_, name); }

  void WriteFile(const std::string& name, const std::string& content) {
    ASSERT_TRUE(env_.files().MakeDirectories(DirectoryName(Path(name))).ok());
    std::ofstream(Path(name), std::ios::binary) << content;
  }

  std::string ReadFile(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  Result<std::string> ReadAll(const std::string& path, std::optional<Compression> compression = std::nullopt,
                              int64_t step = 1000) {
    WEIR_ASSIGN_OR_RETURN(auto in, OpenInput(env_, path, compression));
    std::string all;
    for (;;) {
      WEIR_ASSIGN_OR_RETURN(auto buffer, in->Read(step));
      if (buffer->size() == 0) return all;
      all.append(reinterpret_cast<const char*>(buffer->data()), buffer->size());
    }
  }

  std::vector<std::string> List(const std::string& pattern, std::vector<std::string> extensions = {}) {
    auto found = ListInputFiles(env_, Path(pattern), extensions).ValueOrDie();
    for (std::string& path : found) path = path.substr(root_.size() + 1);
    return found;
  }

  Env& env_ = Env::Real();
  std::unique_ptr<TempDirectory> directory_;
  std::string root_;
};

std::string Compressed(const std::string& text, Compression compression) {
  auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
  auto out = Compress(sink, compression).ValueOrDie();
  EXPECT_TRUE(out->Write(text).ok());
  EXPECT_TRUE(out->Close().ok());
  return sink->Finish().ValueOrDie()->ToString();
}

std::string SomeText(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string text(size, 'x');
  for (char& c : text) c = static_cast<char>('a' + random() % 7);
  return text;
}

TEST_F(EnvTest, CompressedStreamsReadBackWholeWithSeveralMembers) {
  for (Compression c : {Compression::kGzip, Compression::kZstd, Compression::kBzip2, Compression::kLz4}) {
    for (size_t size : {size_t{0}, size_t{1}, size_t{100000}, size_t{3000000}}) {
      std::string first = SomeText(size, 1), second = SomeText(size / 2 + 1, 2);
      WriteFile("data", Compressed(first, c) + Compressed(second, c) + Compressed("", c));
      auto text = ReadAll(Path("data"), std::nullopt, 65537);
      ASSERT_TRUE(text.ok()) << text.status();
      EXPECT_TRUE(*text == first + second) << static_cast<int>(c) << " " << size;
      EXPECT_TRUE(ReadAll(Path("data"), c).ValueOrDie() == first + second);
    }
  }
}

TEST_F(EnvTest, ATruncatedOrDamagedStreamIsAnErrorAndNotAShortFile) {
  for (Compression c : {Compression::kGzip, Compression::kZstd}) {
    std::string whole = Compressed(SomeText(5000, 3), c);
    for (size_t cut = 5; cut < whole.size(); cut += 37) {
      WriteFile("cut", whole.substr(0, cut));
      auto text = ReadAll(Path("cut"));
      ASSERT_FALSE(text.ok()) << cut;
      EXPECT_NE(text.status().message().find(Path("cut")), std::string::npos);
    }
  }
  // Only gzip always carries a checksum.
  std::string whole = Compressed(SomeText(5000, 3), Compression::kGzip);
  whole[whole.size() / 2] ^= 0x55;
  WriteFile("bad", whole);
  EXPECT_FALSE(ReadAll(Path("bad")).ok());
}

TEST_F(EnvTest, PaddingZerosBehindAMemberAndAnEmptyFileAreFine) {
  WriteFile("padded.gz", Compressed("abc", Compression::kGzip) + std::string(512, '\0'));
  EXPECT_EQ(ReadAll(Path("padded.gz")).ValueOrDie(), "abc");
  WriteFile("empty.gz", "");
  EXPECT_EQ(ReadAll(Path("empty.gz"), Compression::kGzip).ValueOrDie(), "");
  EXPECT_EQ(ReadAll(Path("empty.gz")).ValueOrDie(), "");
}

TEST_F(EnvTest, PlainFilesCanBeReadAtRandomAndPipesAsStreams) {
  WriteFile("plain", "hello");
  auto in = OpenInput(env_, Path("plain")).ValueOrDie();
  EXPECT_NE(std::dynamic_pointer_cast<arrow::io::RandomAccessFile>(in), nullptr);
  ASSERT_EQ(::mkfifo(Path("fifo").c_str(), 0600), 0);
  std::string text = SomeText(300000, 4);
  std::thread writer([&] { std::ofstream(Path("fifo"), std::ios::binary) << Compressed(text, Compression::kZstd); });
  EXPECT_TRUE(ReadAll(Path("fifo")).ValueOrDie() == text);
  writer.join();
  EXPECT_NE(ReadAll(root_).status().message().find("it is a folder"), std::string::npos);
  EXPECT_NE(ReadAll(Path("none")).status().message().find("No such file"), std::string::npos);
}

TEST_F(EnvTest, AnAtomicFileIsInvisibleUntilItsCommit) {
  WriteFile("out", "old");
  auto file = AtomicFile::Create(env_, Path("out"), "r1").ValueOrDie();
  ASSERT_TRUE(file->stream()->Write("new", 3).ok());
  ASSERT_TRUE(file->Prepare().ok());
  EXPECT_EQ(ReadFile(Path("out")), "old");
  EXPECT_TRUE(List("*") == std::vector<std::string>{"out"});  // the hidden name matches no ordinary glob
  ASSERT_TRUE(file->Commit().ok());
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(ReadFile(Path("out")), "new");
  ASSERT_TRUE(AtomicFile::CommitToken(env_, file->token()).ok());  // a second process finishing the same commit
  EXPECT_EQ(env_.files().List(root_).ValueOrDie().size(), 1u);
}

TEST_F(EnvTest, AnAbortedOrForgottenAtomicFileLeavesNothing) {
  for (bool prepared : {false, true}) {
    auto file = AtomicFile::Create(env_, Path("deep/er/out"), "r2").ValueOrDie();
    ASSERT_TRUE(file->stream()->Write(std::string(1000000, 'x')).ok());
    if (prepared) {
      ASSERT_TRUE(file->Prepare().ok());
    }
    file.reset();
    EXPECT_TRUE(env_.files().List(Path("deep/er")).ValueOrDie().empty());
  }
  AtomicFileToken gone{Path("no.tmp"), Path("no")};
  EXPECT_TRUE(AtomicFile::AbortToken(env_, gone).ok());
  EXPECT_FALSE(AtomicFile::CommitToken(env_, gone).ok());
}

TEST_F(EnvTest, AtomicFilesFollowLinksAndSpareDevices) {
  WriteFile("target", "old");
  ASSERT_EQ(::symlink(Path("target").c_str(), Path("link").c_str()), 0);
  auto file = AtomicFile::Create(env_, Path("link"), "r3").ValueOrDie();
  ASSERT_TRUE(file->stream()->Write("new", 3).ok());
  ASSERT_TRUE(file->Prepare().ok());
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(ReadFile(Path("target")), "new");
  struct stat st;
  EXPECT_TRUE(::lstat(Path("link").c_str(), &st) == 0 && S_ISLNK(st.st_mode));
  auto null = AtomicFile::Create(env_, "/dev/null", "r3").ValueOrDie();
  ASSERT_TRUE(null->stream()->Write("x", 1).ok());
  ASSERT_TRUE(null->Prepare().ok());
  ASSERT_TRUE(null->Commit().ok());
  EXPECT_TRUE(::stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
  EXPECT_FALSE(AtomicFile::Create(env_, root_, "r3").ok());
}

TEST_F(EnvTest, GlobsAndFolders) {
  for (const char* name : {"a/1.csv", "a/2.csv.gz", "a/3.json", "a/.hidden.csv", "a/_temporary/4.csv", "a/sub/5.csv",
                           "b/1.csv", "b/x[1].csv", "c"}) {
    WriteFile(name, "x");
  }
  using Names = std::vector<std::string>;
  EXPECT_EQ(List("a", {".csv"}), (Names{"a/1.csv", "a/2.csv.gz", "a/sub/5.csv"}));
  EXPECT_EQ(List("a"), (Names{"a/1.csv", "a/2.csv.gz", "a/3.json", "a/sub/5.csv"}));
  EXPECT_EQ(List("a/*.csv"), Names{"a/1.csv"});
  EXPECT_EQ(List("*/1.csv"), (Names{"a/1.csv", "b/1.csv"}));
  EXPECT_EQ(List("**/*.csv"), (Names{"a/1.csv", "a/_temporary/4.csv", "a/sub/5.csv", "b/1.csv", "b/x[1].csv"}));
  EXPECT_EQ(List("**/5.csv"), Names{"a/sub/5.csv"});
  EXPECT_EQ(List("a/**"), (Names{"a/1.csv", "a/2.csv.gz", "a/3.json", "a/_temporary/4.csv", "a/sub/5.csv"}));
  EXPECT_EQ(List("{a,b}/[0-9].{csv,json}"), (Names{"a/1.csv", "a/3.json", "b/1.csv"}));
  EXPECT_EQ(List("a/[!12].*"), Names{"a/3.json"});
  EXPECT_EQ(List("b/x[1].csv"), Names{"b/x[1].csv"});  // a name that exists is that file
  EXPECT_EQ(List("?"), Names{"c"});
  EXPECT_EQ(List("a/.h*"), Names{"a/.hidden.csv"});
  EXPECT_EQ(List("zzz*"), Names{});
  EXPECT_EQ(List("c/*"), Names{});
  EXPECT_FALSE(ListInputFiles(env_, Path("zzz"), {}).ok());
  EXPECT_EQ(ListInputFiles(env_, "-", {}).ValueOrDie(), Names{"-"});
}

TEST_F(EnvTest, ACycleOfLinksEnds) {
  WriteFile("a/1.csv", "x");
  ASSERT_EQ(::symlink(Path("a").c_str(), Path("a/self").c_str()), 0);
  EXPECT_FALSE(ListInputFiles(env_, Path("a"), {}).ok());
  EXPECT_FALSE(ListInputFiles(env_, Path("a/**/*.csv"), {}).ok());
}

TEST(GlobTest, Patterns) {
  struct Case {
    const char *pattern, *text;
    bool matches;
  } cases[] = {{"*", "", true},
               {"a*b*c", "aXbYbZc", true},
               {"a*b*c", "ac", false},
               {"[a-c]x", "bx", true},
               {"[!a-c]x", "bx", false},
               {"[]]", "]", true},
               {"[a", "[a", true},
               {"\\*", "*", true},
               {"\\*", "a", false},
               {"?", "", false},
               {"*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
               {"[a-]", "-", true},
               {"x", "y", false},
               {"**", "ab", true}};
  for (const Case& c : cases) EXPECT_EQ(MatchesGlob(c.pattern, c.text), c.matches) << c.pattern << " " << c.text;
}

TEST(PathTest, Parts) {
  struct Case {
    const char *path, *directory, *base;
  } cases[] = {{"a", ".", "a"},    {"a/b", "a", "b"},    {"/a", "/", "a"}, {"/", "/", ""},
               {"a/b/", "a", "b"}, {"/a//b", "/a", "b"}, {"", ".", ""}};
  for (const Case& c : cases) {
    EXPECT_EQ(DirectoryName(c.path), c.directory) << c.path;
    EXPECT_EQ(BaseName(c.path), c.base) << c.path;
  }
}

TEST_F(EnvTest, TemporaryFoldersOfDeadOwnersAreRemovedAndThoseOfLivingOnesStay) {
  std::string parent = Path("tmp");
  auto living = TempDirectory::Create(env_, parent).ValueOrDie();
  std::string dead = JoinPath(parent, "weir-tmp-dead");
  WriteFile("tmp/weir-tmp-dead/.lock", "");
  WriteFile("tmp/weir-tmp-dead/deep/spill", "x");
  WriteFile("tmp/other/file", "x");
  auto next = TempDirectory::Create(env_, parent).ValueOrDie();
  EXPECT_EQ(env_.files().Stat(dead).ValueOrDie().kind, FileKind::kNone);
  EXPECT_EQ(env_.files().Stat(living->path()).ValueOrDie().kind, FileKind::kDirectory);
  EXPECT_EQ(env_.files().Stat(JoinPath(parent, "other/file")).ValueOrDie().kind, FileKind::kFile);
  std::string path = next->path();
  next.reset();
  EXPECT_EQ(env_.files().Stat(path).ValueOrDie().kind, FileKind::kNone);
}

TEST(ClockTest, SteadyTimeNeverGoesBackAndSeedsDiffer) {
  Env& env = Env::Real();
  int64_t before = env.SteadyTimeNs();
  EXPECT_LE(before, env.SteadyTimeNs());
  EXPECT_NE(env.RandomSeed(), env.RandomSeed());
  EXPECT_GT(env.WallTime(), EventTime{1600000000} * 1000000);
}

}  // namespace
}  // namespace weir
