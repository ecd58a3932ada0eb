// Every aggregate over the same group numbers, a thousand rows at a time once states outgrow the cache.
#include "state/aggregate/aggregate_states.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "batch/gather.h"

namespace weir {

namespace {

constexpr int64_t kChunk = 1024;
constexpr int64_t kCacheBytes = int64_t{512} << 10;  // states beyond this are prefetched

}  // namespace

Result<AggregateStates> AggregateStates::Make(const std::vector<AggregateCall>& calls) {
  AggregateStates out;
  out.calls_ = calls;
  for (const AggregateCall& call : calls) {
    WEIR_ASSIGN_OR_RETURN(auto aggregate, call.function->make(call.input));
    const bool own = call.same_states < 0;
    out.offsets_.push_back(own ? out.stride_ : out.offsets_[call.same_states]);
    if (own) out.stride_ += aggregate->state_bytes();
    out.aggregates_.push_back(std::move(aggregate));
  }
  return out;
}

std::vector<TypePtr> AggregateStates::partial_types() const {
  std::vector<TypePtr> out;
  for (size_t i = 0; i < aggregates_.size(); ++i) {
    if (!HasStates(i)) continue;
    for (auto& type : aggregates_[i]->partial_types()) out.push_back(std::move(type));
  }
  return out;
}

std::vector<TypePtr> AggregateStates::result_types() const {
  std::vector<TypePtr> out;
  for (const auto& aggregate : aggregates_) out.push_back(aggregate->output_type());
  return out;
}

void AggregateStates::Prefetch(const uint32_t* groups, int64_t rows) const {
  const uint8_t* base = states_.data();
  for (int64_t i = 0; i < rows; ++i) {
    const uint8_t* row = base + groups[i] * stride_;
    __builtin_prefetch(row, 1);
    if (stride_ > 64) __builtin_prefetch(row + 64, 1);
  }
}

Status AggregateStates::Update(const uint32_t* groups, uint32_t num_groups, const std::vector<ArrayDataPtr>& values,
                               const int64_t* weights, int64_t rows) {
  Reserve(num_groups);
  const bool big = num_groups * stride_ > kCacheBytes;
  const int64_t chunk = big ? kChunk : std::max<int64_t>(rows, 1);
  for (int64_t begin = 0; begin < rows; begin += chunk) {
    const int64_t count = std::min(chunk, rows - begin);
    if (big) Prefetch(groups + begin, count);
    for (size_t i = 0; i < aggregates_.size(); ++i) {
      if (!HasStates(i)) continue;
      const AggregateRows in{values[i].get(), weights ? weights + begin : nullptr, groups + begin, begin, count};
      WEIR_RETURN_NOT_OK(aggregates_[i]->Update(in, StatesOf(i)));
    }
  }
  return Status::OK();
}

Status AggregateStates::Merge(const uint32_t* groups, uint32_t num_groups, const std::vector<ArrayDataPtr>& partial,
                              int64_t rows) {
  Reserve(num_groups);
  size_t next = 0;
  for (size_t i = 0; i < aggregates_.size(); ++i) {
    if (!HasStates(i)) continue;
    const size_t count = aggregates_[i]->partial_types().size();
    const std::vector<ArrayDataPtr> columns(partial.begin() + next, partial.begin() + next + count);
    WEIR_RETURN_NOT_OK(aggregates_[i]->Merge(columns, groups, rows, StatesOf(i)));
    next += count;
  }
  return Status::OK();
}

Result<std::vector<ArrayDataPtr>> AggregateStates::RowsAsPartials(const std::vector<ArrayDataPtr>& values,
                                                                  const int64_t* weights, int64_t rows) const {
  std::vector<ArrayDataPtr> out;
  std::vector<uint32_t> groups(rows);
  std::iota(groups.begin(), groups.end(), 0);
  std::vector<uint64_t> states;
  for (size_t i = 0; i < calls_.size(); ++i) {
    if (!HasStates(i)) continue;
    // A fresh object: this one may hold values of real groups beside their states.
    WEIR_ASSIGN_OR_RETURN(auto aggregate, calls_[i].function->make(calls_[i].input));
    const int64_t stride = aggregate->state_bytes();
    states.assign(static_cast<size_t>(rows * stride) / 8, 0);
    const StateRows rows_of_one{reinterpret_cast<uint8_t*>(states.data()), stride};
    WEIR_RETURN_NOT_OK(aggregate->Update({values[i].get(), weights, groups.data(), 0, rows}, rows_of_one));
    WEIR_ASSIGN_OR_RETURN(auto columns, aggregate->Partial(rows_of_one, 0, static_cast<uint32_t>(rows)));
    for (auto& column : columns) out.push_back(std::move(column));
  }
  return out;
}

Result<std::vector<ArrayDataPtr>> AggregateStates::Partial(uint32_t begin, uint32_t end) const {
  std::vector<ArrayDataPtr> out;
  for (size_t i = 0; i < aggregates_.size(); ++i) {
    if (!HasStates(i)) continue;
    WEIR_ASSIGN_OR_RETURN(auto columns, aggregates_[i]->Partial(StatesOf(i), begin, end));
    for (auto& column : columns) out.push_back(std::move(column));
  }
  return out;
}

Result<std::vector<ArrayDataPtr>> AggregateStates::PartialOf(const uint32_t* groups, uint32_t count) const {
  std::vector<ArrayDataPtr> out;
  // Their states one behind the other; what an aggregate holds beside them it finds by the number of the group.
  std::vector<uint64_t> states(static_cast<size_t>(count * stride_) / 8);
  auto* to = reinterpret_cast<uint8_t*>(states.data());
  for (uint32_t i = 0; i < count && stride_ > 0; ++i) {
    std::memcpy(to + i * stride_, states_.data() + groups[i] * stride_, stride_);
  }
  for (size_t i = 0; i < aggregates_.size(); ++i) {
    if (!HasStates(i)) continue;
    if (!aggregates_[i]->state_is_all()) {
      // One pass over all that it holds, then the rows asked for.
      const auto [least, most] = std::minmax_element(groups, groups + count);
      if (count == 0) continue;
      WEIR_ASSIGN_OR_RETURN(auto kept, aggregates_[i]->Partial(StatesOf(i), *least, *most + 1));
      std::vector<int32_t> rows(count);
      for (uint32_t row = 0; row < count; ++row) rows[row] = static_cast<int32_t>(groups[row] - *least);
      for (auto& column : kept) {
        WEIR_ASSIGN_OR_RETURN(column, GatherColumn(column, rows));
        out.push_back(std::move(column));
      }
      continue;
    }
    WEIR_ASSIGN_OR_RETURN(auto columns, aggregates_[i]->Partial({to + offsets_[i], stride_}, 0, count));
    for (auto& column : columns) out.push_back(std::move(column));
  }
  return out;
}

Result<std::vector<ArrayDataPtr>> AggregateStates::Finish(uint32_t begin, uint32_t end,
                                                          std::vector<RowError>* errors) const {
  std::vector<ArrayDataPtr> out;
  const size_t before = errors->size();
  for (size_t i = 0; i < aggregates_.size(); ++i) {
    const size_t first = errors->size();
    WEIR_ASSIGN_OR_RETURN(auto column, aggregates_[i]->Finish(StatesOf(i), begin, end, errors));
    out.push_back(std::move(column));
    for (size_t at = first; at < errors->size() && !calls_[i].name.empty(); ++at) {
      (*errors)[at].message = "'" + calls_[i].name + "': " + (*errors)[at].message;
    }
  }
  // Two aggregates of one group may both fail: the first message stands.
  const auto by_row = [](const RowError& a, const RowError& b) { return a.row < b.row; };
  std::stable_sort(errors->begin() + before, errors->end(), by_row);
  const auto same_row = [](const RowError& a, const RowError& b) { return a.row == b.row; };
  errors->erase(std::unique(errors->begin() + before, errors->end(), same_row), errors->end());
  return out;
}

int64_t AggregateStates::size_bytes() const {
  auto bytes = static_cast<int64_t>(states_.capacity());
  for (const auto& aggregate : aggregates_) bytes += aggregate->extra_bytes();
  return bytes;
}

void AggregateStates::Clear() {
  states_.Clear();
  for (auto& aggregate : aggregates_) aggregate->Clear();
}

}  // namespace weir
