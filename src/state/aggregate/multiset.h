// Multiset: the values of groups with how often each is there, for aggregates that must take rows back although their
// result cannot be computed backwards (min, max, lists, distinct counts).
//
// An *entry* is one value of one group. A group's entries hang together in a list whose head lies in the group's state.
// Entries of count 0 are forgotten when they are most.
#pragma once

#include <arrow/array/data.h>

#include <cstdint>
#include <vector>

#include "state/aggregate/aggregate.h"
#include "state/changes/row_counts.h"

namespace weir {

class Multiset {
 public:
  /// The state of a group: all zero means that it has no entries.
  struct Head {
    uint32_t first;  // entry + 1 of the newest; 0: none
    uint32_t root;   // for the owner: entry + 1
    int64_t number;  // for the owner
  };

  explicit Multiset(TypePtr value);

  /// Value i of `values` is there weights[i] times more (null: once) in group groups[i]. crossed(entry, row, there):
  /// the entry's count became positive, or stopped being so.
  template <class Crossed>
  Status Add(const ArrayDataPtr& values, const uint32_t* groups, const int64_t* weights, StateRows states,
             Crossed crossed) {
    const int64_t rows = values->length;
    WEIR_RETURN_NOT_OK(Number(values, groups, rows));
    for (int64_t i = 0; i < rows; ++i) {
      const uint32_t entry = numbers_[i];
      if (group_of_[entry] == RowCounts::kNone) Link(entry, groups[i], states);
      const int64_t before = entries_.Add(entry, weights == nullptr ? 1 : weights[i]);
      const bool there = entries_.count(entry) > 0;
      if ((before > 0) != there) crossed(entry, i, there);
    }
    return Status::OK();
  }

  int64_t count(uint32_t entry) const { return entries_.count(entry); }
  uint32_t group_of(uint32_t entry) const { return group_of_[entry]; }
  uint32_t size() const { return entries_.size(); }
  /// The entries of a group whose count is not zero, the oldest first, appended to `out`.
  void Entries(const Head& head, std::vector<uint32_t>* out) const;
  /// The values of entries, as a plain column.
  Result<ArrayDataPtr> Values(const std::vector<uint32_t>& entries) const { return entries_.Column(1, entries); }

  /// Partial states of groups [begin, end): a list of values and a list of their counts.
  std::vector<TypePtr> partial_types() const;
  Result<std::vector<ArrayDataPtr>> Partial(StateRows states, uint32_t begin, uint32_t end) const;
  /// From such columns: merge(values, groups, counts), each value with the group of its row.
  template <class Merge>
  static Status ForPartial(const std::vector<ArrayDataPtr>& partial, const uint32_t* groups, int64_t rows,
                           Merge merge) {
    const Unpacked all = Unpack(partial, groups, rows);
    return merge(all.values, all.groups.data(), all.counts);
  }

  bool wants_compaction() const { return entries_.wants_compaction(); }
  /// Forgets entries of count 0. Gives the new number of each, RowCounts::kNone for those that are gone. Every head has
  /// its list then, but no root.
  Result<std::vector<uint32_t>> Compact(StateRows states);

  int64_t size_bytes() const;
  void Clear();

 private:
  struct Unpacked {
    ArrayDataPtr values;
    std::vector<uint32_t> groups;
    const int64_t* counts = nullptr;
  };
  static Unpacked Unpack(const std::vector<ArrayDataPtr>& partial, const uint32_t* groups, int64_t rows);
  /// numbers_[i] = the entry of row i; new entries have no group yet.
  Status Number(const ArrayDataPtr& values, const uint32_t* groups, int64_t rows);
  void Link(uint32_t entry, uint32_t group, StateRows states) {
    Head& head = states.at<Head>(group);
    group_of_[entry] = group;
    next_[entry] = head.first;
    head.first = entry + 1;
  }

  const TypePtr value_;
  RowCounts entries_;  // (group, value)
  std::vector<uint32_t> group_of_, next_;
  std::vector<uint32_t> numbers_;  // scratch
};

}  // namespace weir
