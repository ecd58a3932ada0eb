// List functions. Those that give lists of the same items in another order work on item numbers and copy the items
// once.
#include <arrow/array/array_base.h>
#include <arrow/array/concatenate.h>
#include <arrow/array/util.h>
#include <arrow/type.h>

#include <algorithm>
#include <unordered_set>

#include "batch/gather.h"
#include "expr/functions/kernels.h"
#include "expr/functions/nested.h"
#include "expr/functions/utf8.h"

namespace weir::expr {
namespace {

template <class T>
struct Order {
  static bool Equal(const T& a, const T& b) { return a == b; }
  static bool Less(const T& a, const T& b) { return a < b; }
};
template <>
struct Order<double> : TotalOrder {};
template <>
struct Order<StringRef> {
  static bool Equal(const StringRef& a, const StringRef& b) { return EqualStrings(a, b); }
  static bool Less(const StringRef& a, const StringRef& b) { return CompareStrings(a, b) < 0; }
};

// The kernel Of<T>::kKernel for the items' type.
template <template <class> class Of>
std::string BindItems(CallBinding& call) {
  switch (call.t ? PhysOf(*call.t) : Phys::kNull) {
    case Phys::kBool:
    case Phys::kNull:
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
    default:
      return "items of type " + TypeName(*call.t) + " cannot be compared";
  }
}

int64_t Length(Frame&, int, NestedRef list) {
  ItemRange items = ItemsOf(list);
  return items.end - items.begin;
}

int64_t Characters(Frame&, int, StringRef s) { return CountCodePoints(s.view()); }

// Picks items of each list by `pick(begin, end, &rows)` and makes lists of them.
template <class Pick>
void PickItems(Frame& f, Pick pick) {
  internal::Arg<NestedRef> lists(f.args[0]);
  std::vector<int32_t> offsets{0}, rows;
  ForRows(f.rows, [&](int i) {
    ItemRange items = ItemsOf(lists[i]);
    pick(i, items.begin, items.end, &rows);
    offsets.push_back(static_cast<int32_t>(rows.size()));
  });
  if (f.args[0].array != nullptr) f.status = SetLists(&f, f.args[0].array->child_data[0], offsets, rows);
}

void SliceList(Frame& f) {
  internal::Arg<int64_t> from(f.args[1]), to(f.args[2]);
  PickItems(f, [&](int i, int64_t begin, int64_t end, std::vector<int32_t>* rows) {
    int64_t n = end - begin;
    auto place = [n](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + n : at, 0, n); };
    for (int64_t k = place(from[i]); k < place(to[i]); ++k) rows->push_back(static_cast<int32_t>(begin + k));
  });
}

void ReverseList(Frame& f) {
  PickItems(f, [](int, int32_t begin, int32_t end, std::vector<int32_t>* rows) {
    for (int32_t k = end; k > begin; --k) rows->push_back(k - 1);
  });
}

// Ascending or descending, nulls last.
template <class T, bool kDescending>
void SortList(Frame& f) {
  if (f.args[0].array == nullptr) return;
  ColumnValues<T> values(*f.args[0].array->child_data[0]);
  PickItems(f, [&](int, int32_t begin, int32_t end, std::vector<int32_t>* rows) {
    size_t at = rows->size();
    for (int32_t k = begin; k < end; ++k) rows->push_back(k);
    std::stable_sort(rows->begin() + at, rows->end(), [&](int32_t a, int32_t b) {
      if (values.IsNull(a) || values.IsNull(b)) return !values.IsNull(a) && values.IsNull(b);
      return kDescending ? Order<T>::Less(values.At(b), values.At(a)) : Order<T>::Less(values.At(a), values.At(b));
    });
  });
}

// The first of equal items, nulls left out.
template <class T>
void DistinctList(Frame& f) {
  if (f.args[0].array == nullptr) return;
  ColumnValues<T> values(*f.args[0].array->child_data[0]);
  std::vector<int32_t> order;
  PickItems(f, [&](int, int32_t begin, int32_t end, std::vector<int32_t>* rows) {
    order.clear();
    for (int32_t k = begin; k < end; ++k) {
      if (!values.IsNull(k)) order.push_back(k);
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](int32_t a, int32_t b) { return Order<T>::Less(values.At(a), values.At(b)); });
    order.erase(std::unique(order.begin(), order.end(),
                            [&](int32_t a, int32_t b) { return Order<T>::Equal(values.At(a), values.At(b)); }),
                order.end());
    std::sort(order.begin(), order.end());
    rows->insert(rows->end(), order.begin(), order.end());
  });
}

template <class T>
void ContainsItem(Frame& f) {
  auto* out = f.values<uint8_t>();
  if (f.args[0].array == nullptr) return;
  internal::Arg<NestedRef> lists(f.args[0]);
  internal::Arg<T> wanted(f.args[1]);
  ColumnValues<T> values(*f.args[0].array->child_data[0]);
  ForRows(f.rows, [&](int i) {
    ItemRange items = ItemsOf(lists[i]);
    out[i] = 0;
    for (int32_t k = items.begin; k < items.end && out[i] == 0; ++k) {
      out[i] = !values.IsNull(k) && Order<T>::Equal(values.At(k), wanted[i]);
    }
  });
}

template <class T>
struct ContainsOf {
  static constexpr KernelFn kKernel = ContainsItem<T>;
};
template <class T>
struct SortOf {
  static constexpr KernelFn kKernel = SortList<T, false>;
};
template <class T>
struct SortDownOf {
  static constexpr KernelFn kKernel = SortList<T, true>;
};
template <class T>
struct DistinctOf {
  static constexpr KernelFn kKernel = DistinctList<T>;
};

// Where an item stands: the register of its type is loaded from the items' array.
void ElementAt(Frame& f) {
  if (f.args[0].array == nullptr) return;
  internal::Arg<NestedRef> lists(f.args[0]);
  internal::Arg<int64_t> at(f.args[1]);
  Slab places = f.scratch->Take(4);
  auto* place = places.as<int32_t>();
  ForRows(f.rows, [&](int i) {
    ItemRange items = ItemsOf(lists[i]);
    int64_t n = items.end - items.begin;
    int64_t k = at[i] < 0 ? at[i] + n : at[i];
    place[i] = k < 0 || k >= n ? -1 : static_cast<int32_t>(items.begin + k);
  });
  Vec loaded = LoadRows(f.scratch, *f.args[0].array->child_data[0], place, nullptr, f.rows);
  ReplaceOut(&f, std::move(loaded));
}

std::string BindElement(CallBinding& call) {
  call.result = call.t ? call.t : arrow::null();
  return "";
}

// Lists a and b one behind the other.
Status ConcatTwo(Frame* f) {
  internal::Arg<NestedRef> a(f->args[0]), b(f->args[1]);
  std::vector<int32_t> offsets{0}, rows;
  if (f->args[0].array == nullptr || f->args[1].array == nullptr) return Status::OK();
  const ArrayDataPtr& left = f->args[0].array->child_data[0];
  const ArrayDataPtr& right = f->args[1].array->child_data[0];
  std::vector<int32_t> from_left, from_right;
  ForRows(f->rows, [&](int i) {
    for (ItemRange r = ItemsOf(a[i]); r.begin < r.end; ++r.begin) from_left.push_back(r.begin);
    for (ItemRange r = ItemsOf(b[i]); r.begin < r.end; ++r.begin) from_right.push_back(r.begin);
  });
  WEIR_ASSIGN_OR_RETURN(auto left_items, GatherColumn(left, from_left));
  WEIR_ASSIGN_OR_RETURN(auto right_items, GatherColumn(right, from_right));
  WEIR_ASSIGN_OR_RETURN(auto both, arrow::Concatenate({arrow::MakeArray(left_items), arrow::MakeArray(right_items)}));
  int32_t next_left = 0, next_right = static_cast<int32_t>(from_left.size());
  ForRows(f->rows, [&](int i) {
    for (ItemRange r = ItemsOf(a[i]); r.begin < r.end; ++r.begin) rows.push_back(next_left++);
    for (ItemRange r = ItemsOf(b[i]); r.begin < r.end; ++r.begin) rows.push_back(next_right++);
    offsets.push_back(static_cast<int32_t>(rows.size()));
  });
  return SetLists(f, both->data(), offsets, rows);
}
void ConcatLists(Frame& f) { f.status = ConcatTwo(&f); }

StringRef Join(Frame& f, int, NestedRef list, StringRef separator) {
  ColumnValues<StringRef> values(ItemsArray(list));
  std::string out;
  bool first = true;
  for (ItemRange r = ItemsOf(list); r.begin < r.end; ++r.begin) {
    if (values.IsNull(r.begin)) continue;
    if (!first) out.append(separator.view());
    first = false;
    out.append(values.At(r.begin).view());
  }
  return f.Copy(out);
}

int64_t SumIntegers(Frame& f, int i, NestedRef list) {
  ColumnValues<int64_t> values(ItemsArray(list));
  int64_t sum = 0;
  bool overflow = false;
  for (ItemRange r = ItemsOf(list); r.begin < r.end; ++r.begin) {
    if (!values.IsNull(r.begin)) overflow |= __builtin_add_overflow(sum, values.At(r.begin), &sum);
  }
  if (overflow) f.Fail(i, "integer overflow in list_sum()");
  return sum;
}
double SumDoubles(Frame&, int, NestedRef list) {
  ColumnValues<double> values(ItemsArray(list));
  double sum = 0;
  for (ItemRange r = ItemsOf(list); r.begin < r.end; ++r.begin) sum += values.IsNull(r.begin) ? 0 : values.At(r.begin);
  return sum;
}

template <class T, bool kGreatest>
void ExtremeItem(Frame& f) {
  if (f.args[0].array == nullptr) return;
  internal::Arg<NestedRef> lists(f.args[0]);
  ColumnValues<T> values(*f.args[0].array->child_data[0]);
  Slab places = f.scratch->Take(4);
  auto* place = places.as<int32_t>();
  ForRows(f.rows, [&](int i) {
    place[i] = -1;
    for (ItemRange r = ItemsOf(lists[i]); r.begin < r.end; ++r.begin) {
      if (values.IsNull(r.begin)) continue;
      bool better = place[i] < 0 || (kGreatest ? Order<T>::Less(values.At(place[i]), values.At(r.begin))
                                               : Order<T>::Less(values.At(r.begin), values.At(place[i])));
      if (better) place[i] = r.begin;
    }
  });
  ReplaceOut(&f, LoadRows(f.scratch, *f.args[0].array->child_data[0], place, nullptr, f.rows));
}
template <class T>
struct MinOf {
  static constexpr KernelFn kKernel = ExtremeItem<T, false>;
};
template <class T>
struct MaxOf {
  static constexpr KernelFn kKernel = ExtremeItem<T, true>;
};

}  // namespace

void AddLists(FunctionList* list) {
  auto add = [&](const char* name, const char* doc, const char* example, const char* result,
                 std::vector<Overload> overloads) {
    list->push_back({name, "list", doc, example, result, std::move(overloads)});
  };
  add("len", "Number of items of a list or map, or of characters.", "len([1, 2, 3])", "3",
      {{"(array) -> integer", Row<Length>},
       {"(string) -> integer", Row<Characters>},
       {"(map<T>) -> integer", Row<Length>}});
  AddOverloads(list, "contains", {{"(array<T>, T) -> boolean", nullptr, kNoFlags, BindItems<ContainsOf>}});
  AddOverloads(list, "slice", {{"(array<T>, integer, integer) -> array<T>", SliceList}});
  AddOverloads(list, "element_at", {{"(array<T>, integer) -> T", ElementAt, kCanNull, BindElement}});
  AddOverloads(list, "||", {{"(array<T>, array<T>) -> array<T>", ConcatLists}});
  add("split", "The parts of a string between separators; an empty separator gives its characters.",
      "split('a,b', ',')", "['a', 'b']", {{"(string, string) -> array<string>", Split}});
  add("join", "The strings of a list with a separator between them; nulls are skipped.", "join(['a', 'b'], ', ')",
      "'a, b'", {{"(array<string>, string) -> string", Row<Join>}});
  add("list_sum", "Sum of the items; nulls are skipped, no items give 0.", "list_sum([1, 2, 3])", "6",
      {{"(array<integer>) -> integer", Row<SumIntegers>, kCanFail}, {"(array<number>) -> number", Row<SumDoubles>}});
  add("list_min", "The smallest item; nulls are skipped.", "list_min([3, 1, 2])", "1",
      {{"(array<T>) -> T", nullptr, kCanNull, BindItems<MinOf>}});
  add("list_max", "The largest item; nulls are skipped.", "list_max([3, 1, 2])", "3",
      {{"(array<T>) -> T", nullptr, kCanNull, BindItems<MaxOf>}});
  add("list_sort", "The items in ascending order, nulls last.", "list_sort([3, 1, 2])", "[1, 2, 3]",
      {{"(array<T>) -> array<T>", nullptr, kNoFlags, BindItems<SortOf>}});
  add("list_sort_desc", "The items in descending order, nulls last.", "list_sort_desc([3, 1, 2])", "[3, 2, 1]",
      {{"(array<T>) -> array<T>", nullptr, kNoFlags, BindItems<SortDownOf>}});
  add("list_distinct", "The items without repetitions and nulls.", "list_distinct([3, 1, 3])", "[3, 1]",
      {{"(array<T>) -> array<T>", nullptr, kNoFlags, BindItems<DistinctOf>}});
  add("list_reverse", "The items from last to first.", "list_reverse([1, 2])", "[2, 1]",
      {{"(array<T>) -> array<T>", ReverseList}});
}

}  // namespace weir::expr
