// Frame and Row: what a kernel sees, and the adaptor that makes a kernel of a function over one row's values.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "batch/row_error.h"
#include "expr/run/vec.h"

namespace weir::expr {

/// What a call's constant arguments were made into at plan time: a regular expression, a set. Shared by lanes:
/// immutable.
struct KernelState {
  virtual ~KernelState() = default;
};

struct ErrorSink {
  std::vector<RowError>* errors = nullptr;
  int64_t chunk_start = 0;
};

/// One call of a kernel: arguments, the rows to compute, the register to fill. A kernel writes out->values at `rows`
/// only; the null bytes of `out` are set before (null where an argument is null) unless the kernel handles nulls
/// itself.
struct Frame {
  Rows rows;
  const Vec* args = nullptr;
  int num_args = 0;
  Vec* out = nullptr;
  Scratch* scratch = nullptr;
  ErrorSink* sink = nullptr;
  const KernelState* state = nullptr;
  const TypePtr* arg_types = nullptr;  // of args
  const TypePtr* type = nullptr;       // of out
  Status status;                       // what ends the run: memory

  template <class T>
  T* values() {
    return static_cast<T*>(const_cast<void*>(out->values));
  }
  void SetNull(int row) { MutableValid(scratch, out, rows.chunk)[row] = 0; }
  /// Rejects a row, which is null from here on. `message` says what is wrong and the value.
  void Fail(int row, std::string message) {
    sink->errors->push_back({sink->chunk_start + row, std::move(message)});
    SetNull(row);
  }
  StringRef Copy(std::string_view s) {
    char* to = scratch->arena().Allocate(s.size());
    if (!s.empty()) __builtin_memcpy(to, s.data(), s.size());
    return {to, s.size()};
  }
  template <class S>
  const S& state_as() const {
    return static_cast<const S&>(*state);
  }
};

using KernelFn = void (*)(Frame&);

/// A list, struct or map value: row `row` of `array`.
struct NestedRef {
  const arrow::ArrayData* array;
  int32_t row;
};

namespace internal {

template <class A>
struct Arg {
  const A* values;
  size_t stride;
  explicit Arg(const Vec& vec) : values(vec.data<A>()), stride(vec.constant ? 0 : 1) {}
  A operator[](int row) const { return values[stride * row]; }
};

template <>
struct Arg<NestedRef> {
  const arrow::ArrayData* array;
  const int32_t* rows;
  size_t stride;
  explicit Arg(const Vec& vec) : array(vec.array), rows(vec.data<int32_t>()), stride(vec.constant ? 0 : 1) {}
  NestedRef operator[](int row) const { return {array, rows[stride * row]}; }
};

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {
  using Value = T;
};

template <auto Fn, class R, class... A, size_t... I>
void RunRows(Frame& f, R (*)(Frame&, int, A...), std::index_sequence<I...>) {
  std::tuple<Arg<A>...> args{Arg<A>(f.args[I])...};
  if constexpr (IsOptional<R>::value) {
    auto* out = f.values<typename IsOptional<R>::Value>();
    ForRows(f.rows, [&](int i) {
      R result = Fn(f, i, std::get<I>(args)[i]...);
      out[i] = result ? *result : typename IsOptional<R>::Value{};
      if (!result) f.SetNull(i);
    });
  } else {
    auto* out = f.values<R>();
    ForRows(f.rows, [&](int i) { out[i] = Fn(f, i, std::get<I>(args)[i]...); });
  }
}

template <class R, class... A>
constexpr size_t CountArgs(R (*)(Frame&, int, A...)) {
  return sizeof...(A);
}

}  // namespace internal

/// The kernel of `R Fn(Frame&, int row, A…)`, called once per row with all arguments valid. Values: int64_t, double,
/// uint8_t (boolean), StringRef, Int128, NestedRef (arguments only); std::optional<…> as result gives null for nullopt.
template <auto Fn>
void Row(Frame& frame) {
  internal::RunRows<Fn>(frame, Fn, std::make_index_sequence<internal::CountArgs(Fn)>{});
}

}  // namespace weir::expr
