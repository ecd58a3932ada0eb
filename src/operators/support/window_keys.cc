// Window starts and slices by arithmetic; overlapping sessions merged to one.
#include "operators/support/window_keys.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <arrow/type.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "operators/support/slice_windows.h"

namespace weir {

namespace {

constexpr uint32_t kStep = 16384;  // groups that are turned into columns at once

ArrayDataPtr Int64Data(BufferPtr values, int64_t rows) {
  return arrow::ArrayData::Make(arrow::int64(), rows, {nullptr, std::move(values)}, 0);
}

template <class Value>
Result<ArrayDataPtr> MakeInt64(int64_t rows, Value value) {
  WEIR_ASSIGN_OR_RETURN(auto buffer, arrow::AllocateBuffer(rows * 8));
  auto* out = reinterpret_cast<int64_t*>(buffer->mutable_data());
  for (int64_t i = 0; i < rows; ++i) out[i] = value(i);
  return Int64Data(std::move(buffer), rows);
}

Result<ArrayDataPtr> ToColumn(const Int64Column& column, int64_t rows) {
  if (!column.is_constant()) return Int64Data(column.values(), rows);
  return MakeInt64(rows, [&](int64_t) { return column.constant(); });
}

/// Event times come in order, mostly: the window of the row before is tried first.
Result<ArrayDataPtr> StartColumn(const Int64Column& times, int64_t rows, int64_t size, int64_t offset) {
  if (times.is_constant()) {
    const int64_t start = WindowStart(times.constant(), size, offset);
    return MakeInt64(rows, [=](int64_t) { return start; });
  }
  const int64_t* time = times.data();
  int64_t start = 0;
  uint64_t width = 0;  // no window yet
  return MakeInt64(rows, [&](int64_t i) {
    if (static_cast<uint64_t>(time[i]) - static_cast<uint64_t>(start) >= width) {
      start = WindowStart(time[i], size, offset);
      width = static_cast<uint64_t>(size);
    }
    return start;
  });
}

/// The same for windows that a calendar makes.
Result<ArrayDataPtr> CalendarColumn(const Int64Column& times, int64_t rows, const WindowingStrategy& windowing) {
  Window window{0, 0};  // no window yet
  return MakeInt64(rows, [&](int64_t i) {
    const int64_t time = times.at(i);
    if (time < window.start || time >= window.end) {
      window = CalendarWindow(windowing.calendar, windowing.offset_us, time);
    }
    return window.start;
  });
}

}  // namespace

WindowKeys::WindowKeys(const WindowingStrategy& windowing, bool has_window)
    : windowing_(windowing),
      has_window_(has_window && !windowing.is_global()),
      sliced_(windowing.kind == WindowKind::kSliding && !has_window) {}

int WindowKeys::num_columns() const {
  if (windowing_.is_global()) return 0;
  return windowing_.kind == WindowKind::kSessions ? 2 : 1;
}

Result<std::vector<ArrayDataPtr>> WindowKeys::Columns(const Batch& batch) const {
  std::vector<ArrayDataPtr> out(num_columns());
  if (out.empty()) return out;
  const int64_t rows = batch.num_rows();
  if (has_window_) {
    WEIR_ASSIGN_OR_RETURN(out[0], ToColumn(batch.window_start(), rows));
    if (out.size() > 1) {
      WEIR_ASSIGN_OR_RETURN(out[1], ToColumn(batch.window_end(), rows));
    }
    return out;
  }
  const Int64Column& times = batch.event_time();
  if (windowing_.kind == WindowKind::kSessions) {
    WEIR_ASSIGN_OR_RETURN(out[0], ToColumn(times, rows));
    WEIR_ASSIGN_OR_RETURN(out[1],
                          MakeInt64(rows, [&](int64_t i) { return SaturatingAdd(times.at(i), windowing_.gap_us); }));
    return out;
  }
  if (windowing_.kind == WindowKind::kCalendar) {
    WEIR_ASSIGN_OR_RETURN(out[0], CalendarColumn(times, rows, windowing_));
    return out;
  }
  const int64_t width = sliced_ ? SliceWidth(windowing_) : windowing_.size_us;
  WEIR_ASSIGN_OR_RETURN(out[0], StartColumn(times, rows, width, windowing_.offset_us));
  return out;
}

namespace {

class MergedSessions final : public Regrouping {
 public:
  explicit MergedSessions(std::unique_ptr<GroupAggregator> groups) : groups_(std::move(groups)) {}
  Result<const GroupAggregator*> Next() override { return std::exchange(given_, true) ? nullptr : groups_.get(); }
  int64_t size_bytes() const override { return groups_->size_bytes(); }

 private:
  std::unique_ptr<GroupAggregator> groups_;
  bool given_ = false;
};

}  // namespace

Result<std::unique_ptr<Regrouping>> WindowKeys::Regroup(const GroupAggregator& groups, size_t num_keys,
                                                        const std::vector<AggregateCall>& calls) const {
  if (windowing_.kind != WindowKind::kSessions) return MakeSliceWindows(windowing_, groups, num_keys, calls);
  WEIR_ASSIGN_OR_RETURN(auto out, GroupAggregator::Make(groups.key_types(), calls));
  WEIR_RETURN_NOT_OK(MergeSessions(groups, num_keys, out.get()));
  return std::make_unique<MergedSessions>(std::move(out));
}

// Sessions of one key that overlap are one. Sorted by key and start, a sweep finds the final window of each.
Status WindowKeys::MergeSessions(const GroupAggregator& groups, size_t num_keys, GroupAggregator* out) const {
  const uint32_t count = groups.num_groups();
  const size_t all_keys = groups.key_types().size();
  GroupTable users({groups.key_types().begin(), groups.key_types().begin() + num_keys});
  std::vector<uint32_t> user(count), order(count);
  std::vector<int64_t> starts(count), ends(count);
  for (uint32_t begin = 0; begin < count; begin += kStep) {
    const uint32_t end = std::min(begin + kStep, count);
    WEIR_ASSIGN_OR_RETURN(auto keys, groups.Keys(begin, end));
    std::copy_n(keys[num_keys]->GetValues<int64_t>(1), end - begin, starts.begin() + begin);
    std::copy_n(keys[num_keys + 1]->GetValues<int64_t>(1), end - begin, ends.begin() + begin);
    WEIR_RETURN_NOT_OK(users.Lookup({keys.begin(), keys.begin() + num_keys}, end - begin, user.data() + begin));
  }
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return user[a] != user[b] ? user[a] < user[b] : starts[a] < starts[b]; });
  for (uint32_t i = 0; i < count;) {
    const uint32_t first = order[i];
    int64_t end = ends[first];
    uint32_t j = i + 1;
    for (; j < count && user[order[j]] == user[first] && starts[order[j]] < end; ++j)
      end = std::max(end, ends[order[j]]);
    const int64_t start = starts[first];
    for (; i < j; ++i) {
      starts[order[i]] = start;
      ends[order[i]] = end;
    }
  }
  const BufferPtr start_buffer = arrow::Buffer::FromVector(std::move(starts));
  const BufferPtr end_buffer = arrow::Buffer::FromVector(std::move(ends));
  for (uint32_t begin = 0; begin < count; begin += kStep) {
    const uint32_t end = std::min(begin + kStep, count);
    WEIR_ASSIGN_OR_RETURN(auto columns, groups.Partial(begin, end));
    std::vector<ArrayDataPtr> keys(columns.begin(), columns.begin() + all_keys);
    columns.erase(columns.begin(), columns.begin() + all_keys);
    keys[num_keys] =
        Int64Data(arrow::SliceBuffer(start_buffer, int64_t{begin} * 8, int64_t{end - begin} * 8), end - begin);
    keys[num_keys + 1] =
        Int64Data(arrow::SliceBuffer(end_buffer, int64_t{begin} * 8, int64_t{end - begin} * 8), end - begin);
    WEIR_RETURN_NOT_OK(out->Merge(keys, columns, end - begin));
  }
  return Status::OK();
}

void WindowKeys::SetWindows(const std::vector<ArrayDataPtr>& columns, Batch* batch) const {
  const int64_t rows = batch->num_rows();
  if (windowing_.is_global()) {
    batch->set_event_time(Int64Column(kEndOfGlobalWindow - 1));
    return;
  }
  const auto* starts = columns[0]->GetValues<int64_t>(1);
  const auto* ends = columns.size() > 1 ? columns[1]->GetValues<int64_t>(1) : nullptr;
  const auto end_of = [&](int64_t i) -> int64_t {
    if (ends != nullptr) return ends[i];
    if (windowing_.kind != WindowKind::kCalendar) return SaturatingAdd(starts[i], windowing_.size_us);
    return CalendarWindow(windowing_.calendar, windowing_.offset_us, starts[i]).end;
  };
  bool one_window = true;
  for (int64_t i = 1; i < rows; ++i) one_window &= starts[i] == starts[0];
  if (one_window && ends == nullptr && rows > 0) {
    batch->set_window(Int64Column(starts[0]), Int64Column(end_of(0)));
    batch->set_event_time(Int64Column(end_of(0) - 1));
    return;
  }
  std::vector<int64_t> start(starts, starts + rows), end(rows), time(rows);
  for (int64_t i = 0; i < rows; ++i) {
    end[i] = end_of(i);
    time[i] = end[i] - 1;
  }
  batch->set_window(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(start)))),
                    Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(end)))));
  batch->set_event_time(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(time)))));
}

}  // namespace weir
