// Frames come out the same however the bytes of a connection are torn apart.
#include "connectors/tcp/frame_cutter.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "unit/test_seed.h"

namespace weir {
namespace {

std::vector<std::string> Cut(FrameCutter& cutter, const std::string& bytes, std::mt19937_64& random, Status* status) {
  std::vector<std::string> frames;
  std::string_view frame;
  const auto take = [&](auto next) {
    for (;;) {
      auto more = next();
      if (!more.ok()) *status = more.status();
      if (!more.ok() || !*more) return;
      frames.emplace_back(frame);
    }
  };
  for (size_t at = 0; at < bytes.size() && status->ok();) {
    const size_t count = std::min<size_t>(bytes.size() - at, 1 + random() % 9);
    std::memcpy(cutter.Reserve(static_cast<int64_t>(count)), bytes.data() + at, count);
    cutter.Written(static_cast<int64_t>(count));
    at += count;
    take([&] { return cutter.Next(&frame); });
  }
  if (status->ok()) take([&] { return cutter.Last(&frame); });
  return frames;
}

TEST(FrameCutterTest, FramesOfAnyPieces) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> frames;
    std::string lines, lengths;
    for (size_t i = random() % 20; i > 0; --i) {
      std::string frame(random() % 12, static_cast<char>('a' + i));
      lines += frame + (random() % 2 ? "\r\n" : "\n");
      lengths += std::string(3, '\0') + static_cast<char>(frame.size()) + frame;
      frames.push_back(std::move(frame));
    }
    Status status;
    FrameCutter by_line(Framing::kLines, 12), by_length(Framing::kLength, 12);
    EXPECT_EQ(Cut(by_line, lines, random, &status), frames);
    EXPECT_EQ(Cut(by_length, lengths, random, &status), frames);
    EXPECT_TRUE(status.ok()) << status;
  }
}

TEST(FrameCutterTest, EndsAndLimits) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(SeedText(seed));
  std::mt19937_64 random(seed);
  Status status;
  FrameCutter open_line(Framing::kLines, 10);
  EXPECT_EQ(Cut(open_line, "a\n\nbc", random, &status), (std::vector<std::string>{"a", "", "bc"}));
  EXPECT_TRUE(status.ok());
  FrameCutter cut_short(Framing::kLength, 10);
  EXPECT_EQ(Cut(cut_short, std::string("\0\0\0\1a\0\0\0\2b", 10), random, &status), std::vector<std::string>{"a"});
  EXPECT_TRUE(status.IsInvalid());
  status = Status::OK();
  FrameCutter long_line(Framing::kLines, 4);
  EXPECT_EQ(Cut(long_line, "abcd\nabcde", random, &status), std::vector<std::string>{"abcd"});
  EXPECT_TRUE(status.IsInvalid());
  status = Status::OK();
  FrameCutter long_frame(Framing::kLength, 4);
  EXPECT_EQ(Cut(long_frame, std::string("\xff\0\0\0", 4), random, &status), std::vector<std::string>{});
  EXPECT_TRUE(status.IsInvalid());
}

}  // namespace
}  // namespace weir
