// Which rows of a batch lie in which windows.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "batch/batch.h"
#include "time/windowing.h"

namespace weir {

struct WindowRows {
  Window window;
  std::vector<int32_t> rows;  // ascending
};

/// The windows that rows of `batch` lie in, in the order of their first rows: those that rows carry where they do, else
/// those of their event times. A row in several sliding windows is in several lists; one between windows is in none.
std::vector<WindowRows> RowsByWindow(const Batch& batch, const WindowingStrategy& windowing);

}  // namespace weir
