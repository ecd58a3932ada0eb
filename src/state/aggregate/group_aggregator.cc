// Keys to group numbers, then every aggregate over the same numbers.
#include "state/aggregate/group_aggregator.h"

#include <algorithm>
#include <numeric>

namespace weir {

Result<std::unique_ptr<GroupAggregator>> GroupAggregator::Make(std::vector<TypePtr> key_types,
                                                               const std::vector<AggregateCall>& calls) {
  WEIR_ASSIGN_OR_RETURN(AggregateStates states, AggregateStates::Make(calls));
  return std::unique_ptr<GroupAggregator>(new GroupAggregator(std::move(key_types), std::move(states)));
}

Status GroupAggregator::Update(const std::vector<ArrayDataPtr>& keys, const std::vector<ArrayDataPtr>& values,
                               const int64_t* weights, int64_t rows) {
  groups_.resize(std::max<size_t>(groups_.size(), rows));
  WEIR_RETURN_NOT_OK(table_.Lookup(keys, rows, groups_.data()));
  return states_.Update(groups_.data(), num_groups(), values, weights, rows);
}

Status GroupAggregator::Merge(const std::vector<ArrayDataPtr>& keys, const std::vector<ArrayDataPtr>& partial,
                              int64_t rows) {
  groups_.resize(std::max<size_t>(groups_.size(), rows));
  WEIR_RETURN_NOT_OK(table_.Lookup(keys, rows, groups_.data()));
  return states_.Merge(groups_.data(), num_groups(), partial, rows);
}

Result<std::vector<ArrayDataPtr>> GroupAggregator::Partial(uint32_t begin, uint32_t end) const {
  WEIR_ASSIGN_OR_RETURN(auto out, table_.KeyColumns(begin, end));
  WEIR_ASSIGN_OR_RETURN(auto columns, states_.Partial(begin, end));
  out.insert(out.end(), columns.begin(), columns.end());
  return out;
}

Result<ArrayDataPtr> GroupAggregator::Key(int column, uint32_t begin, uint32_t end) const {
  std::vector<uint32_t> groups(end - begin);
  std::iota(groups.begin(), groups.end(), begin);
  return table_.KeyColumn(column, groups.data(), end - begin);
}

Result<std::vector<ArrayDataPtr>> GroupAggregator::PartialOf(const uint32_t* groups, uint32_t count) const {
  std::vector<ArrayDataPtr> out;
  for (size_t c = 0; c < key_types().size(); ++c) {
    WEIR_ASSIGN_OR_RETURN(auto column, table_.KeyColumn(static_cast<int>(c), groups, count));
    out.push_back(std::move(column));
  }
  WEIR_ASSIGN_OR_RETURN(auto columns, states_.PartialOf(groups, count));
  out.insert(out.end(), columns.begin(), columns.end());
  return out;
}

Result<std::vector<ArrayDataPtr>> GroupAggregator::Finish(uint32_t begin, uint32_t end,
                                                          std::vector<RowError>* errors) const {
  WEIR_ASSIGN_OR_RETURN(auto out, table_.KeyColumns(begin, end));
  WEIR_ASSIGN_OR_RETURN(auto columns, states_.Finish(begin, end, errors));
  out.insert(out.end(), columns.begin(), columns.end());
  return out;
}

int64_t GroupAggregator::size_bytes() const { return table_.size_bytes() + states_.size_bytes(); }

void GroupAggregator::Clear() {
  table_.Clear();
  states_.Clear();
}

}  // namespace weir
