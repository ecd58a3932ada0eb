// Map functions.
#include <arrow/array/data.h>
#include <arrow/type.h>

#include "expr/functions/kernels.h"
#include "expr/functions/nested.h"

namespace weir::expr {
namespace {

// Row of `key` among the entries of `map`, or -1. The last of equal keys counts, as in JSON.
int32_t FindKey(NestedRef map, std::string_view key) {
  ColumnValues<StringRef> keys(KeysOf(*map.array));
  auto offset = static_cast<int32_t>(map.array->child_data[0]->offset);
  ItemRange items = ItemsOf(map);
  for (int32_t k = items.end; k > items.begin; --k) {
    if (keys.At(k - 1 + offset).view() == key) return k - 1 + offset;
  }
  return -1;
}

void MapGet(Frame& f) {
  if (f.args[0].array == nullptr) return;
  internal::Arg<NestedRef> maps(f.args[0]);
  internal::Arg<StringRef> keys(f.args[1]);
  Slab places = f.scratch->Take(4);
  auto* place = places.as<int32_t>();
  ForRows(f.rows, [&](int i) { place[i] = FindKey(maps[i], keys[i].view()); });
  ReplaceOut(&f, LoadRows(f.scratch, ValuesOf(*f.args[0].array), place, nullptr, f.rows));
}

uint8_t HasKey(Frame&, int, NestedRef map, StringRef key) { return FindKey(map, key.view()) >= 0; }

void Entries(Frame& f, int child) {
  if (f.args[0].array == nullptr) return;
  internal::Arg<NestedRef> maps(f.args[0]);
  const arrow::ArrayData& entries = *f.args[0].array->child_data[0];
  std::vector<int32_t> offsets{0}, rows;
  ForRows(f.rows, [&](int i) {
    for (ItemRange r = ItemsOf(maps[i]); r.begin < r.end; ++r.begin)
      rows.push_back(static_cast<int32_t>(r.begin + entries.offset));
    offsets.push_back(static_cast<int32_t>(rows.size()));
  });
  f.status = SetLists(&f, entries.child_data[child], offsets, rows);
}
void Keys(Frame& f) { Entries(f, 0); }
void Values(Frame& f) { Entries(f, 1); }

std::string BindValue(CallBinding& call) {
  call.result = call.t ? call.t : arrow::null();
  return "";
}

}  // namespace

void AddMaps(FunctionList* list) {
  auto add = [&](const char* name, const char* doc, const char* example, const char* result,
                 std::vector<Overload> overloads) {
    list->push_back({name, "map", doc, example, result, std::move(overloads)});
  };
  add("map_get", "The value of a key, also written m['key']; null when there is none.", "map_get({'a' || '': 1}, 'a')",
      "1", {{"(map<T>, string) -> T", MapGet, kCanNull, BindValue}});
  add("has_key", "Whether a map has a key.", "has_key({'a' || '': 1}, 'b')", "false",
      {{"(map<T>, string) -> boolean", Row<HasKey>}});
  add("keys", "The keys of a map.", "keys({'a' || '': 1})", "['a']", {{"(map<T>) -> array<string>", Keys}});
  add("values", "The values of a map, in the order of keys().", "values({'a' || '': 1})", "[1]",
      {{"(map<T>) -> array<T>", Values}});
}

}  // namespace weir::expr
