// The contract of stores, over all of them: memory and SQLite always, and those that WEIR_TEST_STORES names by URLs,
// which tests/stores/run starts. What holds for one holds for all, or a pipeline could not change its store.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "env/env.h"
#include "stores/key_value_store.h"
#include "stores/store_lease.h"

namespace weir {
namespace {

std::vector<std::string> Urls() {
  std::vector<std::string> urls = {"memory:contract", "sqlite:"};
  if (const char* more = std::getenv("WEIR_TEST_STORES")) {
    if (std::getenv("WEIR_TEST_STORES_ONLY") != nullptr) urls.clear();
    std::istringstream words(more);
    for (std::string url; words >> url;) urls.push_back(url);
  }
  return urls;
}

class StoreContract : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    url_ = GetParam();
    if (url_ == "sqlite:") {
      folder_ = std::filesystem::temp_directory_path() / ("weir-stores-" + std::to_string(Env::Real().RandomSeed()));
      std::filesystem::create_directories(folder_);
      url_ += (folder_ / "state.db").string();
    }
    prefix_ = "contract/" + std::to_string(Env::Real().RandomSeed()) + "/";
    store_ = Open();
  }
  void TearDown() override {
    store_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  std::unique_ptr<KeyValueStore> Open() {
    auto store = KeyValueStore::Open(url_, Env::Real());
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? std::move(*store) : nullptr;
  }
  std::string Key(const std::string& name) const { return prefix_ + name; }
  std::string ValueAt(const std::string& key) {
    auto value = store_->Get(key);
    EXPECT_TRUE(value.ok()) << value.status();
    return value.ok() && *value ? (*value)->bytes : "(none)";
  }

  std::string url_, prefix_;
  std::filesystem::path folder_;
  std::unique_ptr<KeyValueStore> store_;
};

TEST_P(StoreContract, PutGetDelete) {
  ASSERT_TRUE(store_);
  EXPECT_EQ(ValueAt(Key("a")), "(none)");
  ASSERT_TRUE(store_->Put(Key("a"), "one").ok());
  EXPECT_EQ(ValueAt(Key("a")), "one");
  const int64_t version = *store_->Put(Key("a"), "two");
  EXPECT_EQ(ValueAt(Key("a")), "two");
  EXPECT_EQ((*store_->Get(Key("a")))->version, version);
  EXPECT_FALSE(*store_->Delete(Key("a"), version == 1 ? 2 : version - 1));
  EXPECT_TRUE(*store_->Delete(Key("a"), version));
  EXPECT_FALSE(*store_->Delete(Key("a")));
  EXPECT_EQ(ValueAt(Key("a")), "(none)");
}

TEST_P(StoreContract, CompareAndSet) {
  ASSERT_TRUE(store_);
  const auto first = *store_->CompareAndSet(Key("c"), KeyValueStore::kAbsent, "one");
  ASSERT_EQ(first.outcome, CasOutcome::kWritten);
  EXPECT_EQ(store_->CompareAndSet(Key("c"), KeyValueStore::kAbsent, "again")->outcome, CasOutcome::kConflict);
  const auto second = *store_->CompareAndSet(Key("c"), first.version, "two");
  ASSERT_EQ(second.outcome, CasOutcome::kWritten);
  EXPECT_NE(second.version, first.version);
  EXPECT_EQ(store_->CompareAndSet(Key("c"), first.version, "late")->outcome, CasOutcome::kConflict);
  EXPECT_EQ(ValueAt(Key("c")), "two");
  // A key that was removed and made anew does not have the version of before.
  ASSERT_TRUE(*store_->Delete(Key("c")));
  ASSERT_EQ(store_->CompareAndSet(Key("c"), KeyValueStore::kAbsent, "new")->outcome, CasOutcome::kWritten);
  EXPECT_EQ(store_->CompareAndSet(Key("c"), second.version, "ghost")->outcome, CasOutcome::kConflict);
}

TEST_P(StoreContract, ValuesOfAllSizesAndBytes) {
  ASSERT_TRUE(store_);
  const uint64_t seed = Env::Real().RandomSeed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{2}, size_t{255}, size_t{4096}, size_t{65537}, size_t{256} << 10}) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    ASSERT_TRUE(store_->Put(Key("v"), bytes).ok()) << size;
    EXPECT_TRUE(ValueAt(Key("v")) == bytes) << size;
    const int64_t version = (*store_->Get(Key("v")))->version;
    EXPECT_EQ(store_->CompareAndSet(Key("v"), version, bytes + "x").ok(), size < KeyValueStore::kMaxValueBytes);
  }
  EXPECT_FALSE(store_->Put(Key("v"), std::string((256 << 10) + 1, 'x')).ok());
  EXPECT_FALSE(store_->Put("", "x").ok());
  EXPECT_FALSE(store_->Put(std::string(1001, 'k'), "x").ok());
  const std::string odd = Key(std::string("\0\xff '\"\\%\n", 8));
  ASSERT_TRUE(store_->Put(odd, "odd").ok());
  EXPECT_EQ(ValueAt(odd), "odd");
  EXPECT_EQ(store_->Scan(odd, "", 10)->at(0).key, odd);
}

TEST_P(StoreContract, ScansByPages) {
  ASSERT_TRUE(store_);
  std::vector<std::string> keys;
  for (int i = 0; i < 57; ++i) keys.push_back(Key("s/" + std::to_string(i * 37 % 57)));
  for (const std::string& key : keys) ASSERT_TRUE(store_->Put(key, "value of " + key).ok());
  ASSERT_TRUE(store_->Put(Key("r"), "before").ok());
  ASSERT_TRUE(store_->Put(Key("t"), "behind").ok());
  std::sort(keys.begin(), keys.end());
  for (const int limit : {1, 7, 57, 1000}) {
    std::vector<std::string> seen;
    std::string after;
    for (;;) {
      const auto page = store_->Scan(Key("s/"), after, limit);
      ASSERT_TRUE(page.ok()) << page.status();
      ASSERT_LE(page->size(), static_cast<size_t>(limit));
      if (page->empty()) break;
      for (const StoreEntry& entry : *page) {
        seen.push_back(entry.key);
        EXPECT_EQ(entry.value.bytes, "value of " + entry.key);
      }
      after = seen.back();
    }
    EXPECT_EQ(seen, keys) << limit;
  }
  EXPECT_TRUE(store_->Scan(Key("nothing"), "", 10)->empty());
  EXPECT_TRUE(store_->Scan(Key("s/"), Key("t"), 10)->empty());
  EXPECT_EQ(store_->Scan(Key("s/"), keys[20] + "!", 1)->at(0).key, keys[21]);
}

/// Adds one to the number at `key`, until it is surely done. How often nobody knows whether it was.
Result<int> AddOne(KeyValueStore* store, const std::string& key) {
  int unknown = 0;
  for (;;) {
    WEIR_ASSIGN_OR_RETURN(const auto there, store->Get(key));
    const int64_t number = there ? std::stoll(there->bytes) : 0;
    WEIR_ASSIGN_OR_RETURN(
        const CasResult written,
        store->CompareAndSet(key, there ? there->version : KeyValueStore::kAbsent, std::to_string(number + 1)));
    if (written.outcome == CasOutcome::kWritten) return unknown;
    if (written.outcome == CasOutcome::kUnknown) ++unknown;
  }
}

TEST_P(StoreContract, ManyCountTogether) {
  constexpr int kThreads = 4, kRounds = 25;
  std::atomic<int> errors{0}, unknown{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      const auto store = Open();
      for (int round = 0; store && round < kRounds; ++round) {
        const auto added = AddOne(store.get(), Key("n"));
        errors += !added.ok();
        unknown += added.ok() ? *added : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(errors, 0);
  EXPECT_EQ(unknown, 0);
  EXPECT_EQ(ValueAt(Key("n")), std::to_string(kThreads * kRounds));
}

TEST_P(StoreContract, LeasesHaveOneOwner) {
  ASSERT_TRUE(store_);
  const auto other = Open();
  auto first = StoreLease::Acquire(store_.get(), Key("lease"), "one", 60'000'000, Env::Real());
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(first->lease);
  auto second = StoreLease::Acquire(other.get(), Key("lease"), "two", 60'000'000, Env::Real());
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_FALSE(second->lease);
  EXPECT_EQ(second->holder.owner, "one");
  ASSERT_TRUE(first->lease->Renew().ok());
  ASSERT_TRUE(first->lease->Release().ok());
  second = StoreLease::Acquire(other.get(), Key("lease"), "two", 60'000'000, Env::Real());
  ASSERT_TRUE(second->lease);
  EXPECT_GT(second->lease->token(), first->lease->token());
  EXPECT_TRUE(first->lease->Renew().IsCancelled());
}

TEST_P(StoreContract, OldTokensAreRefused) {
  ASSERT_TRUE(store_);
  const auto other = Open();
  auto sleeper = StoreLease::Acquire(store_.get(), Key("lease"), "one", 100'000, Env::Real());
  ASSERT_TRUE(sleeper.ok() && sleeper->lease);
  ASSERT_TRUE(FencedPut(store_.get(), Key("data"), sleeper->lease->token(), "of one").ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  auto next = StoreLease::Acquire(other.get(), Key("lease"), "two", 60'000'000, Env::Real());
  ASSERT_TRUE(next.ok() && next->lease) << "the lease did not expire";
  ASSERT_TRUE(FencedPut(other.get(), Key("data"), next->lease->token(), "of two").ok());
  EXPECT_TRUE(FencedPut(store_.get(), Key("data"), sleeper->lease->token(), "late").IsCancelled());
  EXPECT_TRUE(sleeper->lease->Renew().IsCancelled());
  EXPECT_EQ((*FencedGet(other.get(), Key("data")))->bytes, "of two");
}

/// How long tests/stores/run kills servers; null elsewhere.
const char* CrashSeconds() { return std::getenv("WEIR_TEST_STORES_SECONDS"); }

class StoreCrash : public StoreContract {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreCrash);

TEST_P(StoreCrash, CountsThrough) {
  ASSERT_TRUE(store_);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(CrashSeconds()));
  std::atomic<int> added{0}, unknown{0}, failed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      const auto store = Open();
      while (store && std::chrono::steady_clock::now() < end) {
        const auto one = AddOne(store.get(), Key("n"));
        added += one.ok();
        unknown += one.ok() ? *one : 0;
        failed += !one.ok();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const int64_t number = std::stoll(ValueAt(Key("n")));
  std::printf("%d added, %d unknown, %d gave up, counted %lld\n", added.load(), unknown.load(), failed.load(),
              static_cast<long long>(number));
  EXPECT_GT(added, 10);
  // What was said to be written is there, once; of what nobody knows, any part.
  EXPECT_GE(number, added);
  EXPECT_LE(number, added + unknown + failed);
}

std::string NameOf(const testing::TestParamInfo<std::string>& info) {
  return info.param.substr(0, info.param.find(':')) + std::to_string(info.index);
}

INSTANTIATE_TEST_SUITE_P(All, StoreContract, testing::ValuesIn(Urls()), NameOf);
INSTANTIATE_TEST_SUITE_P(All, StoreCrash,
                         testing::ValuesIn(CrashSeconds() == nullptr ? std::vector<std::string>{} : Urls()), NameOf);

TEST(StoreUrl, SaysWhatIsWrong) {
  for (const char* text :
       {"", "redis:", "redis://", "ftp://a", "sqlite:", "redis://host:port", "postgres://h:70000/d"}) {
    EXPECT_FALSE(StoreUrl::Parse(text).ok()) << text;
  }
  const StoreUrl url = *StoreUrl::Parse("postgresql://ann:s%40e:c@db:5433/state?table=t&sslmode=require");
  EXPECT_EQ(url.scheme, "postgres");
  EXPECT_EQ(url.user, "ann");
  EXPECT_EQ(url.password, "s@e:c");
  EXPECT_EQ(url.host, "db");
  EXPECT_EQ(url.port, 5433);
  EXPECT_EQ(url.path, "state");
  EXPECT_EQ(url.Option("table", ""), "t");
  EXPECT_EQ(url.ToString(), "postgres://db:5433/state");
  EXPECT_EQ(StoreUrl::Parse("state.db")->scheme, "sqlite");
}

}  // namespace
}  // namespace weir
