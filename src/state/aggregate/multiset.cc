// Entries by number, and their way through partial states.
#include "state/aggregate/multiset.h"

#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>
#include <utility>

namespace weir {

Multiset::Multiset(TypePtr value) : value_(std::move(value)), entries_({arrow::int64(), value_}) {}

Status Multiset::Number(const ArrayDataPtr& values, const uint32_t* groups, int64_t rows) {
  std::vector<int64_t> group_values(groups, groups + rows);
  const auto group_column =
      arrow::ArrayData::Make(arrow::int64(), rows, {nullptr, arrow::Buffer::FromVector(std::move(group_values))}, 0);
  numbers_.resize(std::max<size_t>(numbers_.size(), rows));
  WEIR_RETURN_NOT_OK(entries_.Number({group_column, values}, rows, numbers_.data()));
  group_of_.resize(entries_.size(), RowCounts::kNone);
  next_.resize(entries_.size(), 0);
  return Status::OK();
}

void Multiset::Entries(const Head& head, std::vector<uint32_t>* out) const {
  const auto begin = static_cast<int64_t>(out->size());
  for (uint32_t at = head.first; at != 0; at = next_[at - 1]) {
    if (count(at - 1) != 0) out->push_back(at - 1);
  }
  std::reverse(out->begin() + begin, out->end());
}

std::vector<TypePtr> Multiset::partial_types() const { return {arrow::list(value_), arrow::list(arrow::int64())}; }

Result<std::vector<ArrayDataPtr>> Multiset::Partial(StateRows states, uint32_t begin, uint32_t end) const {
  std::vector<uint32_t> entries;
  std::vector<int32_t> offsets{0};
  for (uint32_t group = begin; group < end; ++group) {
    Entries(states.at<Head>(group), &entries);
    offsets.push_back(static_cast<int32_t>(entries.size()));
  }
  std::vector<int64_t> counts;
  for (uint32_t entry : entries) counts.push_back(count(entry));
  const auto items = static_cast<int64_t>(counts.size());
  WEIR_ASSIGN_OR_RETURN(ArrayDataPtr values, Values(entries));
  const auto count_items =
      arrow::ArrayData::Make(arrow::int64(), items, {nullptr, arrow::Buffer::FromVector(std::move(counts))}, 0);
  const BufferPtr where = arrow::Buffer::FromVector(std::move(offsets));
  const auto list = [&](const TypePtr& item, const ArrayDataPtr& column) {
    return arrow::ArrayData::Make(arrow::list(item), end - begin, {nullptr, where}, {column}, 0);
  };
  return std::vector<ArrayDataPtr>{list(value_, values), list(arrow::int64(), count_items)};
}

Multiset::Unpacked Multiset::Unpack(const std::vector<ArrayDataPtr>& partial, const uint32_t* groups, int64_t rows) {
  const auto* offsets = partial[0]->GetValues<int32_t>(1);
  const auto* count_offsets = partial[1]->GetValues<int32_t>(1);
  Unpacked out;
  out.values = partial[0]->child_data[0]->Slice(offsets[0], offsets[rows] - offsets[0]);
  out.counts = partial[1]->child_data[0]->GetValues<int64_t>(1) + count_offsets[0];
  for (int64_t i = 0; i < rows; ++i) out.groups.insert(out.groups.end(), offsets[i + 1] - offsets[i], groups[i]);
  return out;
}

Result<std::vector<uint32_t>> Multiset::Compact(StateRows states) {
  for (const uint32_t group : group_of_) {
    if (group != RowCounts::kNone) states.at<Head>(group).first = states.at<Head>(group).root = 0;
  }
  const std::vector<uint32_t> groups = std::move(group_of_);
  WEIR_ASSIGN_OR_RETURN(auto moved, entries_.Compact());
  group_of_.assign(entries_.size(), RowCounts::kNone);
  next_.assign(entries_.size(), 0);
  for (size_t entry = 0; entry < moved.size(); ++entry) {
    if (moved[entry] != RowCounts::kNone) Link(moved[entry], groups[entry], states);
  }
  return moved;
}

int64_t Multiset::size_bytes() const {
  return entries_.size_bytes() + static_cast<int64_t>((group_of_.capacity() + next_.capacity()) * 4);
}

void Multiset::Clear() {
  entries_.Clear();
  group_of_.clear();
  next_.clear();
}

}  // namespace weir
