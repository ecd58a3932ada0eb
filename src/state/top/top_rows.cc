// TopRows: keeps the first rows of each group.
#include "state/top/top_rows.h"

#include <arrow/array/data.h>
#include <arrow/type.h>

#include <algorithm>
#include <cstring>

#include "batch/gather.h"
#include "state/top/row_compare.h"

namespace weir {
namespace {

constexpr int kPartBits = 4;  // files per level of spilling: 16
constexpr int kMaxLevel = 10;
constexpr int64_t kCompactRows = 1 << 16;

std::vector<TypePtr> KeyTypes(const arrow::Schema& schema, const TopRowsOptions& options) {
  std::vector<TypePtr> types;
  for (int key : options.keys) types.push_back(schema.field(key)->type());
  if (options.windows) types.insert(types.end(), {arrow::int64(), arrow::int64()});
  return types;
}

Result<ArrayDataPtr> Expand(const Int64Column& column, int64_t rows) {
  BufferPtr values = column.values();
  if (column.is_constant()) {
    WEIR_ASSIGN_OR_RETURN(values, arrow::AllocateBuffer(rows * 8));
    auto* out = reinterpret_cast<int64_t*>(values->mutable_data());
    std::fill(out, out + rows, column.constant());
  }
  return arrow::ArrayData::Make(arrow::int64(), rows, {nullptr, std::move(values)}, 0);
}

}  // namespace

TopRows::TopRows(SchemaPtr schema, TopRowsOptions options, int level)
    : schema_(std::move(schema)),
      options_(std::move(options)),
      level_(level),
      reservation_(options_.memory),
      table_(KeyTypes(*schema_, options_)) {}

TopRows::~TopRows() = default;

Result<std::vector<ArrayDataPtr>> TopRows::KeyColumns(const Batch& batch) const {
  std::vector<ArrayDataPtr> keys;
  for (int key : options_.keys) keys.push_back(batch.column(key));
  if (options_.windows) {
    for (const Int64Column* edge : {&batch.window_start(), &batch.window_end()}) {
      WEIR_ASSIGN_OR_RETURN(ArrayDataPtr column, Expand(*edge, batch.num_rows()));
      keys.push_back(std::move(column));
    }
  }
  return keys;
}

bool TopRows::Before(const Entry& a, const Entry& b) const {
  if (a.prefix.high != b.prefix.high) return a.prefix.high < b.prefix.high;
  if (a.prefix.low != b.prefix.low) return a.prefix.low < b.prefix.low;
  const int order = tails_[a.ref.batch].tail(a.ref.row).compare(tails_[b.ref.batch].tail(b.ref.row));
  if (order != 0) return order < 0;
  return CompareRows(batches_[a.ref.batch], a.ref.row, batches_[b.ref.batch], b.ref.row) < 0;
}

void TopRows::Forget(const RowRef& ref) {
  --total_wanted_;
  --wanted_rows_[ref.batch];
  if (ref.batch + 1 == batches_.size()) wanted_[ref.row] = 0;
}

bool TopRows::Offer(uint32_t group, const Entry& entry) {
  if (options_.n == 1) {
    if (group >= single_.size()) single_.resize(std::max<size_t>(group + 1, single_.size() * 2));
    Entry& best = single_[group];
    if (best.ref.batch != kNone) {
      if (!Before(entry, best)) return false;
      Forget(best.ref);
    }
    best = entry;
    return true;
  }
  if (group >= lists_.size()) lists_.resize(group + 1);
  std::vector<Entry>& list = lists_[group];
  const auto less = [this](const Entry& a, const Entry& b) { return Before(a, b); };
  if (static_cast<int64_t>(list.size()) == options_.n) {
    if (!Before(entry, list.back())) return false;
    Forget(list.back().ref);
    list.pop_back();
  }
  list.insert(std::upper_bound(list.begin(), list.end(), entry, less), entry);
  return true;
}

Status TopRows::Add(Batch batch) {
  const int64_t rows = batch.num_rows();
  if (rows == 0 || options_.n == 0) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(std::vector<ArrayDataPtr> keys, KeyColumns(batch));
  groups_.resize(static_cast<size_t>(rows));
  WEIR_RETURN_NOT_OK(table_.Lookup(keys, rows, groups_.data()));
  EncodedKeys encoded;
  WEIR_RETURN_NOT_OK(EncodeSortKeys(batch, options_.by, &encoded));
  std::vector<EncodedKeys::Prefix> prefixes = std::move(encoded.prefixes);
  const auto number = static_cast<uint32_t>(batches_.size());
  batches_.push_back(std::move(batch));
  tails_.push_back(std::move(encoded));
  wanted_rows_.push_back(0);
  wanted_.assign(static_cast<size_t>(rows), 0);
  for (int64_t row = 0; row < rows; ++row) {
    const Entry entry{prefixes[row], {number, static_cast<uint32_t>(row)}};
    if (!Offer(groups_[row], entry)) continue;
    wanted_[row] = 1;
    ++wanted_rows_[number];
    ++total_wanted_;
  }
  WEIR_RETURN_NOT_OK(KeepWanted(rows));
  if (held_rows_ > 2 * total_wanted_ + kCompactRows) WEIR_RETURN_NOT_OK(CompactBatches());
  Account();
  if (level_ < kMaxLevel && reservation_.ShouldSpill()) WEIR_RETURN_NOT_OK(Spill());
  return Status::OK();
}

void TopRows::MoveEntry(uint32_t group, uint32_t from_row, uint32_t to_row) {
  const auto number = static_cast<uint32_t>(batches_.size() - 1);
  if (options_.n == 1) {
    single_[group].ref.row = to_row;
    return;
  }
  // Rows are moved in ascending order and downwards, so a row that was moved is never taken for one that was not.
  for (Entry& entry : lists_[group]) {
    if (entry.ref.batch == number && entry.ref.row == from_row) {
      entry.ref.row = to_row;
      return;
    }
  }
}

Status TopRows::KeepWanted(int64_t rows) {
  if (wanted_rows_.back() == 0) {
    batches_.pop_back();
    tails_.pop_back();
    wanted_rows_.pop_back();
    return Status::OK();
  }
  std::vector<int32_t> kept;
  kept.reserve(static_cast<size_t>(wanted_rows_.back()));
  for (int64_t row = 0; row < rows; ++row) {
    if (!wanted_[row]) continue;
    MoveEntry(groups_[row], static_cast<uint32_t>(row), static_cast<uint32_t>(kept.size()));
    kept.push_back(static_cast<int32_t>(row));
  }
  // Also when every row is wanted: the batch may be a slice of something large.
  WEIR_ASSIGN_OR_RETURN(Batch copy, GatherBatch(batches_.back(), kept));
  if (!tails_.back().tail_offsets.empty()) {
    WEIR_RETURN_NOT_OK(EncodeSortKeys(copy, options_.by, &tails_.back()));
    tails_.back().prefixes = {};
  }
  held_rows_ += copy.num_rows();
  batch_bytes_ += copy.size_bytes();
  batches_.back() = std::move(copy);
  return Status::OK();
}

template <typename F>
void TopRows::ForEachEntry(F function) {
  for (Entry& entry : single_) {
    if (entry.ref.batch != kNone) function(entry);
  }
  for (std::vector<Entry>& list : lists_) {
    for (Entry& entry : list) function(entry);
  }
}

Status TopRows::CompactBatches() {
  std::vector<uint8_t> sparse(batches_.size());
  for (size_t i = 0; i < batches_.size(); ++i) sparse[i] = wanted_rows_[i] * 2 < batches_[i].num_rows();
  std::vector<Entry*> entries;
  ForEachEntry([&](Entry& entry) {
    if (sparse[entry.ref.batch]) entries.push_back(&entry);
  });
  std::sort(entries.begin(), entries.end(), [](const Entry* a, const Entry* b) {
    return a->ref.batch != b->ref.batch ? a->ref.batch < b->ref.batch : a->ref.row < b->ref.row;
  });
  for (size_t begin = 0; begin < entries.size(); begin += kCompactRows) {
    const size_t end = std::min<size_t>(begin + kCompactRows, entries.size());
    std::vector<RowRef> refs;
    for (size_t i = begin; i < end; ++i) refs.push_back(entries[i]->ref);
    WEIR_ASSIGN_OR_RETURN(Batch merged, InterleaveRows(batches_, refs));
    const auto number = static_cast<uint32_t>(batches_.size());
    for (size_t i = begin; i < end; ++i) entries[i]->ref = {number, static_cast<uint32_t>(i - begin)};
    EncodedKeys encoded;
    WEIR_RETURN_NOT_OK(EncodeSortKeys(merged, options_.by, &encoded));
    encoded.prefixes = {};
    wanted_rows_.push_back(merged.num_rows());
    batches_.push_back(std::move(merged));
    tails_.push_back(std::move(encoded));
  }
  DropBatches(sparse);
  return Status::OK();
}

void TopRows::DropBatches(const std::vector<uint8_t>& dropped) {
  std::vector<uint32_t> new_number(batches_.size());
  uint32_t kept = 0;
  held_rows_ = batch_bytes_ = 0;
  for (size_t i = 0; i < batches_.size(); ++i) {
    if (i < dropped.size() && dropped[i]) continue;
    new_number[i] = kept;
    if (kept != i) {
      batches_[kept] = std::move(batches_[i]);
      tails_[kept] = std::move(tails_[i]);
      wanted_rows_[kept] = wanted_rows_[i];
    }
    held_rows_ += batches_[kept].num_rows();
    batch_bytes_ += batches_[kept].size_bytes();
    ++kept;
  }
  batches_.resize(kept);
  tails_.resize(kept);
  wanted_rows_.resize(kept);
  ForEachEntry([&](Entry& entry) { entry.ref.batch = new_number[entry.ref.batch]; });
}

void TopRows::Account() {
  const auto entries = static_cast<int64_t>(single_.capacity() + static_cast<size_t>(total_wanted_) * (options_.n > 1));
  reservation_.Set(table_.size_bytes() + batch_bytes_ + entries * static_cast<int64_t>(sizeof(Entry)));
}

Status TopRows::Spill() {
  if (parts_.empty()) {
    for (int i = 0; i < 1 << kPartBits; ++i) {
      WEIR_ASSIGN_OR_RETURN(auto file, SpillFile::Create(options_.temp_dir, schema_));
      parts_.push_back(std::move(file));
    }
  }
  PrepareOutput();
  std::vector<uint64_t> hashes;
  for (size_t i = 0; i < batches_.size(); ++i) {
    if (output_[i].empty()) continue;
    WEIR_ASSIGN_OR_RETURN(Batch batch, GatherBatch(batches_[i], output_[i]));
    batches_[i] = Batch();
    WEIR_ASSIGN_OR_RETURN(std::vector<ArrayDataPtr> keys, KeyColumns(batch));
    hashes.resize(static_cast<size_t>(batch.num_rows()));
    WEIR_RETURN_NOT_OK(hasher_.Hash(keys, batch.num_rows(), hashes.data()));
    std::vector<std::vector<int32_t>> rows(parts_.size());
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      rows[(hashes[row] >> (kPartBits * level_)) & (parts_.size() - 1)].push_back(static_cast<int32_t>(row));
    }
    for (size_t part = 0; part < parts_.size(); ++part) {
      if (rows[part].empty()) continue;
      const int64_t before = parts_[part]->file_bytes();
      WEIR_ASSIGN_OR_RETURN(Batch piece, GatherBatch(batch, rows[part]));
      WEIR_RETURN_NOT_OK(parts_[part]->Append(piece));
      spilled_bytes_ += parts_[part]->file_bytes() - before;
    }
  }
  batches_.clear();
  tails_.clear();
  wanted_rows_.clear();
  output_.clear();
  single_ = {};
  lists_ = {};
  held_rows_ = total_wanted_ = batch_bytes_ = 0;
  table_.Clear();
  Account();
  return Status::OK();
}

void TopRows::PrepareOutput() {
  output_.assign(batches_.size(), {});
  std::vector<std::vector<uint8_t>> wanted(batches_.size());
  for (size_t i = 0; i < batches_.size(); ++i) wanted[i].assign(static_cast<size_t>(batches_[i].num_rows()), 0);
  ForEachEntry([&](Entry& entry) { wanted[entry.ref.batch][entry.ref.row] = 1; });
  for (size_t i = 0; i < batches_.size(); ++i) {
    output_[i].reserve(static_cast<size_t>(wanted_rows_[i]));
    for (size_t row = 0; row < wanted[i].size(); ++row) {
      if (wanted[i][row]) output_[i].push_back(static_cast<int32_t>(row));
    }
  }
}

Status TopRows::Finish() {
  if (!parts_.empty()) {
    WEIR_RETURN_NOT_OK(Spill());
    for (auto& part : parts_) WEIR_RETURN_NOT_OK(part->Rewind());
    return Status::OK();
  }
  if (options_.keys.empty()) {
    ForEachEntry([&](Entry& entry) { ordered_.push_back(entry.ref); });
  } else {
    PrepareOutput();
  }
  single_ = {};
  lists_ = {};
  table_.Clear();
  Account();
  return Status::OK();
}

Result<std::optional<Batch>> TopRows::Next() {
  while (!parts_.empty()) {
    if (part_) {
      WEIR_ASSIGN_OR_RETURN(std::optional<Batch> batch, part_->Next());
      if (batch) return batch;
      spilled_bytes_ += part_->spilled_bytes();
      part_.reset();
      parts_[next_part_++].reset();
    }
    if (next_part_ == parts_.size()) return std::nullopt;
    part_ = std::make_unique<TopRows>(schema_, options_, level_ + 1);
    for (;;) {
      WEIR_ASSIGN_OR_RETURN(std::optional<Batch> batch, parts_[next_part_]->Next());
      if (!batch) break;
      WEIR_RETURN_NOT_OK(part_->Add(std::move(*batch)));
    }
    WEIR_RETURN_NOT_OK(part_->Finish());
  }
  if (options_.keys.empty()) {
    if (next_output_ == ordered_.size()) return std::nullopt;
    const size_t count = std::min<size_t>(static_cast<size_t>(options_.batch_rows), ordered_.size() - next_output_);
    WEIR_ASSIGN_OR_RETURN(Batch batch, InterleaveRows(batches_, std::span(ordered_).subspan(next_output_, count)));
    next_output_ += count;
    return batch;
  }
  while (next_output_ < output_.size() && output_[next_output_].empty()) ++next_output_;
  if (next_output_ == output_.size()) return std::nullopt;
  const size_t i = next_output_++;
  Batch whole = std::exchange(batches_[i], Batch());
  if (static_cast<int64_t>(output_[i].size()) == whole.num_rows()) return whole;
  WEIR_ASSIGN_OR_RETURN(BufferPtr rows, arrow::AllocateBuffer(static_cast<int64_t>(output_[i].size()) * 4));
  std::memcpy(rows->mutable_data(), output_[i].data(), output_[i].size() * 4);
  return whole.Select(Selection{std::move(rows), static_cast<int64_t>(output_[i].size())});
}

}  // namespace weir
