// The cells of a PaneTable as cells of state. Key: bytes of the key columns, start and end of the window. Value:
//   flags · index · live · [time] · slots of the trigger · [row of partial states] · [row of the last pane, with its
//   event time and window]
#include <arrow/array/data.h>

#include <algorithm>

#include "batch/gather.h"
#include "state/aggregate/numbered_columns.h"
#include "state/cells/row_state.h"
#include "state/panes/pane_table.h"
#include "state/snapshot/state_cells.h"

namespace weir {
namespace {

constexpr int kTable = 0;
constexpr uint8_t kHasTime = 8, kHasSums = 16, kHasEmitted = 32;  // beside the flags of a cell
constexpr size_t kStep = 65536;                                   // cells that are put together

void AppendKey(CellKeys* keys, int64_t row, const Window& window, std::string* key) {
  key->clear();
  StateWriter writer(key);
  keys->Append(row, &writer);
  writer.Int(window.start);
  writer.Int(window.end);
}

}  // namespace

Status PaneTable::PutChanges(StateCells* out) {
  if (before_renumbering_ != nullptr) out->AppendGroups(*before_renumbering_, 0, kKeyGroups);
  before_renumbering_.reset();
  WEIR_RETURN_NOT_OK(PutFreed(out));
  freed_.clear();
  std::vector<bool> is_free(sessions_ ? cells_.size() : 0, false);
  for (uint32_t cell : free_cells_) is_free[cell] = true;
  std::vector<uint32_t> changed;
  for (uint32_t cell : marks_.marked()) {
    if (!sessions_ || !is_free[cell]) changed.push_back(cell);
  }
  if (sessions_) stored_window_.resize(cells_.size());
  for (size_t begin = 0; begin < changed.size(); begin += kStep) {
    const std::span<const uint32_t> some(changed.data() + begin, std::min(kStep, changed.size() - begin));
    WEIR_RETURN_NOT_OK(PutCells(some, out));
    for (uint32_t cell : some) {
      marks_.set_stored(cell, true);
      if (sessions_) stored_window_[cell] = window_of_cell_[cell];
    }
  }
  marks_.Done();
  return Status::OK();
}

Status PaneTable::PutCells(std::span<const uint32_t> cells, StateCells* out) const {
  std::vector<uint32_t> keys, accumulators;
  std::vector<SourceRow> emitted_rows;
  for (uint32_t id : cells) {
    keys.push_back(sessions_ ? key_of_cell_[id] : id);
    if (cells_[id].accumulator != kNone) accumulators.push_back(cells_[id].accumulator);
    if (cells_[id].emitted.source >= 0) emitted_rows.push_back(cells_[id].emitted);
  }
  WEIR_ASSIGN_OR_RETURN(auto key_columns, ColumnsOfNumbers(keys, nullptr, [&](uint32_t begin, uint32_t end, auto*) {
                          return keys_.KeyColumns(begin, end);
                        }));
  std::vector<ArrayDataPtr> partial;
  if (!accumulators.empty()) {
    WEIR_ASSIGN_OR_RETURN(partial, states_.PartialOf(accumulators.data(), static_cast<uint32_t>(accumulators.size())));
  }
  Batch emitted;
  if (!emitted_rows.empty()) {
    WEIR_ASSIGN_OR_RETURN(emitted, Emitted(emitted_rows));
  }
  CellKeys cell_keys;
  WEIR_RETURN_NOT_OK(cell_keys.Set(std::move(key_columns), static_cast<int64_t>(cells.size())));
  std::string key;
  int64_t partial_row = 0, emitted_row = 0;
  for (size_t i = 0; i < cells.size(); ++i) {
    const uint32_t id = cells[i];
    const auto row = static_cast<int64_t>(i);
    const Window& window = sessions_ ? window_of_cell_[id] : window_;
    if (sessions_ && marks_.stored(id) && !(stored_window_[id] == window)) {
      AppendKey(&cell_keys, row, stored_window_[id], &key);
      out->Delete(kTable, cell_keys.group(row), key);
    }
    AppendKey(&cell_keys, row, window, &key);
    out->Put(kTable, cell_keys.group(row), key, ValueOf(id, partial, partial_row, emitted, emitted_row));
    partial_row += cells_[id].accumulator != kNone;
    emitted_row += cells_[id].emitted.source >= 0;
  }
  return Status::OK();
}

std::string PaneTable::ValueOf(uint32_t id, const std::vector<ArrayDataPtr>& partial, int64_t partial_row,
                               const Batch& emitted, int64_t emitted_row) const {
  const Cell& cell = cells_[id];
  std::string value, bytes;
  StateWriter writer(&value);
  const bool passed = sessions_ ? cell_passed(id) : passed_;
  const bool has_sums = cell.accumulator != kNone, has_emitted = cell.emitted.source >= 0;
  writer.Byte(static_cast<uint8_t>((cell.flags & (kFresh | kFinished)) | (passed ? kPassed : 0) |
                                   (cell.has_time ? kHasTime : 0) | (has_sums ? kHasSums : 0) |
                                   (has_emitted ? kHasEmitted : 0)));
  writer.Int(cell.index);
  writer.Int(cell.live);
  if (cell.has_time) writer.Int(cell.time);
  const int num_slots = static_cast<int>(rules_->trigger.num_slots());
  for (int i = 0; i < num_slots; ++i) writer.Int(slots_[int64_t{id} * num_slots + i]);
  if (has_sums) {
    AppendRowState(partial, partial_row, &bytes);
    writer.Bytes(bytes);
  }
  if (has_emitted) AppendBatchRow(emitted, emitted_row, &writer);
  return value;
}

Status PaneTable::PutFreed(StateCells* out) const {
  if (freed_.empty()) return Status::OK();
  std::vector<uint32_t> keys;
  for (const auto& [key, window] : freed_) keys.push_back(key);
  WEIR_ASSIGN_OR_RETURN(auto columns, ColumnsOfNumbers(keys, nullptr, [&](uint32_t begin, uint32_t end, auto*) {
                          return keys_.KeyColumns(begin, end);
                        }));
  CellKeys cell_keys;
  WEIR_RETURN_NOT_OK(cell_keys.Set(std::move(columns), static_cast<int64_t>(keys.size())));
  std::string key;
  for (size_t i = 0; i < freed_.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    AppendKey(&cell_keys, row, freed_[i].second, &key);
    out->Delete(kTable, cell_keys.group(row), key);
  }
  return Status::OK();
}

Status PaneTable::PutGone(StateCells* out) const {
  const std::vector<uint32_t> stored = marks_.Stored();
  std::string key;
  for (size_t begin = 0; begin < stored.size(); begin += kStep) {
    const std::span<const uint32_t> some(stored.data() + begin, std::min(kStep, stored.size() - begin));
    WEIR_ASSIGN_OR_RETURN(auto columns, ColumnsOfNumbers(some, nullptr, [&](uint32_t first, uint32_t end, auto*) {
                            return keys_.KeyColumns(first, end);
                          }));
    CellKeys cell_keys;
    WEIR_RETURN_NOT_OK(cell_keys.Set(std::move(columns), static_cast<int64_t>(some.size())));
    for (size_t i = 0; i < some.size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      AppendKey(&cell_keys, row, window_, &key);
      out->Delete(kTable, cell_keys.group(row), key);
    }
  }
  return Status::OK();
}

Result<Window> PaneTable::WindowOf(const StateCell& cell) {
  StateReader reader(cell.key);
  reader.Bytes();
  const EventTime start = reader.Int(), end = reader.Int();
  if (!reader.AtEnd()) return DamagedState();
  return Window{start, end};
}

/// Rows of cells that are read.
struct PaneTable::Restored {
  explicit Restored(const PaneTable& table, std::vector<TypePtr> partial_types)
      : keys(table.rules_->key_types), partial(std::move(partial_types)), emitted(table.rules_->output_schema) {}
  RowStateReader keys, partial;
  BatchStateReader emitted;
  std::vector<Window> windows;                       // of each cell
  std::vector<Cell> cells;                           // in the order in which they were read
  std::vector<int64_t> slots;                        // the same
  std::vector<uint32_t> with_partial, with_emitted;  // numbers of cells as they were read
};

Status PaneTable::Restore(const StateCells& all, std::span<const int64_t> cells) {
  for (size_t begin = 0; begin < cells.size(); begin += kStep) {
    Restored restored(*this, states_.partial_types());
    for (size_t i = begin; i < std::min(begin + kStep, cells.size()); ++i) {
      WEIR_RETURN_NOT_OK(ReadCell(all.at(cells[i]), &restored));
    }
    WEIR_RETURN_NOT_OK(TakeRestored(&restored));
  }
  marks_.Done();
  return Status::OK();
}

Status PaneTable::ReadCell(const StateCell& from, Restored* restored) {
  WEIR_ASSIGN_OR_RETURN(const Window window, WindowOf(from));
  WEIR_RETURN_NOT_OK(restored->keys.Add(StateReader(from.key).Bytes()));
  StateReader in(from.value);
  Cell cell;
  const uint8_t flags = in.Byte();
  cell.flags = flags & (kFresh | kFinished | kPassed);
  cell.index = static_cast<int32_t>(in.Int());
  cell.live = in.Int();
  cell.has_time = (flags & kHasTime) != 0;
  if (cell.has_time) cell.time = in.Int();
  for (size_t i = 0; i < static_cast<size_t>(rules_->trigger.num_slots()); ++i) restored->slots.push_back(in.Int());
  const auto number = static_cast<uint32_t>(restored->cells.size());
  if ((flags & kHasSums) != 0) {
    restored->with_partial.push_back(number);
    WEIR_RETURN_NOT_OK(restored->partial.Add(in.Bytes()));
  }
  if ((flags & kHasEmitted) != 0) {
    restored->with_emitted.push_back(number);
    WEIR_RETURN_NOT_OK(restored->emitted.Add(&in));
  }
  restored->windows.push_back(window);
  restored->cells.push_back(cell);
  return in.AtEnd() ? Status::OK() : DamagedState();
}

Status PaneTable::TakeRestored(Restored* restored) {
  const auto count = static_cast<int64_t>(restored->cells.size());
  WEIR_ASSIGN_OR_RETURN(const auto keys, restored->keys.Finish());
  std::vector<uint32_t> ids(restored->cells.size());
  WEIR_RETURN_NOT_OK(keys_.Lookup(keys, count, ids.data()));
  if (sessions_) {
    for (size_t i = 0; i < ids.size(); ++i) ids[i] = NewCell(ids[i], restored->windows[i]);
    stored_window_.resize(cells_.size());
  } else {
    Grow(keys_.num_groups());
  }
  const auto num_slots = static_cast<int64_t>(rules_->trigger.num_slots());
  for (size_t i = 0; i < ids.size(); ++i) {
    cells_[ids[i]] = restored->cells[i];
    passed_ = passed_ || (!sessions_ && cell_passed(ids[i]));
    std::copy_n(restored->slots.begin() + static_cast<int64_t>(i) * num_slots, num_slots, slots(ids[i]));
    NoteTimer(ids[i]);
    marks_.set_stored(ids[i], true);
    if (sessions_) stored_window_[ids[i]] = restored->windows[i];
  }
  if (!restored->with_partial.empty()) {
    std::vector<uint32_t> accumulators;
    for (uint32_t i : restored->with_partial) accumulators.push_back(AccumulatorOf(&cells_[ids[i]]));
    WEIR_ASSIGN_OR_RETURN(const auto partial, restored->partial.Finish());
    WEIR_RETURN_NOT_OK(
        states_.Merge(accumulators.data(), accumulators_, partial, static_cast<int64_t>(accumulators.size())));
  }
  if (restored->with_emitted.empty()) return Status::OK();
  std::vector<uint32_t> owners;
  for (uint32_t i : restored->with_emitted) {
    cells_[ids[i]].emitted = {static_cast<int32_t>(emitted_.size()), static_cast<int32_t>(owners.size())};
    owners.push_back(ids[i]);
  }
  WEIR_ASSIGN_OR_RETURN(Batch emitted, restored->emitted.Finish());
  emitted_rows_ += static_cast<int64_t>(owners.size());
  emitted_.push_back(std::move(emitted));
  emitted_cells_.push_back(std::move(owners));
  return Status::OK();
}

}  // namespace weir
