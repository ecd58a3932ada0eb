// count, sum and mean: invertible, a few words per group.
#include <cmath>
#include <cstring>
#include <limits>

#include "state/aggregate/aggregate.h"
#include "state/aggregate/aggregate_kernels.h"

namespace weir {

using arrow::Type;

namespace {

using Int128 = __int128;

class Count final : public Aggregate {
 public:
  Count() : Aggregate(arrow::int64()) {}
  int64_t state_bytes() const override { return 8; }
  std::vector<TypePtr> partial_types() const override { return {arrow::int64()}; }
  Status Update(const AggregateRows& in, StateRows states) override {
    AggregateRows rows = in;
    rows.values = nullptr;  // null or not, a row counts
    kernel::ForEachValid(rows, [&](int64_t, uint32_t group, int64_t weight) { states.at<int64_t>(group) += weight; });
    return Status::OK();
  }
  Status Merge(const std::vector<ArrayDataPtr>& partial, const uint32_t* groups, int64_t rows,
               StateRows states) override {
    const auto* counts = partial[0]->GetValues<int64_t>(1);
    for (int64_t i = 0; i < rows; ++i) states.at<int64_t>(groups[i]) += counts[i];
    return Status::OK();
  }
  Result<std::vector<ArrayDataPtr>> Partial(StateRows states, uint32_t begin, uint32_t end) const override {
    WEIR_ASSIGN_OR_RETURN(auto counts, Finish(states, begin, end, nullptr));
    return std::vector<ArrayDataPtr>{counts};
  }
  Result<ArrayDataPtr> Finish(StateRows states, uint32_t begin, uint32_t end, std::vector<RowError>*) const override {
    return kernel::MakeDense<int64_t>(arrow::int64(), end - begin,
                                      [&](int64_t i) { return states.at<int64_t>(begin + i); });
  }
};

/// Sum and number of non-null values.
struct ExactState {
  uint64_t low;  // a 128-bit sum in two words: rows are aligned to 8 bytes only
  int64_t high;
  int64_t count;

  Int128 sum() const { return static_cast<Int128>(high) << 64 | low; }
  void Add(Int128 value) {
    const Int128 total = sum() + value;
    low = static_cast<uint64_t>(total);
    high = static_cast<int64_t>(total >> 64);
  }
};

struct DoubleState {
  double sum;
  double lost;  // what rounding took from the sum so far (Neumaier)
  int64_t count;

  void Add(double value) {
    const double total = sum + value;
    lost += std::fabs(sum) >= std::fabs(value) ? (sum - total) + value : (value - total) + sum;
    sum = total;
  }
  /// Infinities and NaN make `lost` NaN; then the plain sum is right.
  double total() const { return std::isfinite(sum) ? sum + lost : sum; }
};

std::string Int128ToString(Int128 value) {
  if (value == 0) return "0";
  std::string digits;
  const bool negative = value < 0;
  auto rest = negative ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  for (; rest > 0; rest /= 10) digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
  return negative ? "-" + digits : digits;
}

/// Integers, booleans and decimals, summed in 128 bits.
class ExactSum : public Aggregate {
 public:
  ExactSum(TypePtr input, TypePtr output) : Aggregate(std::move(output)), input_(std::move(input)) {}
  int64_t state_bytes() const override { return sizeof(ExactState); }
  std::vector<TypePtr> partial_types() const override { return {arrow::decimal128(38, 0), arrow::int64()}; }

  Status Update(const AggregateRows& in, StateRows states) override {
    if (input_->id() == Type::INT64) {
      const auto* values = in.values->GetValues<int64_t>(1);
      if (in.weights == nullptr) {
        kernel::ForEachValid(in, [=](int64_t i, uint32_t group, int64_t) {
          auto& state = states.at<ExactState>(group);
          state.high +=
              (values[i] >> 63) + __builtin_add_overflow(state.low, static_cast<uint64_t>(values[i]), &state.low);
          ++state.count;
        });
        return Status::OK();
      }
      Add(in, states, [=](int64_t i) { return Int128{values[i]}; });
    } else if (input_->id() == Type::BOOL) {
      const uint8_t* bits = in.values->buffers[1]->data();
      const int64_t offset = in.values->offset;
      Add(in, states, [=](int64_t i) { return Int128{arrow::bit_util::GetBit(bits, offset + i)}; });
    } else {
      const uint8_t* values = in.values->buffers[1]->data() + in.values->offset * 16;
      Add(in, states, [=](int64_t i) {
        Int128 value;
        std::memcpy(&value, values + i * 16, 16);
        return value;
      });
    }
    return Status::OK();
  }
  Status Merge(const std::vector<ArrayDataPtr>& partial, const uint32_t* groups, int64_t rows,
               StateRows states) override {
    const uint8_t* sums = partial[0]->buffers[1]->data() + partial[0]->offset * 16;
    const auto* counts = partial[1]->GetValues<int64_t>(1);
    for (int64_t i = 0; i < rows; ++i) {
      Int128 value;
      std::memcpy(&value, sums + i * 16, 16);
      auto& state = states.at<ExactState>(groups[i]);
      state.Add(value);
      state.count += counts[i];
    }
    return Status::OK();
  }
  Result<std::vector<ArrayDataPtr>> Partial(StateRows states, uint32_t begin, uint32_t end) const override {
    WEIR_ASSIGN_OR_RETURN(auto sums, kernel::MakeDense<Int128>(arrow::decimal128(38, 0), end - begin, [&](int64_t i) {
                            return states.at<ExactState>(begin + i).sum();
                          }));
    WEIR_ASSIGN_OR_RETURN(auto counts, kernel::MakeDense<int64_t>(arrow::int64(), end - begin, [&](int64_t i) {
                            return states.at<ExactState>(begin + i).count;
                          }));
    return std::vector<ArrayDataPtr>{sums, counts};
  }
  Result<ArrayDataPtr> Finish(StateRows states, uint32_t begin, uint32_t end,
                              std::vector<RowError>* errors) const override {
    const bool decimal = output_type()->id() == Type::DECIMAL128;
    const Int128 limit = decimal ? DecimalLimit() : Int128{std::numeric_limits<int64_t>::max()};
    const auto value = [&](int64_t i, auto* out) {
      const auto& state = states.at<ExactState>(static_cast<uint32_t>(begin + i));
      const Int128 sum = state.sum();
      if (state.count == 0) return false;
      if (sum > limit || sum < -limit - (decimal ? 0 : 1)) {
        errors->push_back({i, "the sum " + Int128ToString(sum) +
                                  (decimal ? " has more than 38 digits" : " does not fit into 64 bits")});
        return false;
      }
      *out = static_cast<std::remove_pointer_t<decltype(out)>>(sum);
      return true;
    };
    if (decimal) return kernel::MakeColumn<Int128>(output_type(), end - begin, value);
    return kernel::MakeColumn<int64_t>(output_type(), end - begin, value);
  }

 private:
  static Int128 DecimalLimit() {
    Int128 limit = 1;
    for (int i = 0; i < 38; ++i) limit *= 10;
    return limit - 1;
  }
  template <class Value>
  void Add(const AggregateRows& in, StateRows states, Value value) {
    kernel::ForEachValid(in, [&](int64_t i, uint32_t group, int64_t weight) {
      auto& state = states.at<ExactState>(group);
      state.Add(value(i) * weight);
      state.count += weight;
    });
  }

  TypePtr input_;
};

class DoubleSum : public Aggregate {
 public:
  DoubleSum() : Aggregate(arrow::float64()) {}
  int64_t state_bytes() const override { return sizeof(DoubleState); }
  std::vector<TypePtr> partial_types() const override { return {arrow::float64(), arrow::float64(), arrow::int64()}; }
  Status Update(const AggregateRows& in, StateRows states) override {
    const auto* values = in.values->GetValues<double>(1);
    kernel::ForEachValid(in, [=](int64_t i, uint32_t group, int64_t weight) {
      auto& state = states.at<DoubleState>(group);
      state.Add(values[i] * static_cast<double>(weight));
      state.count += weight;
    });
    return Status::OK();
  }
  Status Merge(const std::vector<ArrayDataPtr>& partial, const uint32_t* groups, int64_t rows,
               StateRows states) override {
    const auto* sums = partial[0]->GetValues<double>(1);
    const auto* lost = partial[1]->GetValues<double>(1);
    const auto* counts = partial[2]->GetValues<int64_t>(1);
    for (int64_t i = 0; i < rows; ++i) {
      auto& state = states.at<DoubleState>(groups[i]);
      state.Add(sums[i]);
      state.lost += lost[i];
      state.count += counts[i];
    }
    return Status::OK();
  }
  Result<std::vector<ArrayDataPtr>> Partial(StateRows states, uint32_t begin, uint32_t end) const override {
    const auto state = [&](int64_t i) -> const DoubleState& {
      return states.at<DoubleState>(static_cast<uint32_t>(begin + i));
    };
    const int64_t count = end - begin;
    WEIR_ASSIGN_OR_RETURN(auto sums,
                          kernel::MakeDense<double>(arrow::float64(), count, [&](int64_t i) { return state(i).sum; }));
    WEIR_ASSIGN_OR_RETURN(auto lost,
                          kernel::MakeDense<double>(arrow::float64(), count, [&](int64_t i) { return state(i).lost; }));
    WEIR_ASSIGN_OR_RETURN(auto counts,
                          kernel::MakeDense<int64_t>(arrow::int64(), count, [&](int64_t i) { return state(i).count; }));
    return std::vector<ArrayDataPtr>{sums, lost, counts};
  }
  Result<ArrayDataPtr> Finish(StateRows states, uint32_t begin, uint32_t end, std::vector<RowError>*) const override {
    return kernel::MakeColumn<double>(arrow::float64(), end - begin, [&](int64_t i, double* out) {
      const auto& state = states.at<DoubleState>(static_cast<uint32_t>(begin + i));
      *out = state.total();
      return state.count != 0;
    });
  }
};

class ExactMean final : public ExactSum {
 public:
  ExactMean(TypePtr input, int scale) : ExactSum(std::move(input), arrow::float64()), divisor_(std::pow(10.0, scale)) {}
  Result<ArrayDataPtr> Finish(StateRows states, uint32_t begin, uint32_t end, std::vector<RowError>*) const override {
    return kernel::MakeColumn<double>(arrow::float64(), end - begin, [&](int64_t i, double* out) {
      const auto& state = states.at<ExactState>(static_cast<uint32_t>(begin + i));
      if (state.count == 0) return false;
      *out = static_cast<double>(state.sum()) / static_cast<double>(state.count) / divisor_;
      return true;
    });
  }

 private:
  double divisor_;
};

class DoubleMean final : public DoubleSum {
 public:
  Result<ArrayDataPtr> Finish(StateRows states, uint32_t begin, uint32_t end, std::vector<RowError>*) const override {
    return kernel::MakeColumn<double>(arrow::float64(), end - begin, [&](int64_t i, double* out) {
      const auto& state = states.at<DoubleState>(static_cast<uint32_t>(begin + i));
      if (state.count == 0) return false;
      *out = state.total() / static_cast<double>(state.count);
      return true;
    });
  }
};

int ScaleOf(const TypePtr& type) {
  return type->id() == Type::DECIMAL128 ? static_cast<const arrow::DecimalType&>(*type).scale() : 0;
}

}  // namespace

Result<std::unique_ptr<Aggregate>> MakeCount(const TypePtr&) { return std::make_unique<Count>(); }

Result<std::unique_ptr<Aggregate>> MakeSum(const TypePtr& input) {
  switch (input->id()) {
    case Type::INT64:
    case Type::BOOL:
      return std::make_unique<ExactSum>(input, arrow::int64());
    case Type::DECIMAL128:
      return std::make_unique<ExactSum>(input, arrow::decimal128(38, ScaleOf(input)));
    case Type::DOUBLE:
      return std::make_unique<DoubleSum>();
    default:
      return Status::TypeError("sum needs numbers, not ", TypeName(*input));
  }
}

Result<std::unique_ptr<Aggregate>> MakeMean(const TypePtr& input) {
  switch (input->id()) {
    case Type::INT64:
    case Type::BOOL:
    case Type::DECIMAL128:
      return std::make_unique<ExactMean>(input, ScaleOf(input));
    case Type::DOUBLE:
      return std::make_unique<DoubleMean>();
    default:
      return Status::TypeError("mean needs numbers, not ", TypeName(*input));
  }
}

}  // namespace weir
