// Groups sorted by slice, then for each window its slices merged.
#include "operators/support/slice_windows.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <arrow/type.h>

#include <algorithm>
#include <deque>
#include <numeric>
#include <utility>

#include "state/hash/int_table.h"

namespace weir {
namespace {

constexpr uint32_t kStep = 16384;      // groups that are turned into columns at once
constexpr uint32_t kFewGroups = 1024;  // windows with fewer share a table, and so a batch

class SliceWindows final : public Regrouping {
 public:
  SliceWindows(const WindowingStrategy& windowing, const GroupAggregator& groups, size_t slice_key,
               std::unique_ptr<GroupAggregator> out)
      : windowing_(windowing), groups_(groups), slice_key_(slice_key), out_(std::move(out)) {}

  /// Orders the groups by slice.
  Status Sort();
  Result<const GroupAggregator*> Next() override;
  int64_t size_bytes() const override {
    return out_->size_bytes() + static_cast<int64_t>(order_.capacity() * 4) + loaded_bytes_;
  }

 private:
  struct Slice {
    int64_t start;
    uint32_t begin, end;  // of order_
  };
  struct Piece {  // of a slice: some of its groups as columns
    std::vector<ArrayDataPtr> keys, partial;
    uint32_t rows;
    int64_t bytes;
  };

  /// Start of the first window that covers a slice.
  int64_t FirstWindow(int64_t slice) const;
  bool ToNextWindow();
  void DropFirst();
  Status Load(const Slice& slice);
  Status MergeWindow();

  const WindowingStrategy windowing_;
  const GroupAggregator& groups_;
  const size_t slice_key_;
  std::unique_ptr<GroupAggregator> out_;
  std::vector<uint32_t> order_;  // groups, by slice
  std::vector<Slice> slices_;    // ascending
  size_t first_ = 0;             // slices before it are in no window that is still to come
  bool started_ = false;
  int64_t window_ = 0;                     // start of the one at hand
  std::deque<std::vector<Piece>> loaded_;  // slices from first_ on: each is in several windows
  int64_t loaded_bytes_ = 0;
};

Status SliceWindows::Sort() {
  const uint32_t count = groups_.num_groups();
  IntTable table;
  std::vector<uint32_t> slice_of(count);
  for (uint32_t begin = 0; begin < count; begin += kStep) {
    const uint32_t end = std::min(begin + kStep, count);
    WEIR_ASSIGN_OR_RETURN(auto starts, groups_.Key(static_cast<int>(slice_key_), begin, end));
    table.Lookup(starts->GetValues<int64_t>(1), end - begin, slice_of.data() + begin);
  }
  std::vector<uint32_t> ascending(table.size()), counts(table.size(), 0);
  std::iota(ascending.begin(), ascending.end(), 0);
  std::sort(ascending.begin(), ascending.end(),
            [&](uint32_t a, uint32_t b) { return table.keys()[a] < table.keys()[b]; });
  for (uint32_t slice : slice_of) ++counts[slice];
  std::vector<uint32_t> next(table.size());
  uint32_t end = 0;
  for (uint32_t slice : ascending) {
    next[slice] = end;
    slices_.push_back({table.keys()[slice], end, end + counts[slice]});
    end += counts[slice];
  }
  order_.resize(count);
  for (uint32_t group = 0; group < count; ++group) order_[next[slice_of[group]]++] = group;
  return Status::OK();
}

int64_t SliceWindows::FirstWindow(int64_t slice) const {
  int64_t start = WindowStart(slice, windowing_.period_us, windowing_.offset_us);
  for (;;) {
    const int64_t earlier = SaturatingAdd(start, -windowing_.period_us);
    if (earlier >= start || SaturatingAdd(earlier, windowing_.size_us) <= slice) return start;
    start = earlier;
  }
}

// The next window that covers a slice; false when there is none.
bool SliceWindows::ToNextWindow() {
  for (;;) {
    if (first_ == slices_.size()) return false;
    if (!started_) {
      window_ = FirstWindow(slices_[first_].start);
      started_ = true;
    } else {
      const int64_t next = SaturatingAdd(window_, windowing_.period_us);
      if (next <= window_) return false;
      window_ = next;
    }
    while (first_ < slices_.size() && slices_[first_].start < window_) DropFirst();
    if (first_ == slices_.size()) return false;
    if (slices_[first_].start < SaturatingAdd(window_, windowing_.size_us)) return true;
    started_ = false;  // nothing for a while: jump
    // A period beyond the size leaves slices that no window covers.
    if (SaturatingAdd(FirstWindow(slices_[first_].start), windowing_.size_us) <= slices_[first_].start) DropFirst();
  }
}

void SliceWindows::DropFirst() {
  ++first_;
  if (loaded_.empty()) return;
  for (const Piece& piece : loaded_.front()) loaded_bytes_ -= piece.bytes;
  loaded_.pop_front();
}

Status SliceWindows::Load(const Slice& slice) {
  std::vector<Piece> pieces;
  for (uint32_t begin = slice.begin; begin < slice.end; begin += kStep) {
    const uint32_t rows = std::min(kStep, slice.end - begin);
    WEIR_ASSIGN_OR_RETURN(auto columns, groups_.PartialOf(order_.data() + begin, rows));
    const auto keys = columns.begin() + static_cast<std::ptrdiff_t>(groups_.key_types().size());
    Piece piece{{columns.begin(), keys}, {keys, columns.end()}, rows, 0};
    for (const auto& column : columns) {
      for (const auto& buffer : column->buffers) piece.bytes += buffer ? buffer->size() : 0;
    }
    loaded_bytes_ += piece.bytes;
    pieces.push_back(std::move(piece));
  }
  loaded_.push_back(std::move(pieces));
  return Status::OK();
}

Status SliceWindows::MergeWindow() {
  const int64_t end = SaturatingAdd(window_, windowing_.size_us);
  for (size_t i = first_; i < slices_.size() && slices_[i].start < end; ++i) {
    if (i - first_ == loaded_.size()) WEIR_RETURN_NOT_OK(Load(slices_[i]));
    for (const Piece& piece : loaded_[i - first_]) {
      std::vector<ArrayDataPtr> keys = piece.keys;
      WEIR_ASSIGN_OR_RETURN(auto starts, arrow::AllocateBuffer(int64_t{piece.rows} * 8));
      std::fill_n(reinterpret_cast<int64_t*>(starts->mutable_data()), piece.rows, window_);
      keys[slice_key_] = arrow::ArrayData::Make(arrow::int64(), piece.rows, {nullptr, std::move(starts)}, 0);
      WEIR_RETURN_NOT_OK(out_->Merge(keys, piece.partial, piece.rows));
    }
  }
  return Status::OK();
}

Result<const GroupAggregator*> SliceWindows::Next() {
  out_->Clear();
  while (out_->num_groups() < kFewGroups && ToNextWindow()) WEIR_RETURN_NOT_OK(MergeWindow());
  return out_->num_groups() > 0 ? out_.get() : nullptr;
}

}  // namespace

Result<std::unique_ptr<Regrouping>> MakeSliceWindows(const WindowingStrategy& windowing, const GroupAggregator& groups,
                                                     size_t slice_key, const std::vector<AggregateCall>& calls) {
  WEIR_ASSIGN_OR_RETURN(auto out, GroupAggregator::Make(groups.key_types(), calls));
  auto windows = std::make_unique<SliceWindows>(windowing, groups, slice_key, std::move(out));
  WEIR_RETURN_NOT_OK(windows->Sort());
  return windows;
}

}  // namespace weir
