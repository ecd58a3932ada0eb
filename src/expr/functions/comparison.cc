// Comparison, membership, truth and null: the kernels behind = < in is null not, and greatest, least, nullif.
#include <arrow/array/data.h>
#include <arrow/type.h>

#include <algorithm>
#include <bit>
#include <string_view>
#include <unordered_set>

#include "expr/functions/kernels.h"

namespace weir::expr {
namespace {

template <class T>
struct Eq {
  uint8_t operator()(T a, T b) const { return a == b; }
};
template <class T>
struct Ne {
  uint8_t operator()(T a, T b) const { return a != b; }
};
template <class T>
struct Lt {
  uint8_t operator()(T a, T b) const { return a < b; }
};
template <class T>
struct Le {
  uint8_t operator()(T a, T b) const { return a <= b; }
};

template <>
struct Eq<double> {
  uint8_t operator()(double a, double b) const { return TotalOrder::Equal(a, b); }
};
template <>
struct Ne<double> {
  uint8_t operator()(double a, double b) const { return !TotalOrder::Equal(a, b); }
};
template <>
struct Lt<double> {
  uint8_t operator()(double a, double b) const { return TotalOrder::Less(a, b); }
};
template <>
struct Le<double> {
  uint8_t operator()(double a, double b) const { return !TotalOrder::Less(b, a); }
};

template <>
struct Eq<StringRef> {
  uint8_t operator()(const StringRef& a, const StringRef& b) const { return EqualStrings(a, b); }
};
template <>
struct Ne<StringRef> {
  uint8_t operator()(const StringRef& a, const StringRef& b) const { return !EqualStrings(a, b); }
};
template <>
struct Lt<StringRef> {
  uint8_t operator()(const StringRef& a, const StringRef& b) const { return CompareStrings(a, b) < 0; }
};
template <>
struct Le<StringRef> {
  uint8_t operator()(const StringRef& a, const StringRef& b) const { return CompareStrings(a, b) <= 0; }
};

template <class T, template <class> class Op>
struct Swapped {
  uint8_t operator()(const T& a, const T& b) const { return Op<T>()(b, a); }
};

template <class T>
KernelFn CompareKernelOf(CompareOp op) {
  switch (op) {
    case CompareOp::kEq:
      return Binary<uint8_t, T, T, Eq<T>>;
    case CompareOp::kNe:
      return Binary<uint8_t, T, T, Ne<T>>;
    case CompareOp::kLt:
      return Binary<uint8_t, T, T, Lt<T>>;
    case CompareOp::kLe:
      return Binary<uint8_t, T, T, Le<T>>;
    case CompareOp::kGt:
      return Binary<uint8_t, T, T, Swapped<T, Lt>>;
    default:
      return Binary<uint8_t, T, T, Swapped<T, Le>>;
  }
}

// Members of a constant `in (…)`. Few integers are compared one by one, which vectorises; many are hashed.
struct InSet final : KernelState {
  std::vector<int64_t> few;
  std::unordered_set<int64_t> integers;
  std::unordered_set<std::string> strings;
  std::unordered_set<std::string_view> views;
  std::vector<Int128> decimals;
  bool has_null = false;
};

constexpr size_t kFewMembers = 12;

// Doubles as integers that are equal when the doubles are.
int64_t KeyOfDouble(double value) {
  if (value != value) return -1;
  return std::bit_cast<int64_t>(value == 0 ? 0.0 : value);
}

// Whatever is no member of a set with null in it may be one: null.
void NullWhereAbsent(Frame& f, const InSet& set) {
  if (!set.has_null) return;
  const auto* out = f.values<uint8_t>();
  ForRows(f.rows, [&](int i) {
    if (out[i] == 0) f.SetNull(i);
  });
}

template <class T>
void InIntegers(Frame& f) {
  const auto& set = f.state_as<InSet>();
  auto* out = f.values<uint8_t>();
  const T* in = f.args[0].data<T>();
  const size_t stride = f.args[0].constant ? 0 : 1;
  auto key = [&](int i) {
    if constexpr (std::is_same_v<T, double>) {
      return KeyOfDouble(in[stride * i]);
    } else {
      return static_cast<int64_t>(in[stride * i]);
    }
  };
  if (!set.few.empty()) {
    ForRows(f.rows, [&](int i) { out[i] = 0; });
    for (int64_t member : set.few) ForRows(f.rows, [&](int i) { out[i] |= key(i) == member; });
  } else {
    ForRows(f.rows, [&](int i) { out[i] = set.integers.count(key(i)) != 0; });
  }
  NullWhereAbsent(f, set);
}

void InStrings(Frame& f) {
  const auto& set = f.state_as<InSet>();
  auto* out = f.values<uint8_t>();
  internal::Arg<StringRef> in(f.args[0]);
  ForRows(f.rows, [&](int i) { out[i] = set.views.count(in[i].view()) != 0; });
  NullWhereAbsent(f, set);
}

void InDecimals(Frame& f) {
  const auto& set = f.state_as<InSet>();
  auto* out = f.values<uint8_t>();
  internal::Arg<Int128> in(f.args[0]);
  ForRows(f.rows,
          [&](int i) { out[i] = std::find(set.decimals.begin(), set.decimals.end(), in[i]) != set.decimals.end(); });
  NullWhereAbsent(f, set);
}

void IsNull(Frame& f) {
  auto* out = f.values<uint8_t>();
  const Vec& arg = f.args[0];
  ForRows(f.rows, [&](int i) { out[i] = !arg.IsValid(i); });
}

struct NotOp {
  uint8_t operator()(uint8_t a) const { return a ^ 1; }
};

uint8_t TruthOfInt(Frame&, int, int64_t v) { return v != 0; }
uint8_t TruthOfDouble(Frame&, int, double v) { return v != 0; }
uint8_t TruthOfDecimal(Frame&, int, Int128 v) { return v != 0; }
uint8_t TruthOfString(Frame&, int, StringRef v) { return v.size != 0; }
uint8_t TruthOfNested(Frame&, int, NestedRef v) {
  auto id = v.array->type->id();
  if (id != arrow::Type::LIST && id != arrow::Type::MAP) return 1;
  const auto* offsets = v.array->GetValues<int32_t>(1);
  return offsets[v.row + 1] != offsets[v.row];
}

template <class T>
bool LessThan(const T& a, const T& b) {
  return Lt<T>()(a, b) != 0;
}

// greatest and least skip nulls; null when all are.
template <class T, bool kGreatest>
void Extreme(Frame& f) {
  auto* out = f.values<T>();
  ForRows(f.rows, [&](int i) {
    bool any = false;
    T best{};
    for (int k = 0; k < f.num_args; ++k) {
      if (!f.args[k].IsValid(i)) continue;
      T value = f.args[k].data<T>()[f.args[k].constant ? 0 : i];
      if (!any || (kGreatest ? LessThan(best, value) : LessThan(value, best))) best = value;
      any = true;
    }
    out[i] = best;
    if (!any) f.SetNull(i);
  });
}

template <class T>
void NullIf(Frame& f) {
  auto* out = f.values<T>();
  const Vec& a = f.args[0];
  const Vec& b = f.args[1];
  ForRows(f.rows, [&](int i) {
    out[i] = a.data<T>()[a.constant ? 0 : i];
    if (!a.IsValid(i) || (b.IsValid(i) && Eq<T>()(out[i], b.data<T>()[b.constant ? 0 : i]))) f.SetNull(i);
  });
}

// The kernel of `Of<T>` for the registers that T lies in.
template <template <class> class Of>
std::string BindByPhys(CallBinding& call) {
  TypePtr t = call.t;
  switch (PhysOf(*t)) {
    case Phys::kBool:
      call.kernel = Of<uint8_t>::kKernel;
      return "";
    case Phys::kInt:
      call.kernel = Of<int64_t>::kKernel;
      return "";
    case Phys::kDouble:
      call.kernel = Of<double>::kKernel;
      return "";
    case Phys::kString:
      call.kernel = Of<StringRef>::kKernel;
      return "";
    case Phys::kDecimal:
      call.kernel = Of<Int128>::kKernel;
      return "";
    case Phys::kNull:
      call.kernel = Of<uint8_t>::kKernel;
      return "";
    default:
      return "values of type " + TypeName(*t) + " have no order";
  }
}

template <class T>
struct GreatestOf {
  static constexpr KernelFn kKernel = Extreme<T, true>;
};
template <class T>
struct LeastOf {
  static constexpr KernelFn kKernel = Extreme<T, false>;
};
template <class T>
struct NullIfOf {
  static constexpr KernelFn kKernel = NullIf<T>;
};

}  // namespace

KernelFn CompareKernel(CompareOp op, Phys phys) {
  switch (phys) {
    case Phys::kBool:
      return CompareKernelOf<uint8_t>(op);
    case Phys::kDouble:
      return CompareKernelOf<double>(op);
    case Phys::kString:
      return CompareKernelOf<StringRef>(op);
    case Phys::kDecimal:
      return CompareKernelOf<Int128>(op);
    default:
      return CompareKernelOf<int64_t>(op);
  }
}

std::shared_ptr<const KernelState> MakeInSet(const std::vector<const Node*>& constants, Phys phys, std::string* key) {
  auto set = std::make_shared<InSet>();
  std::vector<int64_t> keys;
  Scratch scratch;
  for (const Node* node : constants) {
    *key += std::to_string(node->id) + ",";
    Vec vec = LoadConstant(&scratch, *node->constant);
    if (vec.IsConstantNull()) {
      set->has_null = true;
    } else if (phys == Phys::kString) {
      set->strings.emplace(vec.data<StringRef>()->view());
    } else if (phys == Phys::kDecimal) {
      set->decimals.push_back(*vec.data<Int128>());
    } else if (phys == Phys::kDouble) {
      keys.push_back(KeyOfDouble(*vec.data<double>()));
    } else {
      keys.push_back(phys == Phys::kBool ? *vec.data<uint8_t>() : *vec.data<int64_t>());
    }
  }
  if (keys.size() <= kFewMembers) {
    set->few = std::move(keys);
  } else {
    set->integers.insert(keys.begin(), keys.end());
  }
  for (const std::string& text : set->strings) set->views.insert(text);
  return set;
}

KernelFn InKernel(Phys phys) {
  switch (phys) {
    case Phys::kBool:
      return InIntegers<uint8_t>;
    case Phys::kDouble:
      return InIntegers<double>;
    case Phys::kString:
      return InStrings;
    case Phys::kDecimal:
      return InDecimals;
    default:
      return InIntegers<int64_t>;
  }
}

KernelFn TruthKernel(Phys phys) {
  switch (phys) {
    case Phys::kInt:
      return Row<TruthOfInt>;
    case Phys::kDouble:
      return Row<TruthOfDouble>;
    case Phys::kDecimal:
      return Row<TruthOfDecimal>;
    case Phys::kString:
      return Row<TruthOfString>;
    default:
      return Row<TruthOfNested>;
  }
}

KernelFn IsNullKernel() { return IsNull; }
KernelFn NotKernel() { return Unary<uint8_t, uint8_t, NotOp>; }

void AddComparison(FunctionList* list) {
  list->push_back({"greatest",
                   "null",
                   "The largest of the values; nulls are skipped.",
                   "greatest(3, 7, 5)",
                   "7",
                   {{"(T...) -> T", nullptr, kHandlesNulls | kCanNull, BindByPhys<GreatestOf>}}});
  list->push_back({"least",
                   "null",
                   "The smallest of the values; nulls are skipped.",
                   "least(3, 7, 5)",
                   "3",
                   {{"(T...) -> T", nullptr, kHandlesNulls | kCanNull, BindByPhys<LeastOf>}}});
  list->push_back({"nullif",
                   "null",
                   "The first value, or null when both are equal.",
                   "nullif('n/a', 'n/a')",
                   "null",
                   {{"(T, T) -> T", nullptr, kHandlesNulls | kCanNull, BindByPhys<NullIfOf>}}});
}

}  // namespace weir::expr
