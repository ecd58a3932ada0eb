// SplitWatermarks: one watermark from the splits (files, connections, partitions) that one reader reads. Pure: time is
// told to it.
//
// Semantics: bounded out-of-orderness and idle inputs as in Apache Flink's WatermarkStrategy; the least of the splits
// as in The Dataflow Model (Akidau et al., VLDB 2015).
#pragma once

#include <cstdint>
#include <vector>

#include "base/event_time.h"

namespace weir {

/// How a source knows that nothing older will come.
struct WatermarkRule {
  enum class From : uint8_t {
    kEventTime,       // rows of a split are at most `out_of_orderness_us` older than the newest before them
    kOrder,           // pieces of a split (files, requests) come in the order of time, rows within one in any
    kProcessingTime,  // the clock, whatever the rows say
  };
  From from = From::kEventTime;
  int64_t out_of_orderness_us = 0;
  int64_t idle_timeout_us = 0;  // a split without rows for so long does not hold the others back; 0: it always does
};

/// A split is open from Add to End. An open split holds the watermark at its own, a new one where the watermark is,
/// until it gives rows or has been silent for the idle timeout. Where none is open any more it is that of the ended
/// split that was furthest. The watermark never goes back.
class SplitWatermarks {
 public:
  explicit SplitWatermarks(WatermarkRule rule) : rule_(rule) {}

  /// A new split; its number.
  int Add(int64_t now_us);
  /// Rows came from `split`, the newest of event time `latest`. It is no longer idle.
  void OnRows(int split, EventTime latest, int64_t now_us);
  /// Something other than rows shows that the split is at work: it is not idle.
  void Touch(int split, int64_t now_us) { OnRows(split, kMinEventTime, now_us); }
  /// A piece of the split is complete. With From::kOrder its newest row is now the watermark.
  void EndPiece(int split);
  /// Nothing more comes from it. Its number may be given to a later split.
  void End(int split);
  /// The clock. A step counts as one second of silence at most: who was not asked for rows could give none.
  void OnProcessingTime(int64_t now_us);

  /// Everything but the clock, so that a later run can go on: splits keep their numbers, silence counts anew.
  struct State {
    struct Split {
      bool open = false, idle = false;
      EventTime latest = kMinEventTime, watermark = kMinEventTime;
    };
    std::vector<Split> splits;
    EventTime watermark = kMinEventTime, ended = kMinEventTime;
  };
  State state() const;
  /// Before the first Add.
  void Restore(const State& state);

  /// No later row of the open splits is older, if they keep to the rule.
  EventTime watermark() const { return watermark_; }
  /// All open splits are idle, or none is open and that has lasted for the idle timeout.
  bool idle() const { return idle_; }

 private:
  struct Split {
    bool open = false;
    bool idle = false;
    int64_t silent_since_us = 0;  // of asked_us_
    EventTime latest = kMinEventTime;
    EventTime watermark = kMinEventTime;
  };
  void Publish(Split* split);
  void Merge();

  const WatermarkRule rule_;
  std::vector<Split> splits_;
  EventTime watermark_ = kMinEventTime;
  bool idle_ = false;
  int64_t now_us_ = 0;    // the last that was told
  int64_t asked_us_ = 0;  // processing time without the gaps in which nobody asked
  int64_t none_open_since_us_ = 0;
  EventTime ended_ = kMinEventTime;  // the greatest watermark of those that ended
};

}  // namespace weir
