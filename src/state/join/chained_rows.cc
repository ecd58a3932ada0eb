// Chains through arrays of row numbers. Small batches are merged as they come, each row a logarithmic number of times.
#include "state/join/chained_rows.h"

#include <arrow/buffer.h>
#include <arrow/type.h>

#include <utility>

#include "batch/gather.h"

namespace weir {
namespace {

/// Batches are merged up to so many rows.
constexpr int64_t kMergedRows = 65536;

}  // namespace

Status ChainedRows::Add(const Batch& batch, std::span<const uint32_t> groups) {
  const int64_t rows = batch.num_rows();
  if (rows == 0) return Status::OK();
  if (num_rows() + rows >= UINT32_MAX) return Status::CapacityError("more than 4 billion rows in one lane of a join");
  std::vector<ArrayDataPtr> columns(schema_->num_fields());
  for (int i = 0; i < schema_->num_fields(); ++i) {
    if (!batch.is_pruned(i)) columns[i] = batch.PlainColumn(i);
  }
  Batch kept(schema_, std::move(columns), rows);
  kept.set_event_time(batch.event_time());
  const uint32_t first = num_rows();
  const auto number = static_cast<uint32_t>(batches_.size());
  for (int64_t i = 0; i < rows; ++i) {
    const uint32_t group = groups[i], row = first + static_cast<uint32_t>(i);
    if (group >= heads_.size()) heads_.resize(group + 1, kEnd);
    next_.push_back(heads_[group]);
    heads_[group] = row;
    refs_.push_back({number, static_cast<uint32_t>(i)});
    times_.push_back(kept.event_time().at(i));
    if (weighted_) weights_.push_back(batch.has_weight() ? batch.weight().at(i) : 1);
  }
  first_rows_.push_back(first);
  batch_bytes_ += kept.size_bytes();
  batches_.push_back(std::move(kept));
  return MergeTail();
}

Status ChainedRows::MergeTail() {
  while (batches_.size() > 1) {
    const size_t last = batches_.size() - 1;
    const int64_t a = batches_[last - 1].num_rows(), b = batches_[last].num_rows();
    if (a > 2 * b || a + b > kMergedRows) return Status::OK();
    const std::span<const Batch> both(&batches_[last - 1], 2);
    const int64_t bytes = both[0].size_bytes() + both[1].size_bytes();
    WEIR_ASSIGN_OR_RETURN(Batch merged, ConcatBatches(schema_, both));
    batch_bytes_ += merged.size_bytes() - bytes;
    for (uint32_t row = first_rows_[last]; row < num_rows(); ++row) {
      refs_[row].batch = static_cast<uint32_t>(last - 1);
      refs_[row].row += static_cast<uint32_t>(a);
    }
    batches_.pop_back();
    first_rows_.pop_back();
    batches_.back() = std::move(merged);
  }
  return Status::OK();
}

void ChainedRows::Relink(uint32_t group, std::span<const uint32_t> rows) {
  heads_[group] = rows.front();
  for (size_t i = 0; i < rows.size(); ++i) next_[rows[i]] = i + 1 < rows.size() ? rows[i + 1] : kEnd;
}

std::vector<RowRef> ChainedRows::Refs(std::span<const uint32_t> rows) const {
  std::vector<RowRef> refs(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) refs[i] = refs_[rows[i]];
  return refs;
}

Result<ArrayDataPtr> ChainedRows::Gather(int column, std::span<const uint32_t> rows) const {
  return InterleaveColumn(batches_, column, Refs(rows));
}

Result<Batch> ChainedRows::GatherRows(std::span<const uint32_t> rows) const {
  WEIR_ASSIGN_OR_RETURN(Batch batch, InterleaveRows(batches_, Refs(rows)));
  if (!weighted_) return batch;
  std::vector<int64_t> weights;
  for (const uint32_t row : rows) weights.push_back(weights_[row]);
  batch.set_weight(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(weights)))));
  return batch;
}

int64_t ChainedRows::size_bytes() const {
  return batch_bytes_ + static_cast<int64_t>(refs_.capacity() * sizeof(RowRef) + next_.capacity() * 4 +
                                             times_.capacity() * 8 + weights_.capacity() * 8 + heads_.capacity() * 4);
}

void ChainedRows::Clear() {
  batches_.clear();
  first_rows_.clear();
  refs_ = {};
  next_ = {};
  times_ = {};
  weights_ = {};
  heads_ = {};
  batch_bytes_ = 0;
}

}  // namespace weir
