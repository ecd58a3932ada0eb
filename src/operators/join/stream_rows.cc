// Pairs are found row by row along the chains, and gathered column by column.
#include "operators/join/stream_rows.h"

#include <arrow/array/array_nested.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <utility>

#include "batch/gather.h"
#include "operators/support/slice_windows.h"

namespace weir {

void PairCursor::Start(const ChainedRows* others, const Int64Column& times, const Bounds* bounds,
                       std::vector<uint32_t> groups) {
  others_ = others;
  times_ = times;
  bounds_ = bounds;
  groups_ = std::move(groups);
  row_ = 0;
  inside_ = false;
}

template <bool kBounded>
void PairCursor::Take(size_t limit, std::vector<int32_t>* rows, std::vector<uint32_t>* others) {
  for (; row_ < groups_.size(); ++row_, inside_ = false) {
    if (!inside_) at_ = groups_[row_] == kNoGroup ? ChainedRows::kEnd : others_->head(groups_[row_]);
    inside_ = true;
    EventTime from = 0, to = 0;
    if (kBounded) {
      const EventTime time = times_.at(static_cast<int64_t>(row_));
      from = SaturatingAdd(time, -bounds_->before_us);
      to = SaturatingAdd(time, bounds_->after_us);
    }
    for (; at_ != ChainedRows::kEnd; at_ = others_->next(at_)) {
      if (kBounded && (others_->time(at_) < from || others_->time(at_) > to)) continue;
      if (others->size() >= limit) return;
      rows->push_back(static_cast<int32_t>(row_));
      others->push_back(at_);
    }
  }
}

bool PairCursor::Next(size_t limit, std::vector<int32_t>* rows, std::vector<uint32_t>* others) {
  rows->clear();
  others->clear();
  if (bounds_ != nullptr) {
    Take<true>(limit, rows, others);
  } else {
    Take<false>(limit, rows, others);
  }
  return !others->empty();
}

void DropWeightless(const ChainedRows& others, std::vector<int32_t>* rows, std::vector<uint32_t>* ids) {
  if (!others.weighted()) return;
  size_t kept = 0;
  for (size_t i = 0; i < ids->size(); ++i) {
    if (others.weight((*ids)[i]) == 0) continue;
    (*rows)[kept] = (*rows)[i];
    (*ids)[kept++] = (*ids)[i];
  }
  rows->resize(kept);
  ids->resize(kept);
}

JoinedRows::JoinedRows(const StreamJoinOptions& options, const OperatorContext& lane)
    : options_(options),
      needed_(lane.needed_outputs[0]),
      earliest_(!options.join.windowing.is_global() && options.join.windowing.output_time == OutputTime::kEarliest),
      late_(options.late_schema, lane),
      late_wanted_(static_cast<int>(lane.needed_outputs.size()) > LateRows::kPort &&
                   !lane.needed_outputs[LateRows::kPort].ToIndices().empty()) {}

Result<Batch> JoinedRows::Beside(int side, const Batch& rows, const ChainedRows* others,
                                 std::span<const uint32_t> ids) const {
  const int left = options_.join.schemas[kLeft]->num_fields();
  std::vector<int> indices;
  std::vector<ArrayDataPtr> fresh;
  for (int i = 0; i < options_.join.output->num_fields(); ++i) {
    const int of = i < left ? kLeft : kRight;
    const int column = i < left ? i : i - left;
    if (of == side && needed_.contains(i)) {
      indices.push_back(column);
      continue;
    }
    fresh.emplace_back();
    indices.push_back(-static_cast<int>(fresh.size()));
    if (!needed_.contains(i)) continue;  // pruned in every batch alike
    if (others != nullptr) {
      WEIR_ASSIGN_OR_RETURN(fresh.back(), others->Gather(column, ids));
    } else {
      WEIR_ASSIGN_OR_RETURN(fresh.back(), NullColumn(options_.join.output->field(i)->type(), rows.num_rows()));
    }
  }
  Batch out = rows.Project(options_.join.output, indices, std::move(fresh));
  out.clear_window();
  out.set_pane({});
  out.set_morsel(-1);
  return out;
}

Result<Batch> JoinedRows::Pairs(int side, const Batch& batch, std::vector<int32_t> chosen, const ChainedRows& others,
                                std::span<const uint32_t> ids) const {
  const auto count = static_cast<int64_t>(ids.size());
  const Batch rows = batch.Select({arrow::Buffer::FromVector(std::move(chosen)), count});
  WEIR_ASSIGN_OR_RETURN(Batch out, Beside(side, rows, &others, ids));
  std::vector<int64_t> times(ids.size());
  for (int64_t i = 0; i < count; ++i) {
    const EventTime own = rows.event_time().at(i), other = others.time(ids[i]);
    times[i] = earliest_ ? std::min(own, other) : std::max(own, other);
  }
  out.set_event_time(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(times)))));
  if (!options_.changes_out) return out;
  std::vector<int64_t> weights(ids.size());
  for (int64_t i = 0; i < count; ++i) {
    const int64_t own = rows.has_weight() ? rows.weight().at(i) : 1;
    if (__builtin_mul_overflow(own, others.weight(ids[i]), &weights[i])) {
      return Status::Invalid("weights of joined rows pass 64 bits");
    }
  }
  out.set_weight(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(weights)))));
  return out;
}

Result<Batch> JoinedRows::Alone(int side, const Batch& batch, int64_t sign) const {
  WEIR_ASSIGN_OR_RETURN(Batch out, Beside(side, batch, nullptr, {}));
  if (!options_.changes_out) return out;
  std::vector<int64_t> weights(batch.num_rows(), sign);
  for (int64_t i = 0; i < batch.num_rows() && batch.has_weight(); ++i) weights[i] = sign * batch.weight().at(i);
  out.set_weight(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(weights)))));
  return out;
}

Status JoinedRows::EmitLate(int side, const Batch& batch, const std::vector<int32_t>& rows, const Window& window,
                            EventTime watermark, Emitter& out) const {
  if (!late_wanted_ || options_.aliases[side] < 0 || rows.empty()) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(Batch late, GatherBatch(batch, rows));
  WEIR_ASSIGN_OR_RETURN(auto record_batch, late.ToRecordBatch());
  WEIR_ASSIGN_OR_RETURN(auto object, record_batch->ToStructArray());
  const arrow::FieldVector& aliases = options_.late_schema->field(0)->type()->fields();
  std::vector<ArrayDataPtr> columns(aliases.size());
  for (size_t i = 0; i < aliases.size(); ++i) {
    if (static_cast<int>(i) == options_.aliases[side]) {
      columns[i] = object->data();
    } else {
      WEIR_ASSIGN_OR_RETURN(columns[i], NullColumn(aliases[i]->type(), late.num_rows()));
    }
  }
  const Batch element = late.WithColumns(arrow::schema(aliases), std::move(columns));
  std::vector<int32_t> all(rows.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int32_t>(i);
  return late_.Emit(element, all, window, watermark, out);
}

}  // namespace weir
