// Arrivals: the rows that reached one expectation of a transcript, and when.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/testing/script.h"
#include "engine/operator.h"
#include "time/windowing.h"

namespace weir {

struct Arrival {
  size_t position = 0;  // of the script
  std::string row;      // canonical JSON
  EventTime at = kMinEventTime;
  std::vector<Window> windows;  // its own, or those that follow from its event time; several in sliding windows
  Pane pane;
  int64_t weight = 1;
};

/// A sink of one lane that keeps what comes. `arrivals` may be read when the run is over; rows without a window get
/// those that `windowing` gives to their event time.
std::shared_ptr<Sink> MakeArrivalSink(std::shared_ptr<const Script> script, const WindowingStrategy& windowing,
                                      std::shared_ptr<std::vector<Arrival>> arrivals);

}  // namespace weir
