// Finds all groups of a batch at once, then emits pairs, as many as make a batch.
#include "operators/join/join_prober.h"

#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>

#include "batch/gather.h"

namespace weir {

Status JoinProber::Start(const JoinTable* table, Side build, Batch batch) {
  build_ = build;
  current_ = std::move(batch);
  groups_.resize(current_.num_rows());
  WEIR_RETURN_NOT_OK(table->Probe(current_, options_.keys[1 - build_], &scratch_, groups_.data()));
  table_ = table;
  row_ = 0;
  offset_ = 0;
  return Status::OK();
}

/// Each row has one partner at most: no branches.
void JoinProber::TakeUniquePairs() {
  const int64_t rows = current_.num_rows();
  probe_rows_.resize(rows);
  int64_t pairs = 0;
  for (int64_t row = 0; row < rows; ++row) {
    probe_rows_[pairs] = static_cast<int32_t>(row);
    pairs += groups_[row] != kNoGroup;
  }
  probe_rows_.resize(pairs);
  positions_.resize(pairs);
  for (int64_t i = 0; i < pairs; ++i) positions_[i] = table_->begin(groups_[probe_rows_[i]]);
  row_ = rows;
}

void JoinProber::TakePairs() {
  const int64_t rows = current_.num_rows();
  const auto limit = static_cast<size_t>(std::max<int64_t>(context_.batch_rows, 1));
  probe_rows_.clear();
  positions_.clear();
  for (; row_ < rows && positions_.size() < limit; ++row_) {
    const uint32_t group = groups_[row_];
    if (group == kNoGroup) continue;
    const uint32_t begin = table_->begin(group), end = table_->end(group);
    uint32_t at = begin + offset_;
    for (; at < end && positions_.size() < limit; ++at) {
      probe_rows_.push_back(static_cast<int32_t>(row_));
      positions_.push_back(at);
    }
    if (at < end) {
      offset_ = at - begin;  // the rest of this group goes into the next batch
      break;
    }
    offset_ = 0;
  }
}

Result<std::optional<Batch>> JoinProber::Next(std::vector<bool>* matched) {
  const int64_t rows = current_.num_rows();
  if (row_ < rows) {
    if (table_->unique() && rows <= context_.batch_rows) {
      TakeUniquePairs();
    } else {
      TakePairs();
    }
    if (!matched->empty()) {
      for (uint32_t position : positions_) (*matched)[position] = true;
    }
    if (!positions_.empty()) {
      const auto pairs = static_cast<int64_t>(positions_.size());
      if (table_->unique() && pairs == rows) return Join(current_, true);
      auto selected = arrow::Buffer::FromVector(std::move(probe_rows_));
      probe_rows_.clear();
      return Join(current_.Select({std::move(selected), pairs}), true);
    }
  }
  table_ = nullptr;
  const Batch last = std::move(current_);
  current_ = Batch();
  if (!options_.keep[1 - build_]) return std::nullopt;
  std::vector<int32_t> alone;
  for (int64_t row = 0; row < rows; ++row) {
    if (groups_[row] == kNoGroup) alone.push_back(static_cast<int32_t>(row));
  }
  if (alone.empty()) return std::nullopt;
  const auto count = static_cast<int64_t>(alone.size());
  return Join(last.Select({arrow::Buffer::FromVector(std::move(alone)), count}), false);
}

/// Probe rows beside the build rows at positions_, or beside nulls.
Result<Batch> JoinProber::Join(const Batch& probe_rows, bool matched) {
  const int left = options_.schemas[kLeft]->num_fields();
  const ColumnSet& needed = context_.needed_outputs[0];
  std::vector<int> indices;
  std::vector<ArrayDataPtr> fresh;
  for (int i = 0; i < options_.output->num_fields(); ++i) {
    const int side = i < left ? kLeft : kRight;
    const int column = i < left ? i : i - left;
    if (side != build_ && needed.contains(i)) {
      indices.push_back(column);
      continue;
    }
    fresh.emplace_back();
    indices.push_back(-static_cast<int>(fresh.size()));
    if (!needed.contains(i)) continue;  // pruned in every batch alike
    if (matched) {
      WEIR_ASSIGN_OR_RETURN(fresh.back(), table_->Gather(column, positions_));
    } else {
      WEIR_ASSIGN_OR_RETURN(fresh.back(), NullColumn(options_.output->field(i)->type(), probe_rows.num_rows()));
    }
  }
  Batch joined = probe_rows.Project(options_.output, indices, std::move(fresh));
  joined.set_morsel(-1);
  if (options_.windowing.is_global() && !options_.endless_left)
    joined.set_event_time(Int64Column(Window{}.max_timestamp()));
  return joined;
}

}  // namespace weir
