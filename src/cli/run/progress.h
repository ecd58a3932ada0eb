// A line on stderr that says how far a run is, redrawn while it lasts and gone afterwards.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "engine/run.h"

namespace weir {

class ProgressLine {
 public:
  /// Draws only if `enabled` (stderr is a terminal). `run` must outlive it.
  ProgressLine(const Run& run, bool enabled);
  ~ProgressLine();

 private:
  void Loop();
  const Run& run_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace weir
