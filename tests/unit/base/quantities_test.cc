// Durations and byte sizes: what is read, what is refused, and that printing is the inverse.
#include <gtest/gtest.h>

#include "base/byte_size.h"
#include "base/duration.h"
#include "base/utf8.h"

namespace weir {
namespace {

TEST(Duration, Reads) {
  const std::pair<const char*, int64_t> cases[] = {
      {"10m", 600'000'000},   {"1.5h", 5'400'000'000}, {"30", 30'000'000}, {"0.1s", 100'000}, {"250us", 250},
      {"1d", 86'400'000'000}, {"-2s", -2'000'000},     {".5s", 500'000},   {"0", 0},          {"1.5", 1'500'000},
      {"10 s", 10'000'000},   {"0.000001s", 1}};
  for (const auto& [text, us] : cases) {
    ASSERT_TRUE(ParseDuration(text).ok()) << text;
    EXPECT_EQ(ParseDuration(text)->us, us) << text;
    EXPECT_EQ(ParseDuration(FormatDuration({us}))->us, us) << FormatDuration({us});
  }
  for (const char* text :
       {"", "s", "10x", "1.2.3s", "1h30m", "ten", "-", ".", "1e3s", "0.0000001s", "99999999999d", "1us1"}) {
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
  }
  EXPECT_EQ(FormatDuration({5'400'000'000}), "90m");
  EXPECT_EQ(FormatDuration({1'500'000}), "1500ms");
}

TEST(ByteSize, Reads) {
  const std::pair<const char*, int64_t> cases[] = {{"512", 512},
                                                   {"64MiB", 64 << 20},
                                                   {"1.5GiB", 3LL << 29},
                                                   {"2GB", 2'000'000'000},
                                                   {"64k", 64 << 10},
                                                   {"1 kB", 1000},
                                                   {"0", 0},
                                                   {"10B", 10},
                                                   {"1TiB", 1LL << 40}};
  for (const auto& [text, bytes] : cases) {
    ASSERT_TRUE(ParseByteSize(text).ok()) << text;
    EXPECT_EQ(ParseByteSize(text)->bytes, bytes) << text;
  }
  for (const char* text : {"", "MiB", "-1", "64XB", "1e3", "nan", "inf", "9999999999TiB"})
    EXPECT_FALSE(ParseByteSize(text).ok()) << text;
  EXPECT_EQ(FormatByteSize({64 << 20}), "64MiB");
  EXPECT_EQ(FormatByteSize({1536}), "1.5KiB");
  EXPECT_EQ(FormatByteSize({12}), "12B");
}

TEST(Utf8, FindsTheFirstInvalidByte) {
  EXPECT_EQ(FirstInvalidUtf8("aé日😀"), std::string_view::npos);
  for (const char* text : {"ab\xff", "ab\xc0\x80", "ab\xed\xa0\x80", "ab\xf4\x90\x80\x80", "ab\xe2\x82", "ab\x80"}) {
    EXPECT_EQ(FirstInvalidUtf8(text), 2u) << text;
  }
}

}  // namespace
}  // namespace weir
