// The build side of a hash join.
#include "state/join/join_table.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>

#include "batch/gather.h"

namespace weir {
namespace {

/// Up to here all rows are put into one batch, so that dictionaries stay and a column is gathered in one go.
constexpr int64_t kOneBatchBytes = 128 << 20;
/// Rows that one batch adds at most, usually.
constexpr int64_t kGrowthRows = 65536;

std::vector<TypePtr> KeyTypes(const arrow::Schema& schema, const std::vector<int>& keys, bool windows) {
  std::vector<TypePtr> types;
  for (int key : keys) types.push_back(schema.field(key)->type());
  if (windows) types.push_back(arrow::int64());
  return types;
}

ArrayDataPtr AsArray(const Int64Column& column, int64_t rows) {
  if (!column.is_constant()) return arrow::ArrayData::Make(arrow::int64(), rows, {nullptr, column.values()}, 0);
  std::vector<int64_t> values(static_cast<size_t>(rows), column.constant());
  return arrow::ArrayData::Make(arrow::int64(), rows, {nullptr, arrow::Buffer::FromVector(std::move(values))}, 0);
}

}  // namespace

JoinTable::JoinTable(SchemaPtr schema, std::vector<int> keys, bool windows)
    : schema_(std::move(schema)),
      keys_(std::move(keys)),
      windows_(windows),
      groups_(KeyTypes(*schema_, keys_, windows_)) {}

std::vector<ArrayDataPtr> JoinTable::KeyColumns(const Batch& batch, const std::vector<int>& keys) const {
  std::vector<ArrayDataPtr> columns;
  for (int key : keys) columns.push_back(batch.column(key));
  // Both sides have windows of one size: the start says which.
  if (windows_) columns.push_back(AsArray(batch.window_start(), batch.num_rows()));
  return columns;
}

Status JoinTable::Add(Batch batch) {
  const int64_t rows = batch.num_rows();
  if (rows == 0) return Status::OK();
  batch = batch.Compact();
  std::vector<uint32_t>& groups = groups_of_batch_.emplace_back(rows);
  WEIR_RETURN_NOT_OK(groups_.Lookup(KeyColumns(batch, keys_), rows, groups.data()));
  num_rows_ += rows;
  bytes_ += batch.size_bytes();
  batches_.push_back(std::move(batch));
  return Status::OK();
}

int64_t JoinTable::size_bytes() const {
  // 20 bytes a row: its group number, and later its place by group.
  return bytes_ + groups_.size_bytes() + num_rows_ * 20 + groups_.num_groups() * int64_t{4};
}

int64_t JoinTable::growth_bytes() const {
  return groups_.growth_bytes(kGrowthRows) + (bytes_ <= kOneBatchBytes ? bytes_ : 0);
}

std::vector<Batch> JoinTable::TakeBatches() {
  std::vector<Batch> batches = std::move(batches_);
  batches_.clear();
  groups_of_batch_ = {};
  groups_.Clear();
  num_rows_ = 0;
  bytes_ = 0;
  return batches;
}

Status JoinTable::Finish(const std::vector<bool>& gathered) {
  if (num_rows_ >= UINT32_MAX) return Status::CapacityError("more than 4 billion rows in one lane of a join");
  groups_.Freeze();
  for (Batch& batch : batches_) {
    std::vector<int> kept(batch.num_columns());
    for (int i = 0; i < batch.num_columns(); ++i) kept[i] = gathered[i] ? i : -1;
    batch = batch.Project(schema_, kept, {ArrayDataPtr()});
  }
  unique_ = groups_.num_groups() == num_rows_;
  is_one_ = bytes_ <= kOneBatchBytes && num_rows_ < INT32_MAX;
  in_order_ = unique_ && is_one_;
  uint32_t next = 0;
  for (const auto& of_batch : groups_of_batch_) {
    for (uint32_t group : of_batch) in_order_ &= group == next++;
  }
  if (!in_order_) OrderRows();
  groups_of_batch_ = {};
  if (!is_one_) {
    // Decoded now, since several threads may gather from them later.
    for (Batch& batch : batches_) {
      for (int i = 0; i < batch.num_columns(); ++i) batch.PlainColumn(i);
    }
    return Status::OK();
  }
  WEIR_ASSIGN_OR_RETURN(one_, ConcatBatches(schema_, batches_));
  batches_.clear();
  return Status::OK();
}

/// Brings the rows of each group together.
void JoinTable::OrderRows() {
  const uint32_t groups = groups_.num_groups();
  starts_.assign(groups + 1, 0);
  for (const auto& of_batch : groups_of_batch_) {
    for (uint32_t group : of_batch) ++starts_[group + 1];
  }
  for (uint32_t group = 0; group < groups; ++group) starts_[group + 1] += starts_[group];
  if (is_one_)
    flat_rows_.resize(num_rows_);
  else
    rows_.resize(num_rows_);
  std::vector<uint32_t> next(starts_.begin(), starts_.end() - 1);
  int32_t flat = 0;
  for (uint32_t batch = 0; batch < groups_of_batch_.size(); ++batch) {
    uint32_t row = 0;
    for (uint32_t group : groups_of_batch_[batch]) {
      const uint32_t at = next[group]++;
      if (is_one_)
        flat_rows_[at] = flat++;
      else
        rows_[at] = {batch, row++};
    }
  }
}

Status JoinTable::Probe(const Batch& batch, const std::vector<int>& keys, GroupTable::Scratch* scratch,
                        uint32_t* groups) const {
  if (num_rows_ == 0) {
    std::fill_n(groups, batch.num_rows(), kNoGroup);
    return Status::OK();
  }
  return groups_.Find(KeyColumns(batch, keys), batch.num_rows(), scratch, groups);
}

std::vector<int32_t> JoinTable::FlatRows(std::span<const uint32_t> positions) const {
  if (in_order_) return {positions.begin(), positions.end()};
  std::vector<int32_t> rows(positions.size());
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = flat_rows_[positions[i]];
  return rows;
}

std::vector<RowRef> JoinTable::Rows(std::span<const uint32_t> positions) const {
  std::vector<RowRef> rows(positions.size());
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = rows_[positions[i]];
  return rows;
}

Result<ArrayDataPtr> JoinTable::Gather(int column, std::span<const uint32_t> positions) const {
  if (is_one_) return GatherColumn(one_.column(column), FlatRows(positions));
  return InterleaveColumn(batches_, column, Rows(positions));
}

Result<Batch> JoinTable::GatherRows(std::span<const uint32_t> positions) const {
  if (is_one_) return GatherBatch(one_, FlatRows(positions));
  return InterleaveRows(batches_, Rows(positions));
}

}  // namespace weir
