// External merge sort.
#include "state/sort/sorter.h"

#include <algorithm>

namespace weir {
namespace {

/// Runs merged at once: each holds about a megabyte of its file.
constexpr size_t kMaxFanIn = 64;
/// With a limit, rows are cut whenever so many times more have gathered.
constexpr int64_t kCutFactor = 4;

int Compare(const EncodedKeys& a_keys, uint32_t a, const EncodedKeys& b_keys, uint32_t b) {
  const EncodedKeys::Prefix &x = a_keys.prefixes[a], &y = b_keys.prefixes[b];
  if (x.high != y.high) return x.high < y.high ? -1 : 1;
  if (x.low != y.low) return x.low < y.low ? -1 : 1;
  return a_keys.tail(a).compare(b_keys.tail(b));
}

}  // namespace

/// Reads one spilled run, a batch at a time.
struct Sorter::Run {
  std::unique_ptr<SpillFile> file;
  Batch batch;
  EncodedKeys keys;
  uint32_t row = 0;
  uint32_t live = 0;  // index of `batch` among the batches of the output under way
  bool ended = false;

  Status Load(const std::vector<SortKey>& sort_keys) {
    WEIR_ASSIGN_OR_RETURN(std::optional<Batch> next, file->Next());
    if (!next) {
      ended = true;
      batch = Batch();
      keys = EncodedKeys();
      file.reset();
      return Status::OK();
    }
    batch = std::move(*next);
    row = 0;
    return EncodeSortKeys(batch, sort_keys, &keys);
  }
};

Sorter::Sorter(SchemaPtr schema, SorterOptions options)
    : schema_(std::move(schema)), options_(std::move(options)), reservation_(options_.memory) {}

Sorter::~Sorter() = default;

void Sorter::Account() {
  int64_t bytes = held_.bytes() + static_cast<int64_t>(entries_.capacity() * sizeof(Entry));
  for (const EncodedKeys& keys : keys_) bytes += keys.size_bytes();
  reservation_.Set(bytes);
}

void Sorter::Clear() {
  batches_.clear();
  keys_.clear();
  entries_ = {};
  held_.Clear();
  Account();
}

Status Sorter::Add(Batch batch) {
  if (batch.num_rows() == 0 || options_.limit == 0) return Status::OK();
  batch = batch.Compact();
  keys_.emplace_back();
  // A copy: the decoded texts that it caches are not kept with the rows.
  WEIR_RETURN_NOT_OK(EncodeSortKeys(Batch(batch), options_.keys, &keys_.back()));
  const auto index = static_cast<uint32_t>(batches_.size());
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    entries_.push_back({keys_.back().prefixes[row], {index, static_cast<uint32_t>(row)}});
  }
  held_.Add(batch);
  batches_.push_back(std::move(batch));
  // Prefixes stand in the entries now; only tails are asked for again.
  if (keys_.back().tail_offsets.empty()) keys_.back() = EncodedKeys();
  if (options_.limit > 0 &&
      static_cast<int64_t>(entries_.size()) > std::max<int64_t>(kCutFactor * options_.limit, 65536)) {
    WEIR_RETURN_NOT_OK(CutToLimit());
  }
  Account();
  return reservation_.ShouldSpill() ? SpillRun() : Status::OK();
}

bool Sorter::Less(const Entry& a, const Entry& b) const {
  if (a.prefix.high != b.prefix.high) return a.prefix.high < b.prefix.high;
  if (a.prefix.low != b.prefix.low) return a.prefix.low < b.prefix.low;
  const EncodedKeys &x = keys_[a.ref.batch], &y = keys_[b.ref.batch];
  if (!x.tail_offsets.empty() || !y.tail_offsets.empty()) {
    const int order = x.tail(a.ref.row).compare(y.tail(b.ref.row));
    if (order != 0) return order < 0;
  }
  return a.ref.batch != b.ref.batch ? a.ref.batch < b.ref.batch : a.ref.row < b.ref.row;
}

void Sorter::SortEntries() {
  auto less = [this](const Entry& a, const Entry& b) { return Less(a, b); };
  const auto count = static_cast<int64_t>(entries_.size());
  if (options_.limit >= 0 && options_.limit < count) {
    std::nth_element(entries_.begin(), entries_.begin() + options_.limit, entries_.end(), less);
    entries_.resize(options_.limit);
  }
  std::sort(entries_.begin(), entries_.end(), less);
}

Status Sorter::CutToLimit() {
  SortEntries();
  std::vector<RowRef> refs;
  for (const Entry& entry : entries_) refs.push_back(entry.ref);
  WEIR_ASSIGN_OR_RETURN(Batch kept, InterleaveRows(batches_, refs));
  Clear();
  // In sorted order with one batch number, so equal keys keep their order against later rows.
  keys_.emplace_back();
  WEIR_RETURN_NOT_OK(EncodeSortKeys(kept, options_.keys, &keys_.back()));
  for (int64_t row = 0; row < kept.num_rows(); ++row) {
    entries_.push_back({keys_.back().prefixes[row], {0, static_cast<uint32_t>(row)}});
  }
  held_.Add(kept);
  batches_.push_back(std::move(kept));
  return Status::OK();
}

Status Sorter::SpillRun() {
  if (entries_.empty()) return Status::OK();
  SortEntries();
  WEIR_ASSIGN_OR_RETURN(auto file, SpillFile::Create(options_.temp_dir, schema_));
  std::vector<RowRef> refs;
  for (size_t at = 0; at < entries_.size(); at += refs.size()) {
    refs.clear();
    const size_t end = std::min(entries_.size(), at + static_cast<size_t>(options_.batch_rows));
    for (size_t i = at; i < end; ++i) refs.push_back(entries_[i].ref);
    WEIR_ASSIGN_OR_RETURN(Batch sorted, InterleaveRows(batches_, refs));
    WEIR_RETURN_NOT_OK(file->Append(sorted));
  }
  WEIR_RETURN_NOT_OK(file->Rewind());
  spilled_bytes_ += file->file_bytes();
  files_.push_back(std::move(file));
  levels_.push_back(0);
  Clear();
  // As many runs of one size as are merged at once become one: few files are open, and a row is rewritten rarely.
  while (levels_.size() >= kMaxFanIn && levels_[levels_.size() - kMaxFanIn] == levels_.back()) {
    WEIR_RETURN_NOT_OK(MergeNewest(kMaxFanIn));
  }
  return Status::OK();
}

Status Sorter::Finish() {
  if (files_.empty()) {
    SortEntries();
    return Status::OK();
  }
  WEIR_RETURN_NOT_OK(SpillRun());
  WEIR_RETURN_NOT_OK(ReduceRuns());
  return OpenRuns();
}

Status Sorter::OpenRuns() {
  for (auto& file : files_) {
    auto run = std::make_unique<Run>();
    run->file = std::move(file);
    WEIR_RETURN_NOT_OK(run->Load(options_.keys));
    runs_.push_back(std::move(run));
  }
  files_.clear();
  return Status::OK();
}

Status Sorter::ReduceRuns() {
  // The newest runs are the smallest.
  return files_.size() > kMaxFanIn ? MergeNewest(files_.size() - kMaxFanIn + 1) : Status::OK();
}

Status Sorter::MergeNewest(size_t count) {
  std::vector<std::unique_ptr<Run>> runs;
  for (size_t i = files_.size() - count; i < files_.size(); ++i) {
    runs.push_back(std::make_unique<Run>());
    runs.back()->file = std::move(files_[i]);
    WEIR_RETURN_NOT_OK(runs.back()->Load(options_.keys));
  }
  const int level = levels_[files_.size() - count] + 1;
  files_.resize(files_.size() - count);
  levels_.resize(files_.size());
  WEIR_ASSIGN_OR_RETURN(auto merged, SpillFile::Create(options_.temp_dir, schema_));
  for (;;) {
    WEIR_ASSIGN_OR_RETURN(std::optional<Batch> batch, NextMerged(runs));
    if (!batch) break;
    WEIR_RETURN_NOT_OK(merged->Append(*batch));
  }
  WEIR_RETURN_NOT_OK(merged->Rewind());
  spilled_bytes_ += merged->file_bytes();
  files_.push_back(std::move(merged));  // in the place of those that it holds: equal keys keep their order
  levels_.push_back(level);
  return Status::OK();
}

Result<std::optional<Batch>> Sorter::Next() {
  WEIR_ASSIGN_OR_RETURN(std::optional<Batch> batch, runs_.empty() ? NextInMemory() : NextMerged(runs_));
  if (!batch) return std::nullopt;
  if (options_.limit >= 0) {
    const int64_t left = options_.limit - given_;
    if (left <= 0) return std::nullopt;
    if (batch->num_rows() > left) batch = batch->Slice(0, left);
  }
  given_ += batch->num_rows();
  return batch;
}

Result<std::optional<Batch>> Sorter::NextInMemory() {
  if (next_entry_ >= entries_.size()) {
    Clear();
    next_entry_ = 0;
    return std::nullopt;
  }
  std::vector<RowRef> refs;
  const size_t end = std::min(entries_.size(), next_entry_ + static_cast<size_t>(options_.batch_rows));
  for (; next_entry_ < end; ++next_entry_) refs.push_back(entries_[next_entry_].ref);
  return InterleaveRows(batches_, refs);
}

Result<std::optional<Batch>> Sorter::NextMerged(std::vector<std::unique_ptr<Run>>& runs) {
  // A heap of runs by their current row; the earlier run wins among equals, since it holds earlier rows.
  auto after = [&](size_t a, size_t b) {
    const int order = Compare(runs[a]->keys, runs[a]->row, runs[b]->keys, runs[b]->row);
    return order != 0 ? order > 0 : a > b;
  };
  std::vector<size_t> heap;
  std::vector<Batch> live;
  for (size_t i = 0; i < runs.size(); ++i) {
    if (runs[i]->ended) continue;
    runs[i]->live = static_cast<uint32_t>(live.size());
    live.push_back(runs[i]->batch);
    heap.push_back(i);
  }
  if (heap.empty()) return std::nullopt;
  std::make_heap(heap.begin(), heap.end(), after);
  std::vector<RowRef> refs;
  while (!heap.empty() && static_cast<int64_t>(refs.size()) < options_.batch_rows) {
    std::pop_heap(heap.begin(), heap.end(), after);
    Run& run = *runs[heap.back()];
    refs.push_back({run.live, run.row});
    if (++run.row == run.batch.num_rows()) {
      WEIR_RETURN_NOT_OK(run.Load(options_.keys));
      if (run.ended) {
        heap.pop_back();
        continue;
      }
      run.live = static_cast<uint32_t>(live.size());
      live.push_back(run.batch);
    }
    std::push_heap(heap.begin(), heap.end(), after);
  }
  return InterleaveRows(live, refs);
}

}  // namespace weir
