// Rows of one window mostly follow one another: the window of the row before is tried first.
#include "operators/support/window_rows.h"

#include <numeric>

namespace weir {
namespace {

class Lists {
 public:
  void Add(const Window& window, int32_t row) {
    if (lists_.empty() || !(lists_[last_].window == window)) {
      auto [at, fresh] = index_.emplace(std::pair(window.start, window.end), lists_.size());
      if (fresh) lists_.push_back({window, {}});
      last_ = at->second;
    }
    lists_[last_].rows.push_back(row);
  }
  std::vector<WindowRows> Take() { return std::move(lists_); }

 private:
  std::vector<WindowRows> lists_;
  std::map<std::pair<EventTime, EventTime>, size_t> index_;
  size_t last_ = 0;
};

}  // namespace

std::vector<WindowRows> RowsByWindow(const Batch& batch, const WindowingStrategy& windowing) {
  const auto rows = static_cast<int32_t>(batch.num_rows());
  Lists lists;
  if (windowing.is_global()) {
    WindowRows all;
    all.rows.resize(rows);
    std::iota(all.rows.begin(), all.rows.end(), 0);
    return {std::move(all)};
  }
  if (batch.has_window()) {
    for (int32_t row = 0; row < rows; ++row) {
      lists.Add({batch.window_start().at(row), batch.window_end().at(row)}, row);
    }
    return lists.Take();
  }
  std::vector<Window> windows;
  const Int64Column& times = batch.event_time();
  EventTime known = kMaxEventTime;  // the time that `windows` is of
  for (int32_t row = 0; row < rows; ++row) {
    const EventTime time = times.at(row);
    const bool same =
        windows.size() == 1 && windowing.partitions_time() && time >= windows[0].start && time < windows[0].end;
    if (!same && time != known) {
      AssignWindows(windowing, time, &windows);
      known = time;
    }
    for (const Window& window : windows) lists.Add(window, row);
  }
  return lists.Take();
}

}  // namespace weir
