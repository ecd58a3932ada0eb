// The aggregates that keep their values, in the form that takes rows back. Each holds a Multiset; min and max order its
// entries in pairing heaps (Fredman, Sedgewick, Sleator, Tarjan 1986) whose links are arrays by entry, and drop from
// the top what is not there any more when somebody asks.
#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "batch/gather.h"
#include "state/aggregate/aggregate.h"
#include "state/aggregate/aggregate_kernels.h"
#include "state/aggregate/multiset.h"
#include "state/sort/sort_keys.h"

namespace weir {

using arrow::Type;

namespace {

/// What all of them share: state, partial states, memory.
class KeepsValues : public Aggregate {
 public:
  KeepsValues(TypePtr value, TypePtr output) : Aggregate(std::move(output)), values_(std::move(value)) {}
  int64_t state_bytes() const override { return sizeof(Multiset::Head); }
  std::vector<TypePtr> partial_types() const override { return values_.partial_types(); }
  Result<std::vector<ArrayDataPtr>> Partial(StateRows states, uint32_t begin, uint32_t end) const override {
    return values_.Partial(states, begin, end);
  }
  bool state_is_all() const override { return false; }
  int64_t extra_bytes() const override { return values_.size_bytes(); }
  void Clear() override { values_.Clear(); }

 protected:
  static Multiset::Head& HeadOf(StateRows states, int64_t group) {
    return states.at<Multiset::Head>(static_cast<uint32_t>(group));
  }
  Multiset values_;
};

template <bool kMax>
class ExtremeOfMany final : public KeepsValues {
 public:
  explicit ExtremeOfMany(const TypePtr& type)
      : KeepsValues(type, type), schema_(arrow::schema({arrow::field("value", type)})) {}

  Status Update(const AggregateRows& in, StateRows states) override {
    return Add(in.values->Slice(in.begin, in.rows), in.groups, in.weights, states);
  }
  Status Merge(const std::vector<ArrayDataPtr>& partial, const uint32_t* groups, int64_t rows,
               StateRows states) override {
    return Multiset::ForPartial(
        partial, groups, rows,
        [&](const ArrayDataPtr& values, const uint32_t* of, auto* counts) { return Add(values, of, counts, states); });
  }
  Result<ArrayDataPtr> Finish(StateRows states, uint32_t begin, uint32_t end, std::vector<RowError>*) const override {
    std::vector<uint32_t> best;
    std::vector<int32_t> rows;
    for (uint32_t group = begin; group < end; ++group) {
      Multiset::Head& head = HeadOf(states, group);
      while (head.root != 0 && values_.count(head.root - 1) <= 0) head.root = Pop(head.root);
      rows.push_back(head.root == 0 ? -1 : static_cast<int32_t>(best.size()));
      if (head.root != 0) best.push_back(head.root - 1);
    }
    WEIR_ASSIGN_OR_RETURN(ArrayDataPtr values, values_.Values(best));
    return GatherColumn(values, rows);
  }
  int64_t extra_bytes() const override {
    return KeepsValues::extra_bytes() + static_cast<int64_t>(nodes_.capacity() * sizeof(Node) + tails_.capacity());
  }
  void Clear() override {
    KeepsValues::Clear();
    nodes_.clear();
    tails_.clear();
  }

 private:
  // Links are entry + 1; 0: none.
  struct Node {
    EncodedKeys::Prefix prefix;
    uint64_t tail = 0;  // in tails_
    uint32_t tail_size = 0;
    uint32_t child = 0, sibling = 0;
    bool known = false, in_heap = false;
  };

  Status Add(const ArrayDataPtr& values, const uint32_t* groups, const int64_t* weights, StateRows states) {
    if (values->length == 0) return Status::OK();
    EncodedKeys keys;
    WEIR_RETURN_NOT_OK(EncodeSortKeys(Batch(schema_, {values}, values->length), {SortKey{}}, &keys));
    WEIR_RETURN_NOT_OK(values_.Add(values, groups, weights, states, [&](uint32_t entry, int64_t row, bool there) {
      if (!there || values->IsNull(row)) return;  // what is gone is dropped when it is at the top
      if (nodes_.size() <= entry) nodes_.resize(std::max<size_t>(entry + 1, nodes_.size() * 2));
      Node& node = nodes_[entry];
      if (!node.known) Know(keys, row, &node);
      if (node.in_heap) return;
      node.in_heap = true;
      Multiset::Head& head = HeadOf(states, groups[row]);
      head.root = Meld(head.root, entry + 1);
    }));
    return values_.wants_compaction() ? Compact(states) : Status::OK();
  }

  void Know(const EncodedKeys& keys, int64_t row, Node* node) {
    const std::string_view tail = keys.tail(static_cast<uint32_t>(row));
    node->prefix = keys.prefixes[row];
    node->tail = tails_.size();
    node->tail_size = static_cast<uint32_t>(tail.size());
    node->known = true;
    tails_.append(tail);
  }

  bool Less(const Node& a, const Node& b) const {
    if (a.prefix.high != b.prefix.high) return a.prefix.high < b.prefix.high;
    if (a.prefix.low != b.prefix.low) return a.prefix.low < b.prefix.low;
    const std::string_view all = tails_;
    return all.substr(a.tail, a.tail_size) < all.substr(b.tail, b.tail_size);
  }
  uint32_t Meld(uint32_t a, uint32_t b) const {
    if (a == 0 || b == 0) return a | b;
    const bool b_first = kMax ? Less(nodes_[a - 1], nodes_[b - 1]) : Less(nodes_[b - 1], nodes_[a - 1]);
    if (b_first) std::swap(a, b);
    nodes_[b - 1].sibling = nodes_[a - 1].child;
    nodes_[a - 1].child = b;
    return a;
  }
  /// The heap without its top: its children melded in pairs, then the pairs from the last to the first.
  uint32_t Pop(uint32_t root) const {
    Node& top = nodes_[root - 1];
    uint32_t pairs = 0;
    for (uint32_t at = top.child; at != 0;) {
      const uint32_t second = nodes_[at - 1].sibling;
      const uint32_t rest = second == 0 ? 0 : nodes_[second - 1].sibling;
      nodes_[at - 1].sibling = 0;
      if (second != 0) nodes_[second - 1].sibling = 0;
      const uint32_t pair = Meld(at, second);
      nodes_[pair - 1].sibling = pairs;
      pairs = pair;
      at = rest;
    }
    top.child = 0;
    top.in_heap = false;
    uint32_t out = 0;
    while (pairs != 0) {
      const uint32_t rest = nodes_[pairs - 1].sibling;
      nodes_[pairs - 1].sibling = 0;
      out = Meld(out, pairs);
      pairs = rest;
    }
    return out;
  }

  Status Compact(StateRows states) {
    const std::vector<Node> old_nodes = std::move(nodes_);
    const std::string old_tails = std::move(tails_);
    WEIR_ASSIGN_OR_RETURN(const auto moved, values_.Compact(states));
    nodes_.assign(values_.size(), Node{});
    tails_.clear();
    for (size_t before = 0; before < std::min(moved.size(), old_nodes.size()); ++before) {
      const uint32_t entry = moved[before];
      if (entry == RowCounts::kNone || !old_nodes[before].known) continue;
      Node& node = nodes_[entry];
      node.known = true;
      node.prefix = old_nodes[before].prefix;
      node.tail = tails_.size();
      node.tail_size = old_nodes[before].tail_size;
      tails_.append(old_tails, old_nodes[before].tail, node.tail_size);
      if (values_.count(entry) <= 0) continue;
      node.in_heap = true;
      Multiset::Head& head = HeadOf(states, values_.group_of(entry));
      head.root = Meld(head.root, entry + 1);
    }
    return Status::OK();
  }

  SchemaPtr schema_;
  mutable std::vector<Node> nodes_;  // by entry; heaps tidy themselves when they are asked
  std::string tails_;
};

/// group: a list of the values, nulls too. concat: the lists of all rows joined. Equal values stand together.
template <bool kConcat>
class ListOfMany final : public KeepsValues {
 public:
  ListOfMany(const TypePtr& value, TypePtr output) : KeepsValues(value, std::move(output)) {}
  Status Update(const AggregateRows& in, StateRows states) override {
    return Add(in.values->Slice(in.begin, in.rows), in.groups, in.weights, states);
  }
  Status Merge(const std::vector<ArrayDataPtr>& partial, const uint32_t* groups, int64_t rows,
               StateRows states) override {
    return Multiset::ForPartial(
        partial, groups, rows,
        [&](const ArrayDataPtr& values, const uint32_t* of, auto* counts) { return Add(values, of, counts, states); });
  }
  Result<ArrayDataPtr> Finish(StateRows states, uint32_t begin, uint32_t end, std::vector<RowError>*) const override {
    std::vector<uint32_t> entries, of_group;
    std::vector<int32_t> rows, offsets{0};
    std::vector<uint8_t> seen;
    for (uint32_t group = begin; group < end; ++group) {
      of_group.clear();
      values_.Entries(HeadOf(states, group), &of_group);
      uint8_t any = 0;
      for (uint32_t entry : of_group) {
        const int64_t count = values_.count(entry);
        if (count <= 0) continue;
        any = 1;
        rows.insert(rows.end(), static_cast<size_t>(count), static_cast<int32_t>(entries.size()));
        entries.push_back(entry);
      }
      seen.push_back(any);
      offsets.push_back(static_cast<int32_t>(rows.size()));
    }
    WEIR_ASSIGN_OR_RETURN(ArrayDataPtr values, values_.Values(entries));
    WEIR_ASSIGN_OR_RETURN(ArrayDataPtr items, GatherColumn(values, rows));
    return kConcat ? Joined(items, offsets, end - begin) : ListColumn(items, std::move(offsets), seen);
  }

 private:
  Status Add(const ArrayDataPtr& values, const uint32_t* groups, const int64_t* weights, StateRows states) {
    WEIR_RETURN_NOT_OK(values_.Add(values, groups, weights, states, [](uint32_t, int64_t, bool) {}));
    return values_.wants_compaction() ? values_.Compact(states).status() : Status::OK();
  }

  /// `seen`: per list, whether it is one; else null.
  Result<ArrayDataPtr> ListColumn(const ArrayDataPtr& items, std::vector<int32_t> offsets,
                                  const std::vector<uint8_t>& seen) const {
    const auto count = static_cast<int64_t>(seen.size());
    WEIR_ASSIGN_OR_RETURN(auto valid, arrow::AllocateEmptyBitmap(count));
    int64_t nulls = 0;
    for (int64_t i = 0; i < count; ++i) {
      arrow::bit_util::SetBitTo(valid->mutable_data(), i, seen[i] != 0);
      nulls += seen[i] == 0;
    }
    return arrow::ArrayData::Make(
        output_type(), count,
        {nulls > 0 ? BufferPtr(std::move(valid)) : nullptr, BufferPtr(arrow::Buffer::FromVector(std::move(offsets)))},
        {items}, nulls);
  }

  /// The lists `lists`, of which group i has rows [offsets[i], offsets[i + 1]), as one list for each group.
  Result<ArrayDataPtr> Joined(const ArrayDataPtr& lists, const std::vector<int32_t>& offsets, int64_t groups) const {
    const auto* inner = lists->GetValues<int32_t>(1);
    std::vector<int32_t> joined{0}, rows;
    std::vector<uint8_t> seen;
    for (int64_t group = 0; group < groups; ++group) {
      uint8_t any = 0;
      for (int32_t at = offsets[group]; at < offsets[group + 1]; ++at) {
        if (lists->IsNull(at)) continue;
        any = 1;
        for (int32_t item = inner[at]; item < inner[at + 1]; ++item) rows.push_back(item);
      }
      seen.push_back(any);
      joined.push_back(static_cast<int32_t>(rows.size()));
    }
    WEIR_ASSIGN_OR_RETURN(ArrayDataPtr items, GatherColumn(lists->child_data[0], rows));
    return ListColumn(items, std::move(joined), seen);
  }
};

class DistinctOfMany final : public KeepsValues {
 public:
  explicit DistinctOfMany(const TypePtr& value) : KeepsValues(value, arrow::int64()) {}
  Status Update(const AggregateRows& in, StateRows states) override {
    return Add(in.values->Slice(in.begin, in.rows), in.groups, in.weights, states);
  }
  Status Merge(const std::vector<ArrayDataPtr>& partial, const uint32_t* groups, int64_t rows,
               StateRows states) override {
    return Multiset::ForPartial(
        partial, groups, rows,
        [&](const ArrayDataPtr& values, const uint32_t* of, auto* counts) { return Add(values, of, counts, states); });
  }
  Result<ArrayDataPtr> Finish(StateRows states, uint32_t begin, uint32_t end, std::vector<RowError>*) const override {
    return kernel::MakeDense<int64_t>(arrow::int64(), end - begin,
                                      [&](int64_t i) { return HeadOf(states, begin + i).number; });
  }

 private:
  Status Add(const ArrayDataPtr& values, const uint32_t* groups, const int64_t* weights, StateRows states) {
    WEIR_RETURN_NOT_OK(values_.Add(values, groups, weights, states, [&](uint32_t, int64_t row, bool there) {
      if (!values->IsNull(row)) HeadOf(states, groups[row]).number += there ? 1 : -1;
    }));
    return values_.wants_compaction() ? values_.Compact(states).status() : Status::OK();
  }
};

/// variance and stddev of a sample: in two passes over the values that are there.
template <bool kRoot>
class VarianceOfMany final : public KeepsValues {
 public:
  explicit VarianceOfMany(const TypePtr& value) : KeepsValues(value, arrow::float64()) {}
  Status Update(const AggregateRows& in, StateRows states) override {
    return Add(in.values->Slice(in.begin, in.rows), in.groups, in.weights, states);
  }
  Status Merge(const std::vector<ArrayDataPtr>& partial, const uint32_t* groups, int64_t rows,
               StateRows states) override {
    return Multiset::ForPartial(
        partial, groups, rows,
        [&](const ArrayDataPtr& values, const uint32_t* of, auto* counts) { return Add(values, of, counts, states); });
  }
  Result<ArrayDataPtr> Finish(StateRows states, uint32_t begin, uint32_t end, std::vector<RowError>*) const override {
    std::vector<uint32_t> entries;
    std::vector<size_t> ends;
    for (uint32_t group = begin; group < end; ++group) {
      values_.Entries(HeadOf(states, group), &entries);
      ends.push_back(entries.size());
    }
    WEIR_ASSIGN_OR_RETURN(ArrayDataPtr column, values_.Values(entries));
    size_t at = 0;
    return kernel::MakeColumn<double>(arrow::float64(), end - begin, [&](int64_t i, double* out) {
      const bool good = VarianceOf(*column, entries, at, ends[i], out);
      at = ends[i];
      return good;
    });
  }

 private:
  Status Add(const ArrayDataPtr& values, const uint32_t* groups, const int64_t* weights, StateRows states) {
    WEIR_RETURN_NOT_OK(values_.Add(values, groups, weights, states, [](uint32_t, int64_t, bool) {}));
    return values_.wants_compaction() ? values_.Compact(states).status() : Status::OK();
  }

  bool VarianceOf(const arrow::ArrayData& column, const std::vector<uint32_t>& entries, size_t begin, size_t end,
                  double* out) const {
    const bool integers = column.type->id() == Type::INT64;
    const auto each = [&](auto fn) {
      for (size_t i = begin; i < end; ++i) {
        const int64_t count = values_.count(entries[i]);
        if (count <= 0 || column.IsNull(static_cast<int64_t>(i))) continue;
        fn(integers ? static_cast<double>(column.GetValues<int64_t>(1)[i]) : column.GetValues<double>(1)[i],
           static_cast<double>(count));
      }
    };
    double total = 0, sum = 0, squares = 0;
    each([&](double value, double count) {
      total += count;
      sum += value * count;
    });
    if (total < 2) return false;
    const double mean = sum / total;
    each([&](double value, double count) { squares += (value - mean) * (value - mean) * count; });
    const double variance = squares / (total - 1);
    *out = kRoot ? std::sqrt(variance) : variance;
    return true;
  }
};

/// The form of `Form` for the types that the plain function takes.
template <class Form>
Result<std::unique_ptr<Aggregate>> MakeIf(Result<std::unique_ptr<Aggregate>> (*plain)(const TypePtr&),
                                          const TypePtr& input) {
  WEIR_RETURN_NOT_OK(plain(input).status());
  return std::make_unique<Form>(input);
}

Result<std::unique_ptr<Aggregate>> MakeMinOfMany(const TypePtr& input) {
  return input->id() == Type::BOOL ? MakeMin(input) : MakeIf<ExtremeOfMany<false>>(MakeMin, input);
}
Result<std::unique_ptr<Aggregate>> MakeMaxOfMany(const TypePtr& input) {
  return input->id() == Type::BOOL ? MakeMax(input) : MakeIf<ExtremeOfMany<true>>(MakeMax, input);
}
Result<std::unique_ptr<Aggregate>> MakeGroupOfMany(const TypePtr& input) {
  return std::make_unique<ListOfMany<false>>(input, arrow::list(input));
}
Result<std::unique_ptr<Aggregate>> MakeConcatOfMany(const TypePtr& input) {
  WEIR_RETURN_NOT_OK(MakeConcat(input).status());
  return std::make_unique<ListOfMany<true>>(input, input);
}
Result<std::unique_ptr<Aggregate>> MakeCountDistinctOfMany(const TypePtr& input) {
  return MakeIf<DistinctOfMany>(MakeCountDistinct, input);
}
Result<std::unique_ptr<Aggregate>> MakeVarianceOfMany(const TypePtr& input) {
  return MakeIf<VarianceOfMany<false>>(MakeVariance, input);
}
Result<std::unique_ptr<Aggregate>> MakeStddevOfMany(const TypePtr& input) {
  return MakeIf<VarianceOfMany<true>>(MakeStddev, input);
}

}  // namespace

const AggregateFunction* RetractingForm(const AggregateFunction& function) {
  static const std::vector<AggregateFunction> kForms = {
      {"max", "", true, true, MakeMaxOfMany},
      {"min", "", true, true, MakeMinOfMany},
      {"group", "", true, true, MakeGroupOfMany},
      {"concat", "", true, true, MakeConcatOfMany},
      {"count_distinct", "", true, true, MakeCountDistinctOfMany},
      {"variance", "", true, true, MakeVarianceOfMany},
      {"stddev", "", true, true, MakeStddevOfMany},
  };
  if (function.can_retract) return &function;
  for (const AggregateFunction& form : kForms) {
    if (std::string_view(form.name) == function.name) return &form;
  }
  return nullptr;
}

}  // namespace weir
