// min and max of every type that has an order, and the truth aggregates all and any.
#include <cmath>
#include <cstring>
#include <string_view>

#include "state/aggregate/aggregate.h"
#include "state/aggregate/aggregate_kernels.h"
#include "state/hash/huge_buffer.h"

namespace weir {

using arrow::Type;

namespace {

/// The order of values; NaN is greater than every number.
template <class T>
bool Less(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a)) return false;
    if (std::isnan(b)) return true;
  }
  return a < b;
}

template <class T, bool kMax>
class ExtremeOfFixed final : public Aggregate {
 public:
  explicit ExtremeOfFixed(TypePtr type) : Aggregate(std::move(type)) {}
  int64_t state_bytes() const override { return sizeof(State); }
  std::vector<TypePtr> partial_types() const override { return {output_type()}; }
  Status Update(const AggregateRows& in, StateRows states) override {
    if (kernel::AnyNegative(in)) return kernel::CannotRetract(kMax ? "max" : "min");
    AggregateRows rows = in;
    rows.weights = nullptr;
    const uint8_t* values = in.values->buffers[1]->data() + in.values->offset * sizeof(T);
    kernel::ForEachValid(rows, [=](int64_t i, uint32_t group, int64_t) {
      T value;
      std::memcpy(&value, values + i * sizeof(T), sizeof(T));
      if constexpr (std::is_floating_point_v<T>) value += 0.0;  // -0.0 is 0.0, else the order of rows would show
      Add(value, &states.at<State>(group));
    });
    return Status::OK();
  }
  Status Merge(const std::vector<ArrayDataPtr>& partial, const uint32_t* groups, int64_t rows,
               StateRows states) override {
    return Update({partial[0].get(), nullptr, groups, 0, rows}, states);
  }
  Result<std::vector<ArrayDataPtr>> Partial(StateRows states, uint32_t begin, uint32_t end) const override {
    WEIR_ASSIGN_OR_RETURN(auto values, Finish(states, begin, end, nullptr));
    return std::vector<ArrayDataPtr>{values};
  }
  Result<ArrayDataPtr> Finish(StateRows states, uint32_t begin, uint32_t end, std::vector<RowError>*) const override {
    return kernel::MakeColumn<T>(output_type(), end - begin, [&](int64_t i, T* out) {
      const auto& state = states.at<State>(static_cast<uint32_t>(begin + i));
      std::memcpy(out, state.value, sizeof(T));
      return state.seen != 0;
    });
  }

 private:
  struct State {
    uint64_t value[sizeof(T) <= 8 ? 1 : 2];  // rows are aligned to 8 bytes only
    uint64_t seen;
  };
  static void Add(const T& value, State* state) {
    T current;
    std::memcpy(&current, state->value, sizeof(T));
    const bool better = kMax ? Less(current, value) : Less(value, current);
    if (better || state->seen == 0) std::memcpy(state->value, &value, sizeof(T));
    state->seen = 1;
  }
};

template <bool kMax>
class ExtremeOfText final : public Aggregate {
 public:
  explicit ExtremeOfText(TypePtr type) : Aggregate(std::move(type)) {}
  int64_t state_bytes() const override { return sizeof(State); }
  std::vector<TypePtr> partial_types() const override { return {output_type()}; }
  Status Update(const AggregateRows& in, StateRows states) override {
    if (kernel::AnyNegative(in)) return kernel::CannotRetract(kMax ? "max" : "min");
    AggregateRows rows = in;
    rows.weights = nullptr;
    const auto* offsets = in.values->GetValues<int32_t>(1);
    const char* text = in.values->buffers[2] ? reinterpret_cast<const char*>(in.values->buffers[2]->data()) : "";
    kernel::ForEachValid(rows, [=, this](int64_t i, uint32_t group, int64_t) {
      Add({text + offsets[i], static_cast<size_t>(offsets[i + 1] - offsets[i])}, &states.at<State>(group));
    });
    return Status::OK();
  }
  Status Merge(const std::vector<ArrayDataPtr>& partial, const uint32_t* groups, int64_t rows,
               StateRows states) override {
    return Update({partial[0].get(), nullptr, groups, 0, rows}, states);
  }
  Result<std::vector<ArrayDataPtr>> Partial(StateRows states, uint32_t begin, uint32_t end) const override {
    WEIR_ASSIGN_OR_RETURN(auto values, Finish(states, begin, end, nullptr));
    return std::vector<ArrayDataPtr>{values};
  }
  Result<ArrayDataPtr> Finish(StateRows states, uint32_t begin, uint32_t end, std::vector<RowError>*) const override {
    int64_t total = 0;
    for (uint32_t g = begin; g < end; ++g) total += states.at<State>(g).length;
    if (total > INT32_MAX) return Status::CapacityError("results of ", total, " bytes in one batch; at most 2 GiB fit");
    WEIR_ASSIGN_OR_RETURN(auto text, arrow::AllocateBuffer(total));
    int32_t at = 0;
    WEIR_ASSIGN_OR_RETURN(
        auto out, kernel::MakeColumn<int32_t>(output_type(), int64_t{end} - begin + 1, [&](int64_t i, int32_t* offset) {
          *offset = at;
          if (begin + i == end) return true;
          const auto& state = states.at<State>(static_cast<uint32_t>(begin + i));
          if (state.length > 0) std::memcpy(text->mutable_data() + at, arena_.data() + state.offset, state.length);
          at += static_cast<int32_t>(state.length);
          return state.seen != 0;
        }));
    out->length = end - begin;
    out->buffers.push_back(std::move(text));
    return out;
  }
  int64_t extra_bytes() const override { return static_cast<int64_t>(arena_.capacity()); }
  void Clear() override {
    arena_.Clear();
    used_ = 0;
  }

 private:
  struct State {
    uint64_t offset;
    uint32_t length, room;
    uint64_t seen;
  };
  void Add(std::string_view value, State* state) {
    const std::string_view current(reinterpret_cast<const char*>(arena_.data()) + state->offset, state->length);
    if (state->seen != 0 && !(kMax ? current < value : value < current)) return;
    if (value.size() > state->room) {  // a new place with room for a longer one; the old is lost until Clear
      state->room = static_cast<uint32_t>(state->seen != 0 ? value.size() * 2 : value.size());
      state->offset = used_;
      used_ += state->room;
      arena_.Reserve(used_);
    }
    if (!value.empty()) std::memcpy(arena_.data() + state->offset, value.data(), value.size());
    state->length = static_cast<uint32_t>(value.size());
    state->seen = 1;
  }

  HugeBuffer arena_;
  uint64_t used_ = 0;
};

/// Of how many values, how many are true: all = every one of them, any = at least one. Truth as in Python.
template <bool kAll>
class Truth final : public Aggregate {
 public:
  explicit Truth(TypePtr input) : Aggregate(arrow::boolean()), input_(std::move(input)) {}
  int64_t state_bytes() const override { return sizeof(State); }
  std::vector<TypePtr> partial_types() const override { return {arrow::int64(), arrow::int64()}; }
  Status Update(const AggregateRows& in, StateRows states) override {
    const arrow::ArrayData& values = *in.values;
    switch (input_->id()) {
      case Type::BOOL: {
        const uint8_t* bits = values.buffers[1]->data();
        Add(in, states, [&](int64_t i) { return arrow::bit_util::GetBit(bits, values.offset + i); });
        break;
      }
      case Type::INT64: {
        const auto* numbers = values.GetValues<int64_t>(1);
        Add(in, states, [=](int64_t i) { return numbers[i] != 0; });
        break;
      }
      case Type::DOUBLE: {
        const auto* numbers = values.GetValues<double>(1);
        Add(in, states, [=](int64_t i) { return numbers[i] != 0; });
        break;
      }
      default: {  // text and lists: not empty
        const auto* offsets = values.GetValues<int32_t>(1);
        Add(in, states, [=](int64_t i) { return offsets[i + 1] > offsets[i]; });
      }
    }
    return Status::OK();
  }
  Status Merge(const std::vector<ArrayDataPtr>& partial, const uint32_t* groups, int64_t rows,
               StateRows states) override {
    const auto* counts = partial[0]->GetValues<int64_t>(1);
    const auto* trues = partial[1]->GetValues<int64_t>(1);
    for (int64_t i = 0; i < rows; ++i) {
      states.at<State>(groups[i]).count += counts[i];
      states.at<State>(groups[i]).trues += trues[i];
    }
    return Status::OK();
  }
  Result<std::vector<ArrayDataPtr>> Partial(StateRows states, uint32_t begin, uint32_t end) const override {
    const auto state = [&](int64_t i) -> const State& { return states.at<State>(static_cast<uint32_t>(begin + i)); };
    WEIR_ASSIGN_OR_RETURN(auto counts, kernel::MakeDense<int64_t>(arrow::int64(), end - begin,
                                                                  [&](int64_t i) { return state(i).count; }));
    WEIR_ASSIGN_OR_RETURN(
        auto trues, kernel::MakeDense<int64_t>(arrow::int64(), end - begin, [&](int64_t i) { return state(i).trues; }));
    return std::vector<ArrayDataPtr>{counts, trues};
  }
  Result<ArrayDataPtr> Finish(StateRows states, uint32_t begin, uint32_t end, std::vector<RowError>*) const override {
    return kernel::MakeBooleans(end - begin, [&](int64_t i, bool* out) {
      const auto& state = states.at<State>(static_cast<uint32_t>(begin + i));
      *out = kAll ? state.trues == state.count : state.trues > 0;
      return state.count != 0;
    });
  }

 private:
  struct State {
    int64_t count, trues;
  };
  template <class IsTrue>
  void Add(const AggregateRows& in, StateRows states, IsTrue is_true) {
    kernel::ForEachValid(in, [&](int64_t i, uint32_t group, int64_t weight) {
      auto& state = states.at<State>(group);
      state.count += weight;
      if (is_true(i)) state.trues += weight;
    });
  }
  TypePtr input_;
};

/// Booleans as bytes would need their own loop; counting the true ones gives both extremes.
template <bool kMax>
Result<std::unique_ptr<Aggregate>> MakeExtreme(const TypePtr& input) {
  switch (input->id()) {
    case Type::BOOL:
      return std::make_unique<Truth<!kMax>>(input);
    case Type::INT64:
    case Type::TIMESTAMP:
      return std::make_unique<ExtremeOfFixed<int64_t, kMax>>(input);
    case Type::DATE32:
      return std::make_unique<ExtremeOfFixed<int32_t, kMax>>(input);
    case Type::DOUBLE:
      return std::make_unique<ExtremeOfFixed<double, kMax>>(input);
    case Type::DECIMAL128:
      return std::make_unique<ExtremeOfFixed<__int128, kMax>>(input);
    case Type::STRING:
    case Type::BINARY:
      return std::make_unique<ExtremeOfText<kMax>>(input);
    default:
      return Status::TypeError(kMax ? "max" : "min", " needs values with an order, not ", TypeName(*input));
  }
}

template <bool kAll>
Result<std::unique_ptr<Aggregate>> MakeTruth(const TypePtr& input) {
  switch (input->id()) {
    case Type::BOOL:
    case Type::INT64:
    case Type::DOUBLE:
    case Type::STRING:
    case Type::BINARY:
    case Type::LIST:
    case Type::MAP:
      return std::make_unique<Truth<kAll>>(input);
    default:
      return Status::TypeError(kAll ? "all" : "any", " needs values that are true or false, not ", TypeName(*input));
  }
}

}  // namespace

Result<std::unique_ptr<Aggregate>> MakeMin(const TypePtr& input) { return MakeExtreme<false>(input); }
Result<std::unique_ptr<Aggregate>> MakeMax(const TypePtr& input) { return MakeExtreme<true>(input); }
Result<std::unique_ptr<Aggregate>> MakeAll(const TypePtr& input) { return MakeTruth<true>(input); }
Result<std::unique_ptr<Aggregate>> MakeAny(const TypePtr& input) { return MakeTruth<false>(input); }

}  // namespace weir
