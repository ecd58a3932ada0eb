// A hash table of rows with two counts beside each.
#include "connectors/files/endless/row_multiset.h"

#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>

namespace weir {
namespace {

/// Below it there is nothing to gain from forgetting rows.
constexpr uint32_t kFewRows = 4096;

}  // namespace

RowMultiset::RowMultiset(SchemaPtr schema, std::vector<int> columns)
    : schema_(std::move(schema)), columns_(std::move(columns)), table_(NewTable()) {}

std::unique_ptr<GroupTable> RowMultiset::NewTable() const {
  std::vector<TypePtr> types;
  for (const int column : columns_) types.push_back(schema_->field(column)->type());
  return std::make_unique<GroupTable>(std::move(types));
}

Status RowMultiset::Add(const Batch& batch) {
  const int64_t rows = batch.num_rows();
  if (rows == 0) return Status::OK();
  std::vector<ArrayDataPtr> keys;
  for (const int column : columns_) keys.push_back(batch.column(column));
  groups_.resize(static_cast<size_t>(rows));
  WEIR_RETURN_NOT_OK(table_->Lookup(keys, rows, groups_.data()));
  last_.resize(table_->num_groups(), 0);
  now_.resize(table_->num_groups(), 0);
  for (const uint32_t group : groups_) ++now_[group];
  return Status::OK();
}

void RowMultiset::Discard() { std::fill(now_.begin(), now_.end(), 0); }

void RowMultiset::Complete() {
  giving_new_ = false;
  next_ = 0;
}

Result<std::optional<Batch>> RowMultiset::TakeChanges(int64_t rows) {
  std::vector<uint32_t> changed;
  std::vector<int64_t> weights;
  for (;;) {
    for (; next_ < now_.size() && static_cast<int64_t>(changed.size()) < rows; ++next_) {
      const int64_t weight = now_[next_] - last_[next_];
      if (weight == 0 || (weight > 0) != giving_new_) continue;
      changed.push_back(next_);
      weights.push_back(weight);
    }
    if (!changed.empty()) {
      WEIR_ASSIGN_OR_RETURN(Batch batch, RowsOf(changed, weights));
      return batch;
    }
    if (giving_new_) break;
    giving_new_ = true;
    next_ = 0;
  }
  last_.swap(now_);
  Discard();
  WEIR_RETURN_NOT_OK(Compact());
  return std::nullopt;
}

Result<Batch> RowMultiset::RowsOf(const std::vector<uint32_t>& groups, const std::vector<int64_t>& weights) const {
  std::vector<ArrayDataPtr> columns(static_cast<size_t>(schema_->num_fields()));
  const auto rows = static_cast<int64_t>(groups.size());
  for (size_t key = 0; key < columns_.size(); ++key) {
    WEIR_ASSIGN_OR_RETURN(
        columns[static_cast<size_t>(columns_[key])],
        table_->KeyColumn(static_cast<int>(key), groups.data(), static_cast<uint32_t>(groups.size())));
  }
  Batch batch(schema_, std::move(columns), rows);
  WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> buffer, arrow::AllocateBuffer(rows * 8));
  std::copy(weights.begin(), weights.end(), reinterpret_cast<int64_t*>(buffer->mutable_data()));
  batch.set_weight(Int64Column(std::move(buffer)));
  return batch;
}

Result<std::optional<Batch>> RowMultiset::LastRows(int64_t rows, uint32_t* next) const {
  std::vector<uint32_t> groups;
  std::vector<int64_t> counts;
  for (; *next < last_.size() && static_cast<int64_t>(groups.size()) < rows; ++*next) {
    if (last_[*next] == 0) continue;
    groups.push_back(*next);
    counts.push_back(last_[*next]);
  }
  if (groups.empty()) return std::nullopt;
  WEIR_ASSIGN_OR_RETURN(Batch batch, RowsOf(groups, counts));
  return batch;
}

Status RowMultiset::SetLast(const Batch& rows, const int64_t* counts) {
  WEIR_RETURN_NOT_OK(Add(rows));
  for (size_t row = 0; row < groups_.size(); ++row) last_[groups_[row]] += counts[row];
  Discard();
  return Status::OK();
}

Status RowMultiset::Compact() {
  std::vector<uint32_t> kept;
  std::vector<int64_t> counts;
  for (uint32_t group = 0; group < last_.size(); ++group) {
    if (last_[group] == 0) continue;
    kept.push_back(group);
    counts.push_back(last_[group]);
  }
  if (last_.size() < kFewRows || kept.size() * 2 > last_.size()) return Status::OK();
  auto fresh = NewTable();
  if (!kept.empty()) {
    WEIR_ASSIGN_OR_RETURN(const Batch rows, RowsOf(kept, counts));
    std::vector<ArrayDataPtr> keys;
    for (const int column : columns_) keys.push_back(rows.column(column));
    groups_.resize(kept.size());
    WEIR_RETURN_NOT_OK(fresh->Lookup(keys, rows.num_rows(), groups_.data()));
  }
  last_.assign(kept.size(), 0);
  for (size_t i = 0; i < kept.size(); ++i) last_[groups_[i]] = counts[i];
  now_.assign(kept.size(), 0);
  table_ = std::move(fresh);
  return Status::OK();
}

int64_t RowMultiset::size_bytes() const {
  return table_->size_bytes() + static_cast<int64_t>(8 * (last_.capacity() + now_.capacity()));
}

}  // namespace weir
