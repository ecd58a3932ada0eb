// The Nexmark event generator: draws in exactly the order of Beam's model classes, written straight into columns.
#include "connectors/nexmark/generator.h"

#include <arrow/type.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "batch/types.h"
#include "connectors/nexmark/columns.h"
#include "connectors/nexmark/random.h"

namespace weir::nexmark {
namespace {

constexpr int64_t kEventsPerEpoch = 50, kAuctionsPerEpoch = 3;
constexpr int64_t kFirstPersonId = 1000, kFirstAuctionId = 1000, kFirstCategory = 10;
constexpr int32_t kCategories = 5, kPersonIdLead = 10, kAuctionIdLead = 10;
constexpr int32_t kHotSellers = 4, kHotAuctions = 2, kHotBidders = 4, kHotStep = 100;
constexpr int32_t kPersonBytes = 200, kAuctionBytes = 500, kBidBytes = 100;  // average size that `extra` fills up to
constexpr int32_t kChannels = 10000, kHotChannels = 4;
constexpr int64_t kMaxEventsPerCall = 1 << 20;

constexpr std::string_view kFirstNames[] = {"Peter", "Paul",  "Luke",  "John",   "Saul",  "Vicky",
                                            "Kate",  "Julie", "Sarah", "Deiter", "Walter"};
constexpr std::string_view kLastNames[] = {"Shultz", "Abrams", "Spencer", "White", "Bartels",
                                           "Walton", "Smith",  "Jones",   "Noris"};
constexpr std::string_view kCities[] = {"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland",
                                        "Bend",    "Redmond",     "Seattle",       "Kent",  "Cheyenne"};
constexpr std::string_view kStates[] = {"AZ", "CA", "ID", "OR", "WA", "WY"};
constexpr std::string_view kHotNames[kHotChannels] = {"Google", "Facebook", "Baidu", "Apple"};

int64_t LastPerson(int64_t id) { return id / kEventsPerEpoch; }

int64_t LastAuction(int64_t id) {
  int64_t epoch = id / kEventsPerEpoch, offset = id % kEventsPerEpoch;
  if (offset < 1) return (epoch - 1) * kAuctionsPerEpoch + kAuctionsPerEpoch - 1;
  return epoch * kAuctionsPerEpoch + std::min<int64_t>(offset - 1, kAuctionsPerEpoch - 1);
}

template <typename Random>
int64_t NextPerson(Random& random, int64_t id, int32_t num_active) {
  int64_t people = LastPerson(id) + 1;
  int64_t active = std::min<int64_t>(people, num_active);
  return people - active + random.NextInt(static_cast<int32_t>(active) + kPersonIdLead);
}

template <typename Random>
int64_t NextAuction(Random& random, int64_t id, int32_t num_in_flight) {
  int64_t newest = LastAuction(id), oldest = std::max<int64_t>(newest - num_in_flight, 0);
  return oldest + random.NextInt(static_cast<int32_t>(newest - oldest) + 1 + kAuctionIdLead);
}

/// In cents, log-uniform from 1 to 10^6 units.
template <typename Random>
int64_t NextPrice(Random& random) {
  return static_cast<int64_t>(std::floor(std::pow(10.0, random.NextDouble() * 6.0) * 100.0 + 0.5));
}

/// 3 … max - 1 characters: 'a' … 'z' and, one in 13, `special`; spaces at both ends are cut. Returns the length.
template <typename Random>
int64_t NextString(Random& random, int32_t max, char special, char* out) {
  int32_t length = 3 + random.NextInt(max - 3);
  for (int32_t i = 0; i < length; ++i) {
    out[i] = random.NextInt(13) == 0 ? special : static_cast<char>('a' + random.NextInt(26));
  }
  if (special != ' ') return length;
  int32_t begin = 0;
  while (length > begin && out[length - 1] == ' ') --length;
  while (begin < length && out[begin] == ' ') ++begin;
  if (begin > 0) std::memmove(out, out + begin, static_cast<size_t>(length - begin));
  return length - begin;
}

/// Beam makes six characters of one signed 32-bit number by `'a' + x % 26; x /= 26`, so a negative number gives
/// characters below 'a'. Here three digits at a time come from a table: [sign][value] → three characters.
struct DigitTable {
  uint32_t entries[2][26 * 26 * 26];
  DigitTable() {
    for (int negative = 0; negative < 2; ++negative) {
      for (uint32_t v = 0; v < 26 * 26 * 26; ++v) {
        char chars[4] = {};
        for (uint32_t i = 0, x = v; i < 3; ++i, x /= 26) {
          chars[i] = static_cast<char>(negative ? 'a' - static_cast<int>(x % 26) : 'a' + static_cast<int>(x % 26));
        }
        std::memcpy(&entries[negative][v], chars, 4);
      }
    }
  }
};

/// `length` characters; writes up to 8 bytes past the end.
template <typename Random>
void NextExactString(Random& random, int32_t length, char* out) {
  static const DigitTable table;
  for (int32_t i = 0; i < length; i += 6) {
    int32_t x = random.NextInt32();
    const uint32_t* digits = table.entries[x < 0];
    uint32_t magnitude = x < 0 ? 0u - static_cast<uint32_t>(x) : static_cast<uint32_t>(x);
    std::memcpy(out + i, &digits[magnitude % (26 * 26 * 26)], 4);
    std::memcpy(out + i + 3, &digits[magnitude / (26 * 26 * 26) % (26 * 26 * 26)], 4);
  }
}

/// Fills a row of `current` bytes up to about `average`.
template <typename Random>
Status AppendExtra(Random& random, int64_t current, int32_t average, bool wanted, StringColumn* column) {
  if (!wanted || current > average) return column->Append("");
  int32_t rest = average - static_cast<int32_t>(current);
  int32_t delta = static_cast<int32_t>(std::floor(rest * 0.2 + 0.5));
  int32_t length = rest - delta + (delta == 0 ? 0 : random.NextInt(2 * delta));
  WEIR_ASSIGN_OR_RETURN(char* out, column->Begin(length));
  NextExactString(random, length, out);
  column->End(length);
  return Status::OK();
}

template <typename Random>
Result<int64_t> AppendString(Random& random, int32_t max, StringColumn* column) {
  WEIR_ASSIGN_OR_RETURN(char* out, column->Begin(max));
  int64_t length = NextString(random, max, ' ', out);
  column->End(length);
  return length;
}

ArrayDataPtr MakeColumn(const TypePtr& type, int64_t rows, BufferPtr values) {
  return arrow::ArrayData::Make(type, rows, {nullptr, std::move(values)}, 0);
}

/// The numbers of the events of `type` at places [first, first + count).
std::vector<int64_t> IdsOf(const Generator& generator, EventType type, int64_t first, int64_t count) {
  std::vector<int64_t> ids;
  ids.reserve(static_cast<size_t>(count));
  for (int64_t place = first; place < first + count; ++place) {
    int64_t id = generator.EventId(place);
    if (Generator::TypeOf(id) == type) ids.push_back(id);
  }
  return ids;
}

/// "https://www.nexmark.com/abc/a_cd/xyz/item.htm?query=1"
std::string NextUrl(MixedRandom& random) {
  std::string url = "https://www.nexmark.com/";
  for (int i = 0; i < 3; ++i) {
    char part[5];
    url.append(part, static_cast<size_t>(NextString(random, 5, '_', part))).push_back('/');
  }
  return url + "item.htm?query=1";
}

/// Integer.reverse and Math.abs of Java.
uint32_t ReversedBits(uint32_t x) {
  uint32_t r = 0;
  for (int i = 0; i < 32; ++i) r |= ((x >> i) & 1u) << (31 - i);
  return static_cast<int32_t>(r) < 0 ? 0u - r : r;
}

SchemaPtr MakeSchema(EventType type, Mode mode) {
  auto i64 = arrow::int64(), text = arrow::utf8();
  const auto& time = TimestampType();
  using arrow::field;
  switch (type) {
    case EventType::kPerson:
      return arrow::schema({field("id", i64), field("name", text), field("emailAddress", text),
                            field("creditCard", text), field("city", text), field("state", text),
                            field("dateTime", time), field("extra", text)});
    case EventType::kAuction:
      return arrow::schema({field("id", i64), field("itemName", text), field("description", text),
                            field("initialBid", i64), field("reserve", i64), field("dateTime", time),
                            field("expires", time), field("seller", i64), field("category", i64),
                            field("extra", text)});
    case EventType::kBid:
      break;
  }
  if (mode == Mode::kBeam) {
    return arrow::schema({field("auction", i64), field("bidder", i64), field("price", i64), field("dateTime", time),
                          field("extra", text)});
  }
  return arrow::schema({field("auction", i64), field("bidder", i64), field("price", i64), field("channel", text),
                        field("url", text), field("dateTime", time), field("extra", text)});
}

}  // namespace

Generator::Generator(const GeneratorOptions& options) : options_(options) {
  for (EventType type : {EventType::kPerson, EventType::kAuction, EventType::kBid}) {
    schemas_[static_cast<int>(type)] = MakeSchema(type, options.mode);
  }
}

Result<std::shared_ptr<const Generator>> Generator::Make(const GeneratorOptions& options) {
  // The upper bounds keep every drawn range within 31 bits.
  if (options.inter_event_delay_us < 1 || options.inter_event_delay_us > 100'000'000) {
    return Status::Invalid("inter-event delay of ", options.inter_event_delay_us, " µs is not within 1 µs … 100 s");
  }
  if (options.out_of_order_group_size < 1 || options.out_of_order_group_size > 1'000'000) {
    return Status::Invalid("out-of-order group of ", options.out_of_order_group_size, " is not within 1 … 1,000,000");
  }
  if (options.num_active_people < 1 || options.num_in_flight_auctions < 1 || options.num_in_flight_auctions > 1000) {
    return Status::Invalid("active people must be at least 1, auctions in flight within 1 … 1000");
  }
  std::shared_ptr<Generator> generator(new Generator(options));
  if (options.mode == Mode::kMixed) WEIR_RETURN_NOT_OK(generator->MakeChannels());
  return generator;
}

Status Generator::MakeChannels() {
  StringColumn names, urls;
  WEIR_RETURN_NOT_OK(names.Open(kHotChannels + kChannels, 12));
  WEIR_RETURN_NOT_OK(urls.Open(kHotChannels + kChannels, 80));
  for (int32_t i = 0; i < kHotChannels + kChannels; ++i) {
    MixedRandom random(options_.seed, -1 - i);  // events have numbers from 0, so these draws are nobody else's
    std::string url = NextUrl(random);
    if (i < kHotChannels) {
      WEIR_RETURN_NOT_OK(names.Append(kHotNames[i]));
    } else {
      int32_t number = i - kHotChannels;
      WEIR_RETURN_NOT_OK(names.Append("channel-" + std::to_string(number)));
      if (random.NextInt(10) > 0) {
        url += "&channel_id=" + std::to_string(ReversedBits(static_cast<uint32_t>(number)));
      }
    }
    WEIR_RETURN_NOT_OK(urls.Append(url));
  }
  WEIR_ASSIGN_OR_RETURN(channels_, names.Finish(kHotChannels + kChannels));
  WEIR_ASSIGN_OR_RETURN(urls_, urls.Finish(kHotChannels + kChannels));
  return Status::OK();
}

EventType Generator::TypeOf(int64_t event_id) {
  int64_t offset = event_id % kEventsPerEpoch;
  return offset == 0 ? EventType::kPerson : offset <= kAuctionsPerEpoch ? EventType::kAuction : EventType::kBid;
}

int64_t Generator::EventId(int64_t number) const {
  int64_t group = options_.out_of_order_group_size;
  if (group == 1) return number;
  return number / group * group + (number * 953) % group;
}

int64_t Generator::TimestampMs(int64_t event_id) const {
  return options_.base_time_ms + event_id * options_.inter_event_delay_us / 1000;
}

EventTime Generator::WatermarkBefore(int64_t number) const {
  int64_t group = options_.out_of_order_group_size;
  return TimestampMs(number / group * group) * 1000;
}

Result<Events> Generator::Generate(EventType type, int64_t first, int64_t count, bool with_extra) const {
  if (first < 0 || count < 0 || count > kMaxEventsPerCall) {
    return Status::Invalid("Nexmark events [", first, ", ", first + count, "): at most ", kMaxEventsPerCall,
                           " at once");
  }
  return options_.mode == Mode::kBeam ? GenerateWith<JavaRandom>(type, first, count, with_extra)
                                      : GenerateWith<MixedRandom>(type, first, count, with_extra);
}

template <typename Random>
Result<Events> Generator::GenerateWith(EventType type, int64_t first, int64_t count, bool with_extra) const {
  std::vector<int64_t> ids = IdsOf(*this, type, first, count);
  switch (type) {
    case EventType::kPerson:
      return Persons<Random>(ids, with_extra);
    case EventType::kAuction:
      return Auctions<Random>(ids, with_extra);
    case EventType::kBid:
      break;
  }
  return Bids<Random>(ids, with_extra);
}

template <typename Random>
Result<Events> Generator::Persons(const std::vector<int64_t>& ids, bool with_extra) const {
  const int64_t rows = static_cast<int64_t>(ids.size());
  FixedColumn<int64_t> id_column, time_column;
  StringColumn name, email, card, city, state, extra;
  WEIR_RETURN_NOT_OK(id_column.Open(rows));
  WEIR_RETURN_NOT_OK(time_column.Open(rows));
  for (StringColumn* column : {&name, &email, &card, &city, &state}) WEIR_RETURN_NOT_OK(column->Open(rows, 20));
  WEIR_RETURN_NOT_OK(extra.Open(rows, kPersonBytes));
  for (int64_t event : ids) {
    Random random(options_.seed, event);
    id_column.Append(kFirstPersonId + LastPerson(event));
    time_column.Append(TimestampMs(event) * 1000);
    std::string_view first_name = kFirstNames[random.NextInt(std::size(kFirstNames))];
    std::string_view last_name = kLastNames[random.NextInt(std::size(kLastNames))];
    WEIR_RETURN_NOT_OK(name.Append(first_name, " ", last_name));
    WEIR_ASSIGN_OR_RETURN(char* out, email.Begin(20));
    int64_t length = NextString(random, 7, ' ', out);
    out[length++] = '@';
    length += NextString(random, 5, ' ', out + length);
    std::memcpy(out + length, ".com", 4);
    email.End(length += 4);
    WEIR_ASSIGN_OR_RETURN(out, card.Begin(20));
    for (int group = 0; group < 4; ++group) {
      int32_t number = random.NextInt(10000);
      for (int digit = 3; digit >= 0; --digit, number /= 10)
        out[group * 5 + digit] = static_cast<char>('0' + number % 10);
      out[group * 5 + 4] = ' ';
    }
    card.End(19);
    std::string_view city_name = kCities[random.NextInt(std::size(kCities))];
    std::string_view state_name = kStates[random.NextInt(std::size(kStates))];
    WEIR_RETURN_NOT_OK(city.Append(city_name));
    WEIR_RETURN_NOT_OK(state.Append(state_name));
    auto fixed_size = first_name.size() + 1 + last_name.size() + city_name.size() + state_name.size();
    int64_t current = 8 + static_cast<int64_t>(fixed_size) + length + 19;
    WEIR_RETURN_NOT_OK(AppendExtra(random, current, kPersonBytes, with_extra, &extra));
  }
  Events events{{MakeColumn(arrow::int64(), rows, id_column.Finish())}, rows, time_column.Finish()};
  for (StringColumn* column : {&name, &email, &card, &city, &state}) {
    WEIR_ASSIGN_OR_RETURN(ArrayDataPtr data, column->Finish(rows));
    events.columns.push_back(std::move(data));
  }
  events.columns.push_back(MakeColumn(TimestampType(), rows, events.event_time));
  WEIR_ASSIGN_OR_RETURN(ArrayDataPtr data, extra.Finish(rows));
  events.columns.push_back(std::move(data));
  return events;
}

template <typename Random>
Result<Events> Generator::Auctions(const std::vector<int64_t>& ids, bool with_extra) const {
  const int64_t rows = static_cast<int64_t>(ids.size());
  FixedColumn<int64_t> id_column, initial_bid, reserve, time_column, expires, seller, category;
  for (auto* column : {&id_column, &initial_bid, &reserve, &time_column, &expires, &seller, &category}) {
    WEIR_RETURN_NOT_OK(column->Open(rows));
  }
  StringColumn name, description, extra;
  WEIR_RETURN_NOT_OK(name.Open(rows, 20));
  WEIR_RETURN_NOT_OK(description.Open(rows, 60));
  WEIR_RETURN_NOT_OK(extra.Open(rows, kAuctionBytes));
  // So many events later the last of num_in_flight_auctions new auctions has been opened.
  const int64_t events_ahead = options_.num_in_flight_auctions * kEventsPerEpoch / kAuctionsPerEpoch;
  for (int64_t event : ids) {
    Random random(options_.seed, event);
    int64_t time_ms = TimestampMs(event);
    id_column.Append(kFirstAuctionId + LastAuction(event));
    time_column.Append(time_ms * 1000);
    bool hot = random.NextInt(kHotSellers) > 0;
    seller.Append(kFirstPersonId + (hot ? LastPerson(event) / kHotStep * kHotStep
                                        : NextPerson(random, event, options_.num_active_people)));
    category.Append(kFirstCategory + random.NextInt(kCategories));
    int64_t price = NextPrice(random);
    initial_bid.Append(price);
    int64_t horizon_ms = TimestampMs(event + events_ahead) - time_ms;
    int64_t length_ms = 1 + random.NextInt(static_cast<int32_t>(std::max<int64_t>(horizon_ms * 2, 1)));
    expires.Append((time_ms + length_ms) * 1000);
    WEIR_ASSIGN_OR_RETURN(int64_t name_length, AppendString(random, 20, &name));
    WEIR_ASSIGN_OR_RETURN(int64_t description_length, AppendString(random, 100, &description));
    reserve.Append(price + NextPrice(random));
    WEIR_RETURN_NOT_OK(
        AppendExtra(random, 8 + name_length + description_length + 40, kAuctionBytes, with_extra, &extra));
  }
  Events events{{}, rows, time_column.Finish()};
  auto i64 = arrow::int64();
  WEIR_ASSIGN_OR_RETURN(ArrayDataPtr names, name.Finish(rows));
  WEIR_ASSIGN_OR_RETURN(ArrayDataPtr descriptions, description.Finish(rows));
  WEIR_ASSIGN_OR_RETURN(ArrayDataPtr extras, extra.Finish(rows));
  events.columns = {MakeColumn(i64, rows, id_column.Finish()),
                    std::move(names),
                    std::move(descriptions),
                    MakeColumn(i64, rows, initial_bid.Finish()),
                    MakeColumn(i64, rows, reserve.Finish()),
                    MakeColumn(TimestampType(), rows, events.event_time),
                    MakeColumn(TimestampType(), rows, expires.Finish()),
                    MakeColumn(i64, rows, seller.Finish()),
                    MakeColumn(i64, rows, category.Finish()),
                    std::move(extras)};
  return events;
}

template <typename Random>
Result<Events> Generator::Bids(const std::vector<int64_t>& ids, bool with_extra) const {
  constexpr bool kWithChannel = std::is_same_v<Random, MixedRandom>;
  const int64_t rows = static_cast<int64_t>(ids.size());
  FixedColumn<int64_t> auction, bidder, price, time_column;
  for (auto* column : {&auction, &bidder, &price, &time_column}) WEIR_RETURN_NOT_OK(column->Open(rows));
  FixedColumn<int32_t> channel;
  if (kWithChannel) WEIR_RETURN_NOT_OK(channel.Open(rows));
  StringColumn extra;
  WEIR_RETURN_NOT_OK(extra.Open(rows, kBidBytes));
  for (int64_t event : ids) {
    Random random(options_.seed, event);
    time_column.Append(TimestampMs(event) * 1000);
    bool hot_auction = random.NextInt(kHotAuctions) > 0;
    auction.Append(kFirstAuctionId + (hot_auction ? LastAuction(event) / kHotStep * kHotStep
                                                  : NextAuction(random, event, options_.num_in_flight_auctions)));
    bool hot_bidder = random.NextInt(kHotBidders) > 0;
    bidder.Append(kFirstPersonId + (hot_bidder ? LastPerson(event) / kHotStep * kHotStep + 1
                                               : NextPerson(random, event, options_.num_active_people)));
    price.Append(NextPrice(random));
    if (kWithChannel) {
      bool hot_channel = random.NextInt(2) > 0;
      channel.Append(hot_channel ? random.NextInt(kHotChannels) : kHotChannels + random.NextInt(kChannels));
    }
    WEIR_RETURN_NOT_OK(AppendExtra(random, 32, kBidBytes, with_extra, &extra));
  }
  Events events{{}, rows, time_column.Finish()};
  auto i64 = arrow::int64();
  WEIR_ASSIGN_OR_RETURN(ArrayDataPtr extras, extra.Finish(rows));
  for (auto* column : {&auction, &bidder, &price}) events.columns.push_back(MakeColumn(i64, rows, column->Finish()));
  if (kWithChannel) {
    // One draw decides both, so channel and url share their indices.
    BufferPtr indices = channel.Finish();
    auto type = arrow::dictionary(arrow::int32(), arrow::utf8());
    for (const ArrayDataPtr& values : {channels_, urls_}) {
      ArrayDataPtr column = MakeColumn(type, rows, indices);
      column->dictionary = values;
      events.columns.push_back(std::move(column));
    }
  }
  events.columns.push_back(MakeColumn(TimestampType(), rows, events.event_time));
  events.columns.push_back(std::move(extras));
  return events;
}

}  // namespace weir::nexmark
