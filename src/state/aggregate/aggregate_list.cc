// group, concat and count_distinct: aggregates that keep values. They keep the columns as they came plus a group number
// per value, and put them in order once, when results are asked for.
#include <algorithm>
#include <numeric>

#include "batch/gather.h"
#include "batch/gather_rows.h"
#include "state/aggregate/aggregate.h"
#include "state/aggregate/aggregate_kernels.h"
#include "state/hash/group_table.h"

namespace weir {

using arrow::Type;

namespace {

ArrayDataPtr ListOf(const TypePtr& type, BufferPtr validity, BufferPtr offsets, ArrayDataPtr items, int64_t count,
                    int64_t nulls) {
  return arrow::ArrayData::Make(type, count, {std::move(validity), std::move(offsets)}, {std::move(items)}, nulls);
}

/// Values by group, in the order in which they came.
class ValueLog {
 public:
  explicit ValueLog(TypePtr type) : type_(std::move(type)) {}

  /// Value `i` of `values` goes to group_of(i), or nowhere when that is kNoGroup.
  template <class GroupOf>
  void Add(const ArrayDataPtr& values, GroupOf group_of) {
    const auto source = static_cast<int32_t>(sources_.size());
    sources_.push_back(values);
    entries_.Reserve(size_ + values->length);
    for (int64_t i = 0; i < values->length; ++i) {
      const uint32_t group = group_of(i);
      if (group != kNoGroup) entries_[size_++] = {{source, static_cast<int32_t>(i)}, group};
    }
    bytes_ += Batch(nullptr, {values}, values->length).size_bytes();
    sorted_ = false;
  }

  /// The values of groups [begin, end) as lists; `valid` null: every group has one.
  Result<ArrayDataPtr> Lists(uint32_t begin, uint32_t end) {
    Sort();
    const auto less = [](const Entry& entry, uint32_t group) { return entry.group < group; };
    const Entry* all = entries_.data();
    const Entry* from = std::lower_bound(all, all + size_, begin, less);
    const Entry* to = std::lower_bound(from, all + size_, end, less);
    std::vector<SourceRow> rows;
    rows.reserve(to - from);
    WEIR_ASSIGN_OR_RETURN(auto offsets, arrow::AllocateBuffer((int64_t{end} - begin + 1) * 4));
    auto* out = reinterpret_cast<int32_t*>(offsets->mutable_data());
    for (uint32_t group = begin; group < end; ++group) {
      out[group - begin] = static_cast<int32_t>(rows.size());
      for (; from < to && from->group == group; ++from) rows.push_back(from->ref);
    }
    out[end - begin] = static_cast<int32_t>(rows.size());
    WEIR_ASSIGN_OR_RETURN(auto items, GatherRows(type_, sources_, rows));
    WEIR_ASSIGN_OR_RETURN(items, DecodeDictionary(items));
    return ListOf(arrow::list(type_), nullptr, std::move(offsets), std::move(items), end - begin, 0);
  }

  int64_t size_bytes() const { return bytes_ + static_cast<int64_t>(entries_.size_bytes()); }
  void Clear() { *this = ValueLog(type_); }

 private:
  struct Entry {
    SourceRow ref;
    uint32_t group;
  };
  void Sort() {
    if (sorted_) return;
    std::stable_sort(entries_.data(), entries_.data() + size_,
                     [](const Entry& a, const Entry& b) { return a.group < b.group; });
    sorted_ = true;
  }

  TypePtr type_;
  std::vector<ArrayDataPtr> sources_;
  HugeArray<Entry> entries_;
  size_t size_ = 0;
  int64_t bytes_ = 0;
  bool sorted_ = true;
};

/// The items of rows of a list column: each goes to the group of its row. The log gets the items as one column.
void AddItems(const arrow::ArrayData& lists, const uint32_t* groups, int64_t begin, int64_t rows, ValueLog* log) {
  const auto* offsets = lists.GetValues<int32_t>(1) + begin;
  const int32_t first = offsets[0];
  ArrayDataPtr items = lists.child_data[0]->Slice(first, offsets[rows] - first);
  std::vector<uint32_t> group_of(items->length, kNoGroup);
  for (int64_t i = 0; i < rows; ++i) {
    if (lists.IsNull(begin + i)) continue;
    for (int32_t item = offsets[i]; item < offsets[i + 1]; ++item) group_of[item - first] = groups[i];
  }
  log->Add(items, [&](int64_t i) { return group_of[i]; });
}

/// group: a list of all values, nulls too. concat: the lists of all rows joined.
template <bool kConcat>
class Collect final : public Aggregate {
 public:
  Collect(TypePtr item, TypePtr output) : Aggregate(std::move(output)), log_(std::move(item)) {}
  int64_t state_bytes() const override { return 8; }  // 1: it has a value that was not null
  std::vector<TypePtr> partial_types() const override { return {output_type(), arrow::int64()}; }
  Status Update(const AggregateRows& in, StateRows states) override {
    if (kernel::AnyNegative(in)) return kernel::CannotRetract(kConcat ? "concat" : "group");
    if (kConcat) {
      AddItems(*in.values, in.groups, in.begin, in.rows, &log_);
      kernel::ForEachValid(in, [&](int64_t, uint32_t group, int64_t) { states.at<int64_t>(group) = 1; });
    } else {
      ArrayDataPtr values = in.values->Slice(in.begin, in.rows);
      const int64_t repeats = in.weights == nullptr ? 1 : *std::max_element(in.weights, in.weights + in.rows);
      for (int64_t k = 0; k < repeats; ++k) {
        log_.Add(values,
                 [&](int64_t i) { return in.weights == nullptr || in.weights[i] > k ? in.groups[i] : kNoGroup; });
      }
      for (int64_t i = 0; i < in.rows; ++i) states.at<int64_t>(in.groups[i]) = 1;
    }
    return Status::OK();
  }
  Status Merge(const std::vector<ArrayDataPtr>& partial, const uint32_t* groups, int64_t rows,
               StateRows states) override {
    AddItems(*partial[0], groups, 0, rows, &log_);
    const auto* seen = partial[1]->GetValues<int64_t>(1);
    for (int64_t i = 0; i < rows; ++i) states.at<int64_t>(groups[i]) |= seen[i];
    return Status::OK();
  }
  Result<std::vector<ArrayDataPtr>> Partial(StateRows states, uint32_t begin, uint32_t end) const override {
    WEIR_ASSIGN_OR_RETURN(auto lists, log_.Lists(begin, end));
    lists->type = output_type();
    WEIR_ASSIGN_OR_RETURN(auto seen, kernel::MakeDense<int64_t>(arrow::int64(), end - begin, [&](int64_t i) {
                            return states.at<int64_t>(static_cast<uint32_t>(begin + i));
                          }));
    return std::vector<ArrayDataPtr>{lists, seen};
  }
  Result<ArrayDataPtr> Finish(StateRows states, uint32_t begin, uint32_t end, std::vector<RowError>*) const override {
    WEIR_ASSIGN_OR_RETURN(auto lists, log_.Lists(begin, end));
    WEIR_ASSIGN_OR_RETURN(auto seen, kernel::MakeColumn<int64_t>(arrow::int64(), end - begin, [&](int64_t i, int64_t*) {
                            return states.at<int64_t>(static_cast<uint32_t>(begin + i)) != 0;
                          }));
    lists->type = output_type();
    lists->buffers[0] = seen->buffers[0];
    lists->null_count = seen->null_count.load();
    return lists;
  }
  bool state_is_all() const override { return false; }
  int64_t extra_bytes() const override { return log_.size_bytes(); }
  void Clear() override { log_.Clear(); }

 private:
  mutable ValueLog log_;  // orders itself when asked
};

/// How many different values: a table of (group, value), and a count of its new entries per group.
class CountDistinct final : public Aggregate {
 public:
  explicit CountDistinct(TypePtr input)
      : Aggregate(arrow::int64()), input_(std::move(input)), seen_({arrow::int64(), input_}) {}
  int64_t state_bytes() const override { return 8; }
  std::vector<TypePtr> partial_types() const override { return {arrow::list(input_)}; }
  Status Update(const AggregateRows& in, StateRows states) override {
    if (kernel::AnyNegative(in)) return kernel::CannotRetract("count_distinct");
    std::vector<int64_t> groups(in.groups, in.groups + in.rows);
    return Add(in.values->Slice(in.begin, in.rows), std::move(groups), states);
  }
  Status Merge(const std::vector<ArrayDataPtr>& partial, const uint32_t* groups, int64_t rows,
               StateRows states) override {
    const auto* offsets = partial[0]->GetValues<int32_t>(1);
    std::vector<int64_t> group_of;
    for (int64_t i = 0; i < rows; ++i) group_of.insert(group_of.end(), offsets[i + 1] - offsets[i], groups[i]);
    return Add(partial[0]->child_data[0]->Slice(offsets[0], offsets[rows] - offsets[0]), std::move(group_of), states);
  }
  Result<std::vector<ArrayDataPtr>> Partial(StateRows, uint32_t begin, uint32_t end) const override {
    constexpr uint32_t kStep = 65536;
    ValueLog log(input_);
    for (uint32_t at = 0; at < seen_.num_groups(); at += kStep) {
      WEIR_ASSIGN_OR_RETURN(auto keys, seen_.KeyColumns(at, std::min(at + kStep, seen_.num_groups())));
      const auto* groups = keys[0]->GetValues<int64_t>(1);
      log.Add(keys[1], [&](int64_t i) {
        const bool inside = groups[i] >= begin && groups[i] < end && !keys[1]->IsNull(i);
        return inside ? static_cast<uint32_t>(groups[i]) : kNoGroup;
      });
    }
    WEIR_ASSIGN_OR_RETURN(auto lists, log.Lists(begin, end));
    return std::vector<ArrayDataPtr>{lists};
  }
  Result<ArrayDataPtr> Finish(StateRows states, uint32_t begin, uint32_t end, std::vector<RowError>*) const override {
    return kernel::MakeDense<int64_t>(arrow::int64(), end - begin,
                                      [&](int64_t i) { return states.at<int64_t>(static_cast<uint32_t>(begin + i)); });
  }
  bool state_is_all() const override { return false; }
  int64_t extra_bytes() const override { return seen_.size_bytes(); }
  void Clear() override { seen_.Clear(); }

 private:
  Status Add(const ArrayDataPtr& values, std::vector<int64_t> groups, StateRows states) {
    const auto rows = static_cast<int64_t>(groups.size());
    std::vector<uint32_t> numbers(rows);
    const std::vector<int64_t> group_of = groups;
    auto group_column =
        arrow::ArrayData::Make(arrow::int64(), rows, {nullptr, arrow::Buffer::FromVector(std::move(groups))}, 0);
    uint32_t known = seen_.num_groups();
    WEIR_RETURN_NOT_OK(seen_.Lookup({group_column, values}, rows, numbers.data()));
    for (int64_t i = 0; i < rows; ++i) {
      if (numbers[i] < known) continue;
      known = numbers[i] + 1;  // new numbers come in order
      if (!values->IsNull(i)) ++states.at<int64_t>(static_cast<uint32_t>(group_of[i]));
    }
    return Status::OK();
  }

  TypePtr input_;
  GroupTable seen_;
};

}  // namespace

Result<std::unique_ptr<Aggregate>> MakeGroup(const TypePtr& input) {
  return std::make_unique<Collect<false>>(input, arrow::list(input));
}

Result<std::unique_ptr<Aggregate>> MakeConcat(const TypePtr& input) {
  if (input->id() != Type::LIST) return Status::TypeError("concat needs arrays, not ", TypeName(*input));
  return std::make_unique<Collect<true>>(input->field(0)->type(), input);
}

Result<std::unique_ptr<Aggregate>> MakeCountDistinct(const TypePtr& input) {
  if (input->id() == Type::NA) return Status::TypeError("count_distinct needs values, not null");
  return std::make_unique<CountDistinct>(input);
}

}  // namespace weir
