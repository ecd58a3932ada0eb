// variance and stddev of a sample, by mean and sum of squares about it.
// Update: Welford (1962); merge: Chan, Golub, LeVeque (1979).
#include <cmath>

#include "state/aggregate/aggregate.h"
#include "state/aggregate/aggregate_kernels.h"

namespace weir {

using arrow::Type;

namespace {

struct State {
  int64_t count;
  double mean;
  double squares;  // sum of (x − mean)²

  void Merge(const State& other) {
    if (other.count == 0) return;
    const auto total = static_cast<double>(count + other.count);
    const double apart = other.mean - mean;
    squares += other.squares + apart * apart * static_cast<double>(count) * static_cast<double>(other.count) / total;
    mean += apart * static_cast<double>(other.count) / total;
    count += other.count;
  }
};

template <bool kRoot>
class Variance final : public Aggregate {
 public:
  explicit Variance(TypePtr input) : Aggregate(arrow::float64()), input_(std::move(input)) {}
  int64_t state_bytes() const override { return sizeof(State); }
  std::vector<TypePtr> partial_types() const override { return {arrow::int64(), arrow::float64(), arrow::float64()}; }
  Status Update(const AggregateRows& in, StateRows states) override {
    if (kernel::AnyNegative(in)) return kernel::CannotRetract(kRoot ? "stddev" : "variance");
    if (input_->id() == Type::INT64) {
      const auto* values = in.values->GetValues<int64_t>(1);
      Add(in, states, [=](int64_t i) { return static_cast<double>(values[i]); });
    } else {
      const auto* values = in.values->GetValues<double>(1);
      Add(in, states, [=](int64_t i) { return values[i]; });
    }
    return Status::OK();
  }
  Status Merge(const std::vector<ArrayDataPtr>& partial, const uint32_t* groups, int64_t rows,
               StateRows states) override {
    const auto* counts = partial[0]->GetValues<int64_t>(1);
    const auto* means = partial[1]->GetValues<double>(1);
    const auto* squares = partial[2]->GetValues<double>(1);
    for (int64_t i = 0; i < rows; ++i) states.at<State>(groups[i]).Merge({counts[i], means[i], squares[i]});
    return Status::OK();
  }
  Result<std::vector<ArrayDataPtr>> Partial(StateRows states, uint32_t begin, uint32_t end) const override {
    const auto state = [&](int64_t i) -> const State& { return states.at<State>(static_cast<uint32_t>(begin + i)); };
    const int64_t count = end - begin;
    WEIR_ASSIGN_OR_RETURN(auto counts,
                          kernel::MakeDense<int64_t>(arrow::int64(), count, [&](int64_t i) { return state(i).count; }));
    WEIR_ASSIGN_OR_RETURN(auto means,
                          kernel::MakeDense<double>(arrow::float64(), count, [&](int64_t i) { return state(i).mean; }));
    WEIR_ASSIGN_OR_RETURN(
        auto squares, kernel::MakeDense<double>(arrow::float64(), count, [&](int64_t i) { return state(i).squares; }));
    return std::vector<ArrayDataPtr>{counts, means, squares};
  }
  Result<ArrayDataPtr> Finish(StateRows states, uint32_t begin, uint32_t end, std::vector<RowError>*) const override {
    return kernel::MakeColumn<double>(arrow::float64(), end - begin, [&](int64_t i, double* out) {
      const auto& state = states.at<State>(static_cast<uint32_t>(begin + i));
      if (state.count < 2) return false;
      const double variance = state.squares / static_cast<double>(state.count - 1);
      *out = kRoot ? std::sqrt(variance) : variance;
      return true;
    });
  }

 private:
  template <class Value>
  void Add(const AggregateRows& in, StateRows states, Value value) {
    kernel::ForEachValid(in, [&](int64_t i, uint32_t group, int64_t weight) {
      states.at<State>(group).Merge({weight, value(i), 0});
    });
  }
  TypePtr input_;
};

template <bool kRoot>
Result<std::unique_ptr<Aggregate>> Make(const TypePtr& input) {
  if (input->id() != Type::INT64 && input->id() != Type::DOUBLE) {
    return Status::TypeError(kRoot ? "stddev" : "variance", " needs integers or numbers, not ", TypeName(*input));
  }
  return std::make_unique<Variance<kRoot>>(input);
}

}  // namespace

Result<std::unique_ptr<Aggregate>> MakeVariance(const TypePtr& input) { return Make<false>(input); }
Result<std::unique_ptr<Aggregate>> MakeStddev(const TypePtr& input) { return Make<true>(input); }

}  // namespace weir
