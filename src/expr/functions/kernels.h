// Kernel templates that several function files share.
#pragma once

#include <cmath>
#include <cstring>

#include "expr/check/functions.h"
#include "expr/run/frame.h"

namespace weir::expr {

/// out = Op(a, b) over fixed-width values; Op cannot fail. The dense loops vectorise.
template <class R, class A, class B, class Op>
void Binary(Frame& f) {
  R* __restrict out = f.values<R>();
  const A* a = f.args[0].data<A>();
  const B* b = f.args[1].data<B>();
  const bool a_constant = f.args[0].constant, b_constant = f.args[1].constant;
  const int n = f.rows.count;
  if (!f.rows.dense()) {
    ForRows(f.rows, [&](int i) { out[i] = Op()(a[a_constant ? 0 : i], b[b_constant ? 0 : i]); });
  } else if (b_constant) {
    const B value = b[0];
    if (a_constant) {
      for (int i = 0; i < n; ++i) out[i] = Op()(a[0], value);
    } else {
      for (int i = 0; i < n; ++i) out[i] = Op()(a[i], value);
    }
  } else if (a_constant) {
    const A value = a[0];
    for (int i = 0; i < n; ++i) out[i] = Op()(value, b[i]);
  } else {
    for (int i = 0; i < n; ++i) out[i] = Op()(a[i], b[i]);
  }
}

template <class R, class A, class Op>
void Unary(Frame& f) {
  R* __restrict out = f.values<R>();
  const A* a = f.args[0].data<A>();
  const size_t stride = f.args[0].constant ? 0 : 1;
  if (f.rows.dense() && stride == 1) {
    for (int i = 0; i < f.rows.count; ++i) out[i] = Op()(a[i]);
  } else {
    ForRows(f.rows, [&](int i) { out[i] = Op()(a[stride * i]); });
  }
}

/// Total order of doubles, as PostgreSQL and DuckDB have it: NaN equals itself and is above everything else.
struct TotalOrder {
  static bool Equal(double a, double b) { return (a == b) | ((a != a) & (b != b)); }
  static bool Less(double a, double b) { return (a < b) | ((a == a) & (b != b)); }
};

inline int CompareStrings(const StringRef& a, const StringRef& b) {
  size_t n = a.size < b.size ? a.size : b.size;
  int c = n == 0 ? 0 : std::memcmp(a.data, b.data, n);
  return c != 0 ? c : a.size < b.size ? -1 : a.size > b.size ? 1 : 0;
}

inline bool EqualStrings(const StringRef& a, const StringRef& b) {
  return a.size == b.size && (a.size == 0 || std::memcmp(a.data, b.data, a.size) == 0);
}

}  // namespace weir::expr
