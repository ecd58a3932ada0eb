// Putting what has changed of things that are numbered by a table of keys: one cell each.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "state/cells/cell_marks.h"
#include "state/cells/row_state.h"
#include "state/snapshot/state_cells.h"

namespace weir {

/// Where the cells of a table go. Keys are `prefix`, then the bytes of the key columns (StateWriter::Bytes).
struct CellPlace {
  int table = 0;
  std::string prefix{};
  const std::vector<int>* hashed = nullptr;  // see CellKeys::Set
};

namespace cells_internal {

constexpr size_t kStep = 65536;  // cells that are made together

/// fn(number, group, key) for each of `numbers`; `columns` is Result<columns>(span of numbers).
template <class Columns, class Fn>
Status ForEachKey(const CellPlace& place, std::span<const uint32_t> numbers, Columns columns, Fn fn) {
  std::string key;
  CellKeys keys;
  for (size_t begin = 0; begin < numbers.size(); begin += kStep) {
    const auto some = numbers.subspan(begin, std::min(kStep, numbers.size() - begin));
    WEIR_ASSIGN_OR_RETURN(auto of_some, columns(some));
    WEIR_RETURN_NOT_OK(keys.Set(std::move(of_some), static_cast<int64_t>(some.size()), place.hashed));
    for (size_t i = 0; i < some.size(); ++i) {
      key = place.prefix;
      StateWriter writer(&key);
      keys.Append(static_cast<int64_t>(i), &writer);
      fn(some[i], keys.group(static_cast<int64_t>(i)), key);
    }
  }
  return Status::OK();
}

}  // namespace cells_internal

/// Puts what is marked. value(number, StateWriter*) writes its value, or says false: there is none to keep.
template <class Columns, class Value>
Status PutMarked(const CellPlace& place, Columns columns, Value value, CellMarks* marks, StateCells* out) {
  std::string bytes;
  WEIR_RETURN_NOT_OK(cells_internal::ForEachKey(place, marks->marked(), columns,
                                                [&](uint32_t number, int group, const std::string& key) {
                                                  bytes.clear();
                                                  StateWriter writer(&bytes);
                                                  const bool keep = value(number, &writer);
                                                  if (keep) out->Put(place.table, group, key, bytes);
                                                  if (!keep && marks->stored(number))
                                                    out->Delete(place.table, group, key);
                                                  marks->set_stored(number, keep);
                                                }));
  marks->Done();
  return Status::OK();
}

/// Deletes all that is stored.
template <class Columns>
Status DeleteStored(const CellPlace& place, Columns columns, const CellMarks& marks, StateCells* out) {
  const std::vector<uint32_t> stored = marks.Stored();
  return cells_internal::ForEachKey(place, stored, columns, [&](uint32_t, int group, const std::string& key) {
    out->Delete(place.table, group, key);
  });
}

}  // namespace weir
