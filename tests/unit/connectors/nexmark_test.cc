// The Nexmark generator against the reference: the CRC-32 of the canonical text of the first N events of Beam's own
// generator (rate 10,000 per second, one generator), and what makes it a source: any range gives the same events.
#include <arrow/array.h>
#include <arrow/type.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <set>
#include <string>

#include "connectors/nexmark/generator.h"

namespace weir::nexmark {
namespace {

/// The columns of one event type, read row after row as text.
class Rows {
 public:
  Rows(const Generator& generator, EventType type, int64_t first, int64_t count) {
    auto events = generator.Generate(type, first, count);
    EXPECT_TRUE(events.ok()) << events.status().ToString();
    for (const auto& data : events->columns) columns_.push_back(arrow::MakeArray(data));
    rows_ = events->num_rows;
  }
  bool done() const { return row_ == rows_; }
  void Next() { ++row_; }
  std::string Text(int column) const {
    const arrow::Array& array = *columns_[static_cast<size_t>(column)];
    switch (array.type_id()) {
      case arrow::Type::INT64:
        return std::to_string(static_cast<const arrow::Int64Array&>(array).Value(row_));
      case arrow::Type::TIMESTAMP:
        return std::to_string(static_cast<const arrow::TimestampArray&>(array).Value(row_) / 1000);
      default:
        return static_cast<const arrow::StringArray&>(array).GetString(row_);
    }
  }

 private:
  std::vector<std::shared_ptr<arrow::Array>> columns_;
  int64_t rows_ = 0, row_ = 0;
};

void AppendLine(char tag, const Rows& rows, std::initializer_list<int> columns, std::string* text) {
  *text += tag;
  for (int column : columns) (*text += ',') += rows.Text(column);
  *text += '\n';
}

struct Reference {
  int64_t events;
  int64_t bytes;
  uint32_t crc;
  int64_t price_sum;
};

void Check(const Reference& reference) {
  GeneratorOptions options;
  options.mode = Mode::kBeam;
  auto generator = Generator::Make(options).ValueOrDie();
  uint64_t crc = crc32(0, nullptr, 0);
  int64_t bytes = 0, price_sum = 0;
  constexpr int64_t kStep = 49'999;  // not a multiple of 50: a range may begin anywhere
  for (int64_t first = 0; first < reference.events; first += kStep) {
    int64_t count = std::min(kStep, reference.events - first);
    Rows persons(*generator, EventType::kPerson, first, count), auctions(*generator, EventType::kAuction, first, count),
        bids(*generator, EventType::kBid, first, count);
    std::string text;
    for (int64_t event = first; event < first + count; ++event) {
      switch (Generator::TypeOf(event)) {
        case EventType::kPerson:
          AppendLine('P', persons, {0, 1, 2, 3, 4, 5, 6, 7}, &text);
          persons.Next();
          break;
        case EventType::kAuction:
          AppendLine('A', auctions, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, &text);
          auctions.Next();
          break;
        case EventType::kBid:
          AppendLine('B', bids, {0, 1, 2, 3, 4}, &text);
          price_sum += std::stoll(bids.Text(2));
          bids.Next();
      }
    }
    EXPECT_TRUE(persons.done() && auctions.done() && bids.done());
    crc = crc32(crc, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
    bytes += static_cast<int64_t>(text.size());
  }
  EXPECT_EQ(bytes, reference.bytes);
  EXPECT_EQ(static_cast<uint32_t>(crc), reference.crc);
  EXPECT_EQ(price_sum, reference.price_sum);
}

TEST(NexmarkGenerator, First100KEventsAreBeams) { Check({100'000, 12'802'494, 0xf3173f1c, 667'953'890'778}); }

TEST(NexmarkGenerator, First1MEventsAreBeams) { Check({1'000'000, 129'364'147, 0xbb697f71, 6'659'865'839'701}); }

TEST(NexmarkGenerator, First10MEventsAreBeams) { Check({10'000'000, 1'312'198'551, 0x1c03ab2f, 66'588'842'800'674}); }

TEST(NexmarkGenerator, MixedBidsDoNotDependOnTheRange) {
  auto generator = Generator::Make({}).ValueOrDie();
  auto whole = generator->Generate(EventType::kBid, 0, 10'000).ValueOrDie();
  auto part = generator->Generate(EventType::kBid, 5'000, 1'000).ValueOrDie();
  ASSERT_EQ(whole.num_rows, 9'200);
  ASSERT_EQ(part.num_rows, 920);
  for (size_t i = 0; i < whole.columns.size(); ++i) {
    EXPECT_TRUE(arrow::MakeArray(whole.columns[i])->Slice(4'600, 920)->Equals(arrow::MakeArray(part.columns[i]))) << i;
  }
}

TEST(NexmarkGenerator, MixedSeedsDifferAndHotAuctionsComeInShortRuns) {
  GeneratorOptions other_seed;
  other_seed.seed = 1;
  auto a = Generator::Make({}).ValueOrDie()->Generate(EventType::kBid, 0, 100'000).ValueOrDie();
  auto b = Generator::Make(other_seed).ValueOrDie()->Generate(EventType::kBid, 0, 100'000).ValueOrDie();
  EXPECT_FALSE(arrow::MakeArray(a.columns[0])->Equals(arrow::MakeArray(b.columns[0])));
  const auto* auctions = a.columns[0]->GetValues<int64_t>(1);
  int64_t hot = 0, runs = 0;
  for (int64_t i = 1; i < a.num_rows; ++i) {
    bool is_hot = auctions[i] % 100 == 0, was_hot = auctions[i - 1] % 100 == 0;
    hot += is_hot;
    runs += is_hot != was_hot;
  }
  EXPECT_NEAR(static_cast<double>(hot) / static_cast<double>(a.num_rows), 0.505, 0.02);
  EXPECT_NEAR(static_cast<double>(a.num_rows) / static_cast<double>(runs), 2.0, 0.1);  // Beam's: 670
}

TEST(NexmarkGenerator, ShuffledGroupsHoldTheSameEventsBehindTheirWatermark) {
  GeneratorOptions options;
  options.out_of_order_group_size = 500;
  auto generator = Generator::Make(options).ValueOrDie();
  std::set<int64_t> ids;
  int64_t descents = 0;
  for (int64_t place = 0; place < 1'000; ++place) {
    ids.insert(generator->EventId(place));
    descents += place > 0 && generator->EventId(place) < generator->EventId(place - 1);
  }
  EXPECT_EQ(ids.size(), 1'000u);
  EXPECT_EQ(*ids.rbegin(), 999);
  EXPECT_GT(descents, 10);
  for (int64_t first = 0; first < 1'000; first += 100) {
    auto events = generator->Generate(EventType::kBid, first, 1'000 - first).ValueOrDie();
    const auto* times = reinterpret_cast<const int64_t*>(events.event_time->data());
    for (int64_t i = 0; i < events.num_rows; ++i) ASSERT_GE(times[i], generator->WatermarkBefore(first));
  }
}

TEST(NexmarkGenerator, OptionsOutOfRangeAreRefused) {
  GeneratorOptions options;
  options.inter_event_delay_us = 0;
  EXPECT_TRUE(Generator::Make(options).status().IsInvalid());
  options = {};
  options.out_of_order_group_size = 0;
  EXPECT_TRUE(Generator::Make(options).status().IsInvalid());
  auto generator = Generator::Make({}).ValueOrDie();
  EXPECT_TRUE(generator->Generate(EventType::kBid, -1, 1).status().IsInvalid());
}

}  // namespace
}  // namespace weir::nexmark
