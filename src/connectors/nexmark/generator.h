// The Nexmark event generator: persons, auctions and bids of an online auction, each a pure function of its event
// number.
//
// The arithmetic is that of Apache Beam (sdks/java/testing/nexmark, package sources.generator): of 50 events the first
// is a person, three are auctions, 46 are bids; ids follow from the event number, everything else from a random
// generator that is seeded by it. So any range of events can be made by anyone, in any order, again.
//   beam   Beam's own random numbers: the same bytes as Beam with one generator. Bids have no channel and no url.
//   mixed  SplitMix64 with a seed, and `channel` and `url` as in nexmark/nexmark: for measuring speed, because Beam's
//          random numbers give runs of hundreds of bids for one auction.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "base/status.h"
#include "batch/batch.h"

namespace weir::nexmark {

enum class Mode : uint8_t { kBeam, kMixed };
enum class EventType : uint8_t { kPerson = 0, kAuction = 1, kBid = 2 };

struct GeneratorOptions {
  Mode mode = Mode::kMixed;
  uint64_t seed = 0;                     // mixed only
  int64_t base_time_ms = 1436918400000;  // event time of event 0: 2015-07-15T00:00:00Z
  int64_t inter_event_delay_us = 100;    // 10,000 events per second of event time
  int64_t out_of_order_group_size = 1;   // events are shuffled (in a fixed way) within groups of this size
  int32_t num_active_people = 1000;
  int32_t num_in_flight_auctions = 100;
};

/// Rows of one event type, in event order. `event_time` (µs) is the buffer of the dateTime column.
struct Events {
  std::vector<ArrayDataPtr> columns;
  int64_t num_rows = 0;
  BufferPtr event_time;
};

/// Immutable after Make: one object serves any number of threads.
class Generator {
 public:
  /// Errors: Invalid when an option is out of range.
  static Result<std::shared_ptr<const Generator>> Make(const GeneratorOptions& options);

  /// Fields by the names of nexmark/nexmark; ids and prices int64, times timestamp[us, UTC]. `channel` and `url` are
  /// utf8 in the schema and dictionary-encoded in the columns.
  const SchemaPtr& schema(EventType type) const { return schemas_[static_cast<int>(type)]; }

  /// The events of `type` at places [first, first + count); count ≤ 1 Mi (the columns have 32-bit offsets). Without
  /// `with_extra` the last column, `extra`, which takes most of the time, holds empty strings.
  Result<Events> Generate(EventType type, int64_t first, int64_t count, bool with_extra = true) const;

  static EventType TypeOf(int64_t event_id);
  /// The number of the event that comes at place `number`: the same, unless events are shuffled within groups.
  int64_t EventId(int64_t number) const;
  /// No event at place `number` or later is earlier than this (µs).
  EventTime WatermarkBefore(int64_t number) const;

  const GeneratorOptions& options() const { return options_; }

 private:
  explicit Generator(const GeneratorOptions& options);
  Status MakeChannels();
  int64_t TimestampMs(int64_t event_id) const;

  template <typename Random>
  Result<Events> Persons(const std::vector<int64_t>& ids, bool with_extra) const;
  template <typename Random>
  Result<Events> Auctions(const std::vector<int64_t>& ids, bool with_extra) const;
  template <typename Random>
  Result<Events> Bids(const std::vector<int64_t>& ids, bool with_extra) const;
  template <typename Random>
  Result<Events> GenerateWith(EventType type, int64_t first, int64_t count, bool with_extra) const;

  GeneratorOptions options_;
  SchemaPtr schemas_[3];
  ArrayDataPtr channels_, urls_;  // dictionaries of the mixed mode: four hot channels, then channel-0 … channel-9999
};

}  // namespace weir::nexmark
