// Rows of a StreamTable as cells of state. Those that were put before and have not changed are not looked at.
#include <arrow/array/data.h>

#include <algorithm>

#include "state/cells/row_state.h"
#include "state/join/stream_table.h"
#include "state/snapshot/state_cells.h"

namespace weir {
namespace {

constexpr size_t kStep = 65536;  // rows that are made together

std::string KeyOf(const std::string& prefix, int64_t number) {
  std::string key = prefix;
  StateWriter(&key).Int(number);
  return key;
}

}  // namespace

Status StreamTable::PutChanges(const std::string& prefix, StateCells* out) {
  for (int side : {0, 1}) {
    for (const CellId& id : gone_[side]) out->Delete(side, id.group, KeyOf(prefix, id.number));
    gone_[side].clear();
    Side& of = sides_[side];
    std::vector<uint32_t> rows;
    for (uint32_t row : of.marks.marked()) {
      if (row < of.cells.size()) rows.push_back(row);
    }
    for (auto row = static_cast<uint32_t>(of.cells.size()); row < of.rows->num_rows(); ++row) rows.push_back(row);
    of.marks.Done();
    for (size_t begin = 0; begin < rows.size(); begin += kStep) {
      const std::span<const uint32_t> some(rows.data() + begin, std::min(kStep, rows.size() - begin));
      WEIR_RETURN_NOT_OK(PutRows(side, some, prefix, out));
    }
  }
  return Status::OK();
}

Status StreamTable::PutRows(int side, std::span<const uint32_t> rows, const std::string& prefix, StateCells* out) {
  Side& of = sides_[side];
  WEIR_ASSIGN_OR_RETURN(const Batch batch, of.rows->GatherRows(rows));
  CellKeys keys;
  WEIR_RETURN_NOT_OK(keys.Set(Keys(side, batch), batch.num_rows()));
  std::string value;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    const bool fresh = rows[i] == of.cells.size();
    if (fresh) of.cells.push_back({next_cell_++, keys.group(at)});
    const CellId& id = of.cells[rows[i]];
    if (of.rows->weight(rows[i]) == 0) {
      if (!fresh) out->Delete(side, id.group, KeyOf(prefix, id.number));
      continue;
    }
    value.clear();
    StateWriter writer(&value);
    AppendBatchRow(batch, at, &writer);
    writer.Int(options_.partners[side] ? of.partners[rows[i]] : 0);
    out->Put(side, id.group, KeyOf(prefix, id.number), value);
  }
  return Status::OK();
}

void StreamTable::PutGone(const std::string& prefix, StateCells* out) const {
  for (int side : {0, 1}) {
    for (const auto* ids : {&gone_[side], &sides_[side].cells}) {
      for (const CellId& id : *ids) out->Delete(side, id.group, KeyOf(prefix, id.number));
    }
  }
}

Status StreamTable::Restore(const StateCells& all, std::span<const int64_t> numbers, size_t prefix_size) {
  std::vector<std::pair<int64_t, int64_t>> in_order[2];  // number, index in `all`
  for (const int64_t i : numbers) {
    const StateCell cell = all.at(i);
    if (cell.table > 1 || cell.key.size() < prefix_size) return DamagedState();
    in_order[cell.table].emplace_back(StateReader(cell.key.substr(prefix_size)).Int(), i);
  }
  for (int side : {0, 1}) {
    std::sort(in_order[side].begin(), in_order[side].end());
    const std::span<const std::pair<int64_t, int64_t>> rows(in_order[side]);
    for (size_t begin = 0; begin < rows.size(); begin += kStep) {
      WEIR_RETURN_NOT_OK(RestoreSide(side, all, rows.subspan(begin, std::min(kStep, rows.size() - begin))));
    }
    sides_[side].marks.Done();
  }
  rebuild_rows_ = std::max(rebuild_rows_, (sides_[0].rows->num_rows() + sides_[1].rows->num_rows()) * 2);
  return Status::OK();
}

Status StreamTable::RestoreSide(int side, const StateCells& all,
                                std::span<const std::pair<int64_t, int64_t>> in_order) {
  Side& to = sides_[side];
  BatchStateReader reader(options_.schemas[side]);
  std::vector<int64_t> partners;
  for (const auto& [number, i] : in_order) {
    const StateCell cell = all.at(i);
    StateReader value(cell.value);
    WEIR_RETURN_NOT_OK(reader.Add(&value));
    partners.push_back(value.Int());
    if (!value.AtEnd()) return DamagedState();
    to.cells.push_back({number, cell.group});
    next_cell_ = std::max(next_cell_, number + 1);
  }
  WEIR_ASSIGN_OR_RETURN(const Batch batch, reader.Finish());
  std::vector<uint32_t> groups;
  WEIR_RETURN_NOT_OK(Lookup(side, batch, &groups));
  WEIR_RETURN_NOT_OK(Add(side, batch, groups));
  if (to.rows->num_rows() != to.cells.size()) return DamagedState();
  if (options_.partners[side]) {
    std::copy(partners.begin(), partners.end(), to.partners.end() - static_cast<int64_t>(partners.size()));
  }
  return Status::OK();
}

}  // namespace weir
